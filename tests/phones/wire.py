"""A caller made by hand: SIP over one UDP socket for many calls, the sound of each in `wire_sound.py`.

For what no phone does: a hundred calls in one process, exact digits in both directions, garbage beside a call,
RTP watched packet by packet. It repeats requests (RFC 3261 Timers A and E) and acknowledges every 200 again.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from tests.phones.nat import Host
from tests.phones.wire_sound import Sound, open_sound, tick, udp_socket

T1 = 0.5  # s


@dataclass
class WireCall:
    """One call; `invite` first, then digits and sound, then `bye` or `ended`."""

    line: Line
    call_id: str
    number: str
    sound: Sound
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    statuses: list[int] = field(default_factory=list)
    answer: str = ""  # SDP of the newest 200
    last_response: str = ""
    to_tags: list[str] = field(default_factory=list)  # of the other side; two would be two calls
    _cseq: int = 0
    _request_text: str = ""  # the newest request but ACK
    _final: dict[int, asyncio.Future[int]] = field(default_factory=dict)  # by CSeq number
    _ack: dict[int, str] = field(default_factory=dict)

    async def invite(self, direction: str = "sendrecv", connection: str = "") -> int:
        """Offer PCMU and telephone-event, first or again; returns the final status, acknowledged.

        `connection` is the address that the offer names ("": ours).
        """
        self._cseq += 1
        connection = connection or self.line.host
        events = self.sound.event_type
        sdp = (
            f"v=0\r\no=wire 1 {self._cseq} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 {connection}\r\nt=0 0\r\n"
            f"m=audio {self.sound.port} {self.sound.proto} 0 {events}\r\n"
            f"a=rtpmap:{events} telephone-event/8000\r\n"
            f"a=fmtp:{events} 0-15\r\n{self.sound.lines}a={direction}\r\n"
        )
        status = await self._request("INVITE", sdp)
        if status == 200:
            self.sound.speak_to(self.answer)
        return status

    async def bye(self) -> int:
        """Hang up; returns the status of the answer."""
        self._cseq += 1
        self.sound.talking = False
        return await self._request("BYE")

    def cancel(self) -> None:
        """Give up an INVITE that nobody has answered; `invite` returns its status."""
        self.line.send(self._message("CANCEL", self._cseq, f"{self.call_id}-{self._cseq}"))

    async def move(self) -> int:
        """Take the sound at another port from here on, and say so with a re-INVITE; returns its status."""
        self.sound.close()
        self.sound = await open_sound(self.sound.event_type, self.line.at)
        return await self.invite()

    def repeat(self) -> None:
        """Send the newest request once more, as if its answer were lost."""
        self.line.send(self._request_text)

    def take(self, message: str) -> None:
        """Take one SIP message of this call."""
        first, _, _ = message.partition("\r\n")
        cseq = re.search(r"^CSeq:\s*(\d+)\s+(\w+)", message, re.MULTILINE | re.IGNORECASE)
        assert cseq, message
        if first.startswith("SIP/2.0 "):
            self._take_response(int(first.split()[1]), int(cseq[1]), cseq[2], message)
        elif first.startswith("BYE "):
            self.line.reply(message, "200 OK")
            self.sound.talking = False
            self.ended.set()
        elif not first.startswith("ACK "):
            self.line.reply(message, "501 Not Implemented")

    def _take_response(self, status: int, number: int, method: str, message: str) -> None:
        self.statuses.append(status)
        self.last_response = message
        if status < 200 or method == "CANCEL":
            return
        tag = re.search(r"^To:.*;tag=([^\s;]+)", message, re.MULTILINE | re.IGNORECASE)
        if tag and tag[1] not in self.to_tags:
            self.to_tags.append(tag[1])
        if method == "INVITE":
            if status == 200:
                self.answer = message.partition("\r\n\r\n")[2]
            branch = f"{self.call_id}-{number}" + ("-ack" if status == 200 else "")
            self._ack[number] = self._message("ACK", number, branch)
            self.line.send(self._ack[number])
        waiting = self._final.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(status)

    async def _request(self, method: str, body: str = "") -> int:
        """Send a request until its final answer; Timers A and E."""
        number = self._cseq
        waiting: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._final[number] = waiting
        text = self._request_text = self._message(method, number, f"{self.call_id}-{number}", body)
        seen = len(self.statuses)
        for interval in (T1, 2 * T1, 4 * T1, 8 * T1, 16 * T1):
            self.line.send(text)
            done, _ = await asyncio.wait([waiting], timeout=interval)
            if done:
                return waiting.result()
            if len(self.statuses) > seen:  # provisional: wait on without repeating
                async with asyncio.timeout(30.0):
                    return await waiting
        raise TimeoutError(f"no answer to {method}")

    def _message(self, method: str, number: int, branch: str, body: str = "") -> str:
        to_tag = f";tag={self.to_tags[0]}" if self.to_tags else ""
        content = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} sip:{self.number}@{self.line.server[0]}:{self.line.server[1]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.line.host}:{self.line.port};branch=z9hG4bK{branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:wire@127.0.0.1>;tag={self.call_id}\r\n"
            f"To: <sip:{self.number}@127.0.0.1>{to_tag}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {number} {method}\r\nContact: <sip:wire@{self.line.host}:{self.line.port}>\r\n"
            f"{content}Content-Length: {len(body)}\r\n\r\n{body}"
        )


class Line(asyncio.DatagramProtocol):
    """The SIP socket that all calls share; made by `wire`."""

    def __init__(self, server: tuple[str, int], at: Host | None = None) -> None:
        self.server = server
        self.at = at
        self.host = at.address if at is not None else "127.0.0.1"
        self.port = 0
        self.calls: dict[str, WireCall] = {}
        self._names = itertools.count(1)
        self._transport: asyncio.DatagramTransport | None = None

    async def new_call(self, number: str, event_type: int = 101) -> WireCall:
        """Prepare a call to a number; `event_type` is the payload type that it lists for telephone-event."""
        name = f"wire{self.port}x{next(self._names)}"
        call = self.calls[name] = WireCall(self, name, number, await open_sound(event_type, self.at))
        return call

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # the loop's own class is no subclass
        self.port = int(transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        message = data.decode()
        name = re.search(r"^Call-ID:\s*(\S+)", message, re.MULTILINE | re.IGNORECASE)
        if name and name[1] in self.calls:
            self.calls[name[1]].take(message)

    def send(self, text: str) -> None:
        assert self._transport is not None
        self._transport.sendto(text.encode(), self.server)

    def reply(self, request: str, status: str) -> None:
        """Answer a request with its own Via, From, To, Call-ID and CSeq."""
        kept = re.findall(r"^(?:Via|From|To|Call-ID|CSeq):.*\r\n", request, re.MULTILINE | re.IGNORECASE)
        self.send(f"SIP/2.0 {status}\r\n{''.join(kept)}Content-Length: 0\r\n\r\n")


@asynccontextmanager
async def wire(server: str, at: Host | None = None) -> AsyncIterator[Line]:
    """Open a line to HOST:PORT; its calls end with it, without a goodbye.

    `at` is a machine of a network of the tests' own, which the caller sits at.
    """
    host, _, port = server.rpartition(":")
    loop = asyncio.get_running_loop()
    transport, line = await loop.create_datagram_endpoint(
        lambda: Line((host, int(port)), at), sock=udp_socket(at)
    )
    clock = asyncio.create_task(tick(lambda: [call.sound for call in line.calls.values()]))
    try:
        yield line
    finally:
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)
        for call in line.calls.values():
            call.sound.close()
        transport.close()
