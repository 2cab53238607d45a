"""Kamailio as our carrier: we register with it, its calls reach our numbers, our calls go out by it with digest."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from pathlib import Path

import pytest

from tests.phones import ports, prompts, sound
from tests.phones.account import Account
from tests.phones.desks import VOICES, voices, voices_in
from tests.phones.installed import needs_kamailio, needs_pjsua
from tests.phones.kamailio import PASSWORD, Kamailio, kamailio
from tests.phones.pjsua import Pjsua, pjsua
from tests.phones.server import Server, serving
from tests.phones.wire import wire
from tests.phones.wire_sound import encode_ulaw

pytestmark = [pytest.mark.phones, needs_kamailio, needs_pjsua]

HOST = "127.0.0.2"  # the carriers': nobody else calls from there
DID = "+15550100"
FAR = "+493012345678"  # a phone registered with the carrier
HELLO = """
name: hello
actions:
  - type: answer
  - type: play
    option: {stream_urls: [sounds/one.wav]}
  - type: digits_receive
    option: {duration: 5000, length: 1}
  - type: play
    option: {stream_urls: [sounds/two.wav]}
  - type: hangup
"""
OUT = f"""
name: out
actions:
  - type: connect
    option:
      source: {{type: tel, target: "{DID}"}}
      destinations: [{{type: tel, target: "{FAR}"}}]
  - type: hangup
