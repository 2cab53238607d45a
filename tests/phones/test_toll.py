"""Calls that leave the server, with SIPp as the carrier: where they may go, how many, how fast and how long."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.phones import ports, prompts, sound
from tests.phones.desks import PASSWORD, pjsua_desk, voices
from tests.phones.installed import needs_pjsua, needs_sipp
from tests.phones.pjsua import Pjsua
from tests.phones.server import Server, serving
from tests.phones.wire import wire
from tests.phones.wire_peer import peer

pytestmark = [pytest.mark.phones, needs_sipp]

BERLIN, JAMAICA, PREMIUM, FRANCE = "+493012345678", "+18765551234", "+499001234567", "+33123456789"
DID = "+493055501000"
OUT = """
name: {name}
actions:
  - type: connect
    option: {{destinations: [{destination}]}}
  - type: answer
  - type: condition_variable
    option:
      condition: "=="
      value_type: string
      variable: voipbin.connect.reason
      value_string: "{reason}"
      false_target_id: other
  - type: play
    option: {{stream_urls: [sounds/one.wav]}}
  - type: hangup
  - {{id: other, type: play, option: {{stream_urls: [sounds/wrong.wav]}}}}
  - type: hangup
"""
NUMBER = "{{type: tel, target: '{0}'}}"
FLOWS = {
    "jamaica": OUT.format(
        name="jamaica",
        destination=NUMBER.format(JAMAICA),
        reason="the country JM is not in outbound.countries",
    ),
    "premium": OUT.format(
        name="premium",
        destination=NUMBER.format(PREMIUM),
        reason="+4990…67 is a premium-rate number, which outbound.allow would have to name: '+49900'",
    ),
    "france": OUT.format(
        name="france",
        destination=NUMBER.format(FRANCE),
        reason="outbound.allow names no beginning of +3312…89",
    ),
    "elsewhere": OUT.format(
        name="elsewhere",
        destination="{type: sip, target: bob@sip.example.com}",
        reason="outbound.allow does not name sip.example.com",
    ),
    "desk": OUT.format(name="desk", destination="{type: extension, target: '1009'}", reason="none"),
    "other": OUT.format(name="other", destination="{type: extension, target: '1008'}", reason="none"),
}
NUMBERS = {
    "701": "jamaica",
    "702": "premium",
    "703": "france",
    "704": "elsewhere",
    "709": "desk",
    "708": "other",
}
LIMITS: dict[str, dict[str, float]] = {
    "1001": {"concurrent": 1},
    "1002": {"per_minute": 2},
    "1003": {"minutes_per_day": 0.05},  # 3 s
}


@contextmanager
def sipp_carrier(folder: Path) -> Iterator[int]:
    """Run SIPp as somebody who answers every call and returns its sound; gives its port."""
    port = ports.free()
    argv = ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(port)]
    argv += ["-mp", str(ports.free_block(4)), "-rtp_echo", "-nostdin", "-trace_msg"]
    argv += ["-message_file", str(folder / "carrier.log")]
    with (folder / "carrier.out").open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env={**os.environ, "TERM": "dumb"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield port
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    folder = tmp_path_factory.mktemp("carrier")
    with sipp_carrier(folder) as port:
        yield folder, port


@pytest.fixture(scope="module")
def server(carrier: tuple[Path, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    extensions = [
        {"extension": str(name), "password": PASSWORD, "limits": LIMITS.get(str(name), {})}
        for name in range(1000, 1010)
    ]
    providers = [{"id": "carrier", "hostname": f"127.0.0.1:{carrier[1]}", "probe": 0}]
    with serving(
        tmp_path_factory.mktemp("toll"),
        FLOWS,
        numbers=NUMBERS,
        sections={
            "extensions": extensions,
            "providers": providers,
            "routes": [{"provider_id": "carrier"}],
            "numbers": [
                {"number": DID, "flow": "desk"},
                *({"number": number, "flow": flow, "public": True} for number, flow in NUMBERS.items()),
            ],
        },
        outbound={
            "allow": ["+49", "+1"],
            "countries": ["DE", "US"],
            "default_outgoing_source_number": DID,
        },
    ) as server:
        yield server


def dialled(carrier: tuple[Path, int]) -> list[str]:
    """Return the users that the carrier was asked for, each call once."""
    file = carrier[0] / "carrier.log"
    text = file.read_text(errors="replace") if file.exists() else ""
    calls = re.findall(r"^INVITE sip:([^@]*)@.*?^Call-ID: (\S+)", text, re.MULTILINE | re.DOTALL)
    return list({call_id: user for user, call_id in calls}.values())


async def refused(phone: Pjsua, number: str, server: Server) -> tuple[int, float]:
    """Dial in vain; returns the status and how long it took."""
    began = time.monotonic()
    await phone.dial(number, server.address)
    return await phone.closed(), time.monotonic() - began


@pytest.mark.parametrize("number", ["701", "702", "703", "704"])
async def test_a_flow_that_dials_what_is_not_allowed_goes_on_at_once_and_knows_why(
    server: Server, carrier: tuple[Path, int], number: str
) -> None:
    before = dialled(carrier)
    began = time.monotonic()
    async with wire(server.address) as line:
        call = await line.new_call(number)
        assert await call.invite() == 200
        assert time.monotonic() - began < 1.0
        async with asyncio.timeout(5.0):
            await call.ended.wait()
    assert prompts.places(sound.tones(sound.stretches(call.sound.heard(), 8000))) == ["one"]
    assert dialled(carrier) == before


async def test_whole_numbers_are_not_in_the_log(server: Server) -> None:
    log = server.log.read_text(errors="replace")
    assert "+3312…89" in log
    for number in (JAMAICA, PREMIUM, FRANCE):
        assert number not in log and number[1:] not in log


@needs_pjsua
async def test_a_phone_dials_out_and_not_everywhere(
    server: Server, carrier: tuple[Path, int], tmp_path: Path
) -> None:
    async with pjsua_desk("1000", server, tmp_path) as phone:
        for number in (JAMAICA, PREMIUM, FRANCE):
            status, seconds = await refused(phone, number, server)
            assert (status, seconds < 1.0) == (403, True), number
        await phone.call(BERLIN, server.address)
        await asyncio.sleep(1.5)
        await phone.hang_up()
        assert await phone.over() == 200
    assert dialled(carrier)[-1] == BERLIN
    assert voices(phone.recording)["pjsua"] >= 0.8  # the carrier returns it


@needs_pjsua
async def test_a_transfer_goes_nowhere_that_the_phone_itself_may_not_call(
    server: Server, carrier: tuple[Path, int], tmp_path: Path
) -> None:
    before = len(dialled(carrier))
    (tmp_path / "other").mkdir()
    async with (
        pjsua_desk("1004", server, tmp_path) as phone,
        pjsua_desk("1005", server, tmp_path / "other") as other,
    ):
        calling = asyncio.create_task(phone.call("1005", server.address))
        await other.rings()
        await other.answer()
        await calling
        await phone.transfer(JAMAICA, server.address)
        assert await phone.transferred() == 403
        assert len(dialled(carrier)) == before
        await other.transfer(BERLIN, server.address)
        assert await other.transferred() == 200
        await asyncio.sleep(0.5)
        await phone.hang_up()
        await phone.closed()
    assert dialled(carrier)[before:] == [BERLIN]


async def test_a_redirection_to_a_foreign_host_is_not_followed(server: Server) -> None:
    async with (
        peer(server.address) as phone,
        peer(server.address) as stranger,
        wire(server.address) as line,
    ):
        await phone.register("1009", PASSWORD)
        call = await line.new_call("709")
        calling = asyncio.create_task(call.invite())
        invite = await phone.next("INVITE")
        moved = (
            f"Contact: <sip:nobody@127.0.0.1:{stranger.port}>, "
            f"<sip:{JAMAICA}@127.0.0.1:{stranger.port}>, "
            f"<sip:nobody@voipbin.test;maddr=127.0.0.1:{stranger.port}>, "
            f"<sip:bob@stranger.example;maddr=127.0.0.1>"
        )
        phone.called(invite).reply(invite, "302 Moved Temporarily", moved)
        assert await calling == 200  # the flow goes on
        await stranger.nothing("INVITE", 0.5)
        assert await call.bye() == 200
    assert "redirection not followed" in server.log.read_text(errors="replace")


async def test_a_phone_forwards_to_where_it_may_dial_and_pays_for_it(
    server: Server, carrier: tuple[Path, int]
) -> None:
    before = len(dialled(carrier))
    async with peer(server.address) as phone, peer(server.address) as other, wire(server.address) as line:
        await phone.register("1008", PASSWORD)
        await other.register("1006", PASSWORD)
        for wanted in (BERLIN, "1006"):
            call = await line.new_call("708")
            calling = asyncio.create_task(call.invite())
            invite = await phone.next("INVITE")
            phone.called(invite).reply(
                invite, "302 Moved Temporarily", f"Contact: <sip:{wanted}@{server.address}>"
            )
            if wanted == "1006":
                invite = await other.next("INVITE")
                other.called(invite).reply(invite, "486 Busy Here")
            assert await calling == 200
            assert await call.bye() == 200
    assert dialled(carrier)[before:] == [BERLIN]
    database = sqlite3.connect(server.config.parent / "data" / "voipbin.db")
    deadline = time.monotonic() + 3.0
    while time.monotonic() < deadline:
        rows = [row[0] for row in database.execute("SELECT account FROM outbound_usage")]
        if "extension:1008" in rows:
            break
        await asyncio.sleep(0.1)
    database.close()
    assert "extension:1008" in rows and "" not in rows


@needs_pjsua
async def test_one_call_at_once(server: Server, carrier: tuple[Path, int], tmp_path: Path) -> None:
    before = len(dialled(carrier))
    async with pjsua_desk("1001", server, tmp_path) as phone:
        (tmp_path / "second").mkdir()
        async with pjsua_desk("1001", server, tmp_path / "second") as second:
            await phone.call(BERLIN, server.address)
            assert (await refused(second, BERLIN, server))[0] == 403
            await phone.hang_up()
            await phone.closed()
            await second.call(BERLIN, server.address)
            await second.hang_up()
            await second.closed()
    assert len(dialled(carrier)) == before + 2
    assert "extension 1001 has 1 call already" in server.log.read_text(errors="replace")


@needs_pjsua
async def test_two_calls_a_minute(server: Server, tmp_path: Path) -> None:
    async with pjsua_desk("1002", server, tmp_path) as phone:
        for _ in range(2):
            await phone.call(BERLIN, server.address)
            await phone.hang_up()
            await phone.closed()
        assert (await refused(phone, BERLIN, server))[0] == 403
    assert "extension 1002 has begun 2 calls within a minute" in server.log.read_text(errors="replace")


@needs_pjsua
async def test_a_call_ends_when_the_minutes_are_used_up_and_a_restart_does_not_bring_them_back(
    server: Server, tmp_path: Path
) -> None:
    async with pjsua_desk("1003", server, tmp_path) as phone:
        began = time.monotonic()
        await phone.call(BERLIN, server.address)
        assert await phone.closed(8.0) == 200
        assert 2.5 < time.monotonic() - began < 6.0
        assert (await refused(phone, BERLIN, server))[0] == 403
        await asyncio.sleep(0.5)  # until it is on disk
        server.kill()
        server.start()
        assert (await refused(phone, BERLIN, server))[0] == 403
    assert "extension 1003 has used its 0.05 minutes of today" in server.log.read_text(errors="replace")


SHORT = """
name: short
actions:
  - type: connect
    option: {destinations: [{type: tel, target: "+493012345678"}], dial_timeout: 1000}
  - type: answer
  - type: sleep
    option: {duration: 60000}
