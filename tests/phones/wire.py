"""A caller made by hand: SIP over one UDP socket for many calls, an RTP socket and its packets for each.

For what no phone does: a hundred calls in one process, exact digits in both directions, garbage beside a call,
RTP watched packet by packet. It repeats requests (RFC 3261 Timers A and E) and acknowledges every 200 again.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt

T1 = 0.5  # s
EVENTS = "0123456789*#ABCD"  # RFC 4733 section 3.2
_SILENCE = b"\xff" * 160  # PCMU


@dataclass(frozen=True, slots=True)
class Packet:
    """One received RTP packet."""

    at: float  # monotonic s
    payload_type: int
    sequence: int
    timestamp: int
    payload: bytes


class _RtpSocket(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.packets: list[Packet] = []

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        if len(data) >= 12 and data[0] == 0x80:
            _, kind, sequence, timestamp, _ = struct.unpack("!BBHII", data[:12])
            self.packets.append(Packet(time.monotonic(), kind & 0x7F, sequence, timestamp, data[12:]))


@dataclass
class WireCall:
    """One call; `invite` first, then digits and sound, then `bye` or `ended`."""

    line: Line
    call_id: str
    number: str
    rtp: _RtpSocket
    rtp_transport: asyncio.DatagramTransport
    event_type: int = 101  # payload type that we list for telephone-event
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    statuses: list[int] = field(default_factory=list)
    answer: str = ""  # SDP of the newest 200
    last_response: str = ""
    to_tags: list[str] = field(
        default_factory=list
    )  # of the other side: more than one would be several calls
    remote_rtp: tuple[str, int] = ("", 0)
    talking: bool = False
    _cseq: int = 0
    _request_text: str = ""  # the newest request but ACK
    _final: dict[int, asyncio.Future[int]] = field(default_factory=dict)  # by CSeq number
    _ack: dict[int, str] = field(default_factory=dict)
    _sequence: int = 1000
    _timestamp: int = 160_000

    @property
    def rtp_port(self) -> int:
        return int(self.rtp_transport.get_extra_info("sockname")[1])

    async def invite(self, direction: str = "sendrecv", connection: str = "127.0.0.1") -> int:
        """Offer PCMU and telephone-event, first or again; returns the final status, acknowledged."""
        self._cseq += 1
        sdp = (
            f"v=0\r\no=wire 1 {self._cseq} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 {connection}\r\nt=0 0\r\n"
            f"m=audio {self.rtp_port} RTP/AVP 0 {self.event_type}\r\n"
            f"a=rtpmap:{self.event_type} telephone-event/8000\r\na=fmtp:{self.event_type} 0-15\r\n"
            f"a={direction}\r\n"
        )
        status = await self._request("INVITE", sdp)
        if status == 200:
            connection_line = re.search(r"c=IN IP4 (\S+)", self.answer)
            port = re.search(r"m=audio (\d+)", self.answer)
            assert connection_line and port, self.answer
            self.remote_rtp = (connection_line[1], int(port[1]))
            self.talking = True
        return status

    async def bye(self) -> int:
        """Hang up; returns the status of the answer."""
        self._cseq += 1
        self.talking = False
        return await self._request("BYE")

    async def move(self) -> int:
        """Take the sound at another port from here on, and say so with a re-INVITE; returns its status."""
        self.rtp_transport.close()
        self.rtp, self.rtp_transport = await _open_rtp()
        return await self.invite()

    def repeat(self) -> None:
        """Send the newest request once more, as if its answer were lost."""
        self.line.send(self._request_text)

    async def press(self, digits: str) -> None:
        """Send digits as RFC 4733 events of 100 ms, 100 ms apart, the end of each three times."""
        for digit in digits:
            stamp, marker = self._timestamp, 0x80
            for duration, end in [*((160 * step, 0) for step in range(1, 5)), *[(800, 0x80)] * 3]:
                payload = struct.pack("!BBH", EVENTS.index(digit), end | 10, duration)
                self._send_rtp(self.event_type | marker, stamp, payload)
                marker = 0
                await asyncio.sleep(0.02)
            self._timestamp += 2 * 800
            await asyncio.sleep(0.1)

    def speak(self) -> None:
        """Send one packet of silence; the line's clock calls this every 20 ms."""
        self._send_rtp(0, self._timestamp, _SILENCE)
        self._timestamp += 160

    def digits(self) -> str:
        """Return the digits that came as RFC 4733 events, one for each timestamp."""
        events = {p.timestamp: p.payload[0] for p in self.rtp.packets if p.payload_type == self.event_type}
        return "".join(EVENTS[event] for _, event in sorted(events.items()))

    def sound(self, since: float = 0.0) -> npt.NDArray[np.float64]:
        """Return what came as PCMU since a monotonic time, in order of sequence, float64 [samples] at 8 kHz."""
        packets = sorted(
            (p for p in self.rtp.packets if p.payload_type == 0 and p.at >= since), key=lambda p: p.sequence
        )
        return decode_ulaw(b"".join(packet.payload for packet in packets))

    def take(self, message: str) -> None:
        """Take one SIP message of this call."""
        first, _, _ = message.partition("\r\n")
        cseq = re.search(r"^CSeq:\s*(\d+)\s+(\w+)", message, re.MULTILINE | re.IGNORECASE)
        assert cseq, message
        if first.startswith("SIP/2.0 "):
            self._take_response(int(first.split()[1]), int(cseq[1]), cseq[2], message)
        elif first.startswith("BYE "):
            self.line.reply(message, "200 OK")
            self.talking = False
            self.ended.set()
        elif not first.startswith("ACK "):
            self.line.reply(message, "501 Not Implemented")

    def _take_response(self, status: int, number: int, method: str, message: str) -> None:
        self.statuses.append(status)
        self.last_response = message
        if status < 200:
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
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.line.port};branch=z9hG4bK{branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:wire@127.0.0.1>;tag={self.call_id}\r\n"
            f"To: <sip:{self.number}@127.0.0.1>{to_tag}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {number} {method}\r\nContact: <sip:wire@127.0.0.1:{self.line.port}>\r\n"
            f"{content}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _send_rtp(self, kind: int, timestamp: int, payload: bytes) -> None:
        header = struct.pack("!BBHII", 0x80, kind, self._sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 0x5EED)
        self._sequence += 1
        self.rtp_transport.sendto(header + payload, self.remote_rtp)


async def _open_rtp() -> tuple[_RtpSocket, asyncio.DatagramTransport]:
    loop = asyncio.get_running_loop()
    transport, rtp = await loop.create_datagram_endpoint(_RtpSocket, local_addr=("127.0.0.1", 0))
    return rtp, transport


class Line(asyncio.DatagramProtocol):
    """The SIP socket that all calls share, and the clock of their sound; made by `wire`."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.port = 0
        self.calls: dict[str, WireCall] = {}
        self._names = itertools.count(1)
        self._transport: asyncio.DatagramTransport | None = None

    async def new_call(self, number: str, event_type: int = 101) -> WireCall:
        """Prepare a call to a number; `event_type` is the payload type that it lists for telephone-event."""
        name = f"wire{self.port}x{next(self._names)}"
        call = self.calls[name] = WireCall(self, name, number, *await _open_rtp(), event_type)
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

    async def tick(self) -> None:
        """Let every call that talks send its packet each 20 ms."""
        due = time.monotonic()
        while True:
            for call in self.calls.values():
                if call.talking:
                    call.speak()
            due += 0.02
            await asyncio.sleep(max(0.0, due - time.monotonic()))


@asynccontextmanager
async def wire(server: str) -> AsyncIterator[Line]:
    """Open a line to HOST:PORT; its calls end with it, without a goodbye."""
    host, _, port = server.rpartition(":")
    loop = asyncio.get_running_loop()
    transport, line = await loop.create_datagram_endpoint(
        lambda: Line((host, int(port))), local_addr=("127.0.0.1", 0)
    )
    clock = asyncio.create_task(line.tick())
    try:
        yield line
    finally:
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)
        for call in line.calls.values():
            call.rtp_transport.close()
        transport.close()


def decode_ulaw(payload: bytes) -> npt.NDArray[np.float64]:
    """Decode PCMU (ITU-T G.711) to float64 [samples] from -1 to 1."""
    code = ~np.frombuffer(payload, dtype=np.uint8)
    magnitude = (((code & 0x0F).astype(np.int32) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude) / 32768.0
