"""What strangers reach, and the servers that we tell things to."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from pathlib import Path

from tests.doctor.patients import HELLO, bad, errors, found, of, patient
from tests.doctor.sip_servers import tls_server
from tests.fakes.authority import Authority
from tests.phones import ports
from voipbin_sip.doctor.exposure import exposure, receivers
from voipbin_sip.doctor.finding import Level
from voipbin_sip.observe.running import Running

DOOR = """
name: door
actions:
  - type: answer
  - type: webhook_send
    option: {{sync: true, uri: "{uri}"}}
  - type: hangup
"""


async def test_public_numbers_are_named(tmp_path: Path) -> None:
    (told,) = of(Level.INFO, await found(exposure, patient(tmp_path)))
    assert "reach 1 number: 100" in told


async def test_nobody_comes_in_without_a_password(tmp_path: Path) -> None:
    whom = patient(tmp_path, sections={"numbers": [{"number": "100", "flow": "hello"}]})
    findings = await found(exposure, whom)
    assert of(Level.INFO, findings) == []
    assert "nobody calls without a password" in findings[0].finding


async def test_a_webhook_in_a_private_network_is_refused_with_the_key_that_opens_it(tmp_path: Path) -> None:
    (told,) = errors(await found(receivers, patient(tmp_path, webhook={"uri": "http://127.0.0.1:9/events"})))
    assert "is in a private range" in told
    assert "http.allow_private: [127.0.0.1]" in told


async def test_a_dead_webhook(tmp_path: Path) -> None:
    uri = f"http://127.0.0.1:{ports.free()}/events"
    whom = patient(tmp_path, webhook={"uri": uri}, http={"allow_private": ["127.0.0.1"]})
    (told,) = errors(await found(receivers, whom))
    assert "no connection" in told and "webhook.uri" in told


async def test_a_webhook_that_lives_is_connected_to_and_sent_nothing(tmp_path: Path) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.put_nowait(await reader.read())
        writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    async with server:
        uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/events"
        whom = patient(tmp_path, webhook={"uri": uri}, http={"allow_private": ["127.0.0.1"]})
        findings = await found(receivers, whom)
        async with asyncio.timeout(5):
            assert await heard.get() == b""
    assert bad(findings) == []


async def test_a_web_server_of_a_flow_with_a_certificate_that_nobody_takes(tmp_path: Path) -> None:
    pair = Authority(tmp_path).pair("theirs", names=["localhost"])
    async with tls_server(pair) as port:
        flows = {"hello": HELLO, "door": DOOR.format(uri=f"https://localhost:{port}/open")}
        whom = patient(tmp_path, flows=flows, http={"allow_private": ["localhost"]})
        findings = await found(receivers, whom)
    (told,) = errors(findings)
    assert "its certificate is refused" in told
    assert findings[0].where == f"{tmp_path / 'flows' / 'door.yaml'}:5"


async def test_a_mail_server_that_is_off(tmp_path: Path) -> None:
    smtp = {"host": "127.0.0.1", "port": ports.free(), "from": "voicemail@example.com"}
    (told,) = errors(await found(receivers, patient(tmp_path, smtp=smtp)))
    assert "mail server 127.0.0.1" in told and "no connection" in told


async def test_a_server_that_takes_no_connection_at_all(tmp_path: Path) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))  # bound, and does not listen
        uri = f"http://127.0.0.1:{full.getsockname()[1]}/"
        whom = patient(tmp_path, webhook={"uri": uri}, http={"allow_private": ["127.0.0.1"]})
        assert len(errors(await found(receivers, whom))) == 1


async def test_the_webhook_that_the_api_has_set(tmp_path: Path) -> None:
    def ask(path: str) -> dict[str, str]:
        assert path == "/v1.0/customer"
        return {"webhook_uri": "http://127.0.0.1:9/events"}

    whom = replace(patient(tmp_path), server=Running(os.getpid(), "", ""), ask=ask)
    (told,) = errors(await found(receivers, whom))
    assert "webhook_uri of the customer" in told and "private range" in told