"""


async def test_however_a_call_fails_its_place_is_free_again(tmp_path: Path) -> None:
    async with peer("127.0.0.1:9") as carrier:
        with serving(
            tmp_path,
            {"short": SHORT},
            numbers={DID: "short"},
            sections={
                "providers": [{"id": "carrier", "hostname": f"127.0.0.1:{carrier.port}", "probe": 0}],
                "routes": [{"provider_id": "carrier"}],
            },
            outbound={
                "allow": ["+49"],
                "limits": {"total": {"concurrent": 1}},
                "default_outgoing_source_number": DID,
            },
        ) as server:
            carrier.server = ("127.0.0.1", server.port)
            seen: set[str] = set()
            async with wire(server.address) as line:
                for answer in ("486 Busy Here", "503 Busy", "302 Moved", "180 Ringing", "", "486 Busy Here"):
                    call = await line.new_call(DID)
                    calling = asyncio.create_task(call.invite())
                    invite = await carrier.next("INVITE")
                    while invite["Call-ID"] in seen:  # repeated for want of an answer
                        invite = await carrier.next("INVITE")
                    seen.add(invite["Call-ID"])
                    if answer:
                        contact = "Contact: <sip:+18765551234@stranger.example>"
                        carrier.called(invite).reply(invite, answer, contact)
                    assert await calling == 200
                    if answer == "180 Ringing":
                        cancel = await carrier.next("CANCEL")
                        carrier.called(invite).reply(cancel, "200 OK")
                        carrier.called(invite).reply(invite, "487 Request Terminated")
                    assert await call.bye() == 200