"""


def provider(name: str, port: int, **keys: object) -> dict[str, object]:
    entry = {"id": name, "hostname": f"{HOST}:{port}", "username": "customer", "password": PASSWORD}
    return {**entry, "probe": 1, **keys}


def customer(folder: Path, providers: Sequence[Mapping[str, object]]) -> AbstractContextManager[Server]:
    """Start a server with these providers, the first of them preferred."""
    routes = [{"provider_id": entry["id"], "priority": position} for position, entry in enumerate(providers)]
    return serving(
        folder,
        {"hello": HELLO, "out": OUT},
        numbers={DID: "hello", "900": "out"},
        sections={"providers": [dict(entry) for entry in providers], "routes": routes},
        outbound={"allow": ["+49"]},
    )


async def logged(server: Server, text: str, times: int = 1, seconds: float = 10.0) -> None:
    """Wait until the server has logged something so many times."""
    deadline = time.monotonic() + seconds
    while server.log.read_text(errors="replace").count(text) < times:
        assert time.monotonic() < deadline, f"no {text!r}:\n{server.tail()}"
        await asyncio.sleep(0.05)


def far_phone(folder: Path, carrier: Kamailio) -> AbstractAsyncContextManager[Pjsua]:
    voice = prompts.write(folder / "voice-far.wav", prompts.tone(VOICES["pjsua"], 60.0))
    return pjsua(folder, name="far", voice=voice, account=Account(FAR, PASSWORD, carrier.address))


async def test_we_register_stay_so_and_leave(tmp_path: Path) -> None:
    async with kamailio(tmp_path, role="CARRIER", host=HOST, expires=(1, 2)) as carrier:
        with customer(tmp_path, [provider("carrier", carrier.port, register=60)]) as server:
            await logged(server, "registered with provider")
            await asyncio.sleep(3.8)
            server.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(server.process.wait, 10.0)
        asked = carrier.seen("REGISTER")
        assert len({seen.call_id for seen in asked}) == 1
        assert [seen.expires for seen in asked].count(
            "60"
        ) >= 4  # the first is challenged, its nonce serves the others too
        assert {seen.to for seen in asked} == {f"<sip:customer@{HOST}>"}
        assert {seen.contact for seen in asked} == {f"<sip:customer@{server.address}>"}
        assert asked[-1].expires == "0"
    assert server.log.read_text(errors="replace").count("registered with provider") == 1


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_from_the_carrier_reaches_the_flow_of_the_number(tmp_path: Path, transport: str) -> None:
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(
            kamailio(tmp_path, role="CARRIER", host=HOST, account="customer", dids="^[+]1555")
        )
        server = stack.enter_context(
            customer(tmp_path, [provider("carrier", carrier.port, register=60, transport=transport)])
        )
        await logged(server, "registered with provider")
        caller = await stack.enter_async_context(far_phone(tmp_path, carrier))
        await caller.call(DID, carrier.address)
        await asyncio.sleep(1.5)
        await caller.press("1")
        assert await caller.over() == 200
        (bye,) = carrier.seen("BYE")
        assert f"{carrier.address};" in bye.route
    assert prompts.places(sound.tones(sound.heard(caller.recording))) == ["one", "two"]


async def test_a_call_of_ours_goes_out_with_digest_and_both_hear_each_other(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(kamailio(tmp_path, role="CARRIER", host=HOST))
        server = stack.enter_context(customer(tmp_path, [provider("carrier", carrier.port, register=60)]))
        line = await stack.enter_async_context(wire(server.address))
        far = await stack.enter_async_context(far_phone(tmp_path, carrier))
        call = await line.new_call("900")
        call.sound.voice = encode_ulaw(prompts.tone(VOICES["linphone"], 1.0))
        calling = asyncio.create_task(call.invite())
        await far.rings()
        await far.answer()
        assert await calling == 200
        await asyncio.sleep(2.0)
        await far.hang_up()
        assert await far.over() == 200
        invites = carrier.seen("INVITE", server.port)
        assert len(invites) == 2  # the first was challenged
        assert {invite.route for invite in invites} == {f"<sip:{carrier.address};lr;service>"}
        assert {invite.to.partition(">")[0] for invite in invites} == {f"<sip:{FAR}@{HOST}"}
        async with asyncio.timeout(5.0):
            await call.ended.wait()
    heard = voices_in(call.sound.heard(), 8000)
    assert heard["pjsua"] >= 1.4, heard
    assert heard["linphone"] == 0.0, heard
    heard = voices(far.recording)
    assert heard["linphone"] >= 1.4, heard
    assert heard["pjsua"] == 0.0, heard


async def test_a_carrier_that_dies_is_noticed_and_one_that_lives_again_too(tmp_path: Path) -> None:
    port = ports.free()
    over_tcp = provider("carrier", port, register=60, transport="tcp")
    async with AsyncExitStack() as stack:
        async with kamailio(tmp_path, role="CARRIER", host=HOST, port=port) as carrier:
            server = stack.enter_context(customer(tmp_path, [over_tcp, provider("by_udp", port)]))
            await carrier.child.line(f"REQUEST OPTIONS .* from {server.port} ")
            await logged(server, "] registered with provider")
            carrier.kill()
            killed = time.monotonic()
            await logged(server, "provider does not answer", times=2)
            assert time.monotonic() - killed < 8.0  # usually 3
            assert "why='connection lost'" in server.log.read_text(errors="replace")
        async with kamailio(tmp_path, role="CARRIER", host=HOST, port=port):
            await logged(server, "provider answers again", times=2, seconds=6.0)
            await logged(server, "] registered with provider", times=2, seconds=8.0)


async def test_the_second_carrier_takes_over(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        full = await stack.enter_async_context(
            kamailio(tmp_path / "full", role="CARRIER", host=HOST, refuses="503")
        )
        good = await stack.enter_async_context(kamailio(tmp_path / "good", role="CARRIER", host=HOST))
        server = stack.enter_context(
            customer(tmp_path, [provider("full", full.port), provider("good", good.port)])
        )
        line = await stack.enter_async_context(wire(server.address))
        far = await stack.enter_async_context(far_phone(tmp_path, good))
        for state in ("answers 503", "is gone"):
            if state == "is gone":
                full.kill()
                await logged(server, "provider does not answer")
            call = await line.new_call("900")
            began = time.monotonic()
            calling = asyncio.create_task(call.invite())
            await far.rings()
            assert time.monotonic() - began < 3.0, state  # usually 0.1
            await far.answer()
            assert await calling == 200
            assert await call.bye() == 200
            await far.closed()
        assert len(full.seen("INVITE", server.port)) == 2  # one call: challenged, then refused


class Stream:
    """A carrier on a TCP connection that the server opens: answers REGISTER, and then calls over it."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[str] = asyncio.Queue()
        self.registered = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lstrip()
                length = re.search(r"^Content-Length: (\d+)", head, re.MULTILINE)
                body = await reader.readexactly(int(length[1]) if length else 0)
                if head.startswith(("REGISTER", "OPTIONS")):
                    kept = re.findall(
                        r"^(?:Via|From|To|Call-ID|CSeq|Contact|Expires): .*\r\n", head, re.MULTILINE
                    )
                    self.send(f"SIP/2.0 200 OK\r\n{''.join(kept)}Content-Length: 0\r\n\r\n")
                    self.registered.set()
                else:
                    self.messages.put_nowait(head + body.decode())

    def send(self, text: str) -> None:
        assert self._writer is not None
        self._writer.write(text.encode())

    def request(self, method: str, uri: str, number: int, to_tag: str = "", body: str = "") -> None:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.send(
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/TCP {HOST}:5;branch=z9hG4bK{method}{number};rport\r\n"
            f"From: <sip:+4930111@{HOST}>;tag=c\r\nTo: <sip:{DID}@{HOST}>{to_tag}\r\nCall-ID: back\r\n"
            f"CSeq: {number} {method}\r\nContact: <sip:{HOST}:5;transport=tcp>\r\nMax-Forwards: 70\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    async def final(self) -> str:
        """Return the next message that is no provisional response."""
        async with asyncio.timeout(5.0):
            while (message := await self.messages.get()).startswith("SIP/2.0 1"):
                pass
        return message


async def test_calls_come_in_over_the_connection_that_we_have_opened(tmp_path: Path) -> None:
    """A carrier cannot open one to a customer behind a NAT. In-dialog requests of ours take it too."""
    carrier = Stream()
    listener = await asyncio.start_server(carrier.serve, HOST, 0)
    port = listener.sockets[0].getsockname()[1]
    with customer(tmp_path, [provider("carrier", port, register=60, transport="tcp")]) as server:
        await asyncio.wait_for(carrier.registered.wait(), 5.0)
        sdp = f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
        carrier.request("INVITE", f"sip:customer@{server.address};transport=tcp", 1, body=sdp)
        answer = await carrier.final()
        assert answer.startswith("SIP/2.0 200")
        assert f"Contact: <sip:customer@{server.address};transport=tcp>" in answer
        tag = re.search(r"^To: .*(;tag=\S+)", answer, re.MULTILINE)
        assert tag
        carrier.request("ACK", f"sip:customer@{server.address};transport=tcp", 1, to_tag=tag[1])
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGTERM)  # at once
        bye = await carrier.final()
        assert bye.startswith(f"BYE sip:{HOST}:5;transport=tcp SIP/2.0")
    listener.close()
