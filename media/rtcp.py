"""RTCP packets (RFC 3550 section 6): sender and receiver reports, SDES CNAME, BYE; built and read."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

SR, RR, SDES, BYE, APP = 200, 201, 202, 203, 204
_CNAME = 1
_NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970

_HEADER = struct.Struct("!BBH")
_SENDER = struct.Struct("!IIIII")
_BLOCK = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class Block:
    """A report block: how a receiver hears a source (RFC 3550 section 6.4.1)."""

    ssrc: int
    fraction_lost: int  # of 256, since the last report
    lost: int  # signed 24 bit
    highest: int  # extended highest sequence number
    jitter: int  # clock ticks
    last_report: int  # middle 32 bits of the NTP time of the last SR, 0 = none
    delay: int  # since then, in 1/65536 s


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """The sender's part of an SR."""

    ntp: int  # 64 bit NTP time
    timestamp: int
    packets: int
    octets: int


@dataclass(slots=True)
class Compound:
    """What a compound packet says that the engine uses."""

    ssrc: int = 0
    sender: SenderInfo | None = None
    blocks: list[Block] = field(default_factory=list)
    cname: str = ""
    bye: bool = False


def ntp_time(unix: float) -> int:
    """Return a Unix time in seconds as 64 bit NTP time."""
    return int((unix + _NTP_EPOCH) * (1 << 32)) & ((1 << 64) - 1)


def middle(ntp: int) -> int:
    """Return the middle 32 bits of an NTP time, in 1/65536 s."""
    return (ntp >> 16) & 0xFFFFFFFF


def build_report(ssrc: int, sender: SenderInfo | None, blocks: list[Block], cname: str) -> bytes:
    """Build SR (or RR without sender information) and SDES CNAME as one compound packet."""
    body = struct.pack("!I", ssrc)
    if sender is not None:
        ntp = sender.ntp
        body += _SENDER.pack(
            ntp >> 32, ntp & 0xFFFFFFFF, sender.timestamp & 0xFFFFFFFF, sender.packets & 0xFFFFFFFF,
            sender.octets & 0xFFFFFFFF,
        )  # fmt: skip
    for block in blocks:
        lost = max(-(1 << 23), min(block.lost, (1 << 23) - 1)) & 0xFFFFFF
        body += _BLOCK.pack(
            block.ssrc, block.fraction_lost << 24 | lost, block.highest & 0xFFFFFFFF, block.jitter,
            block.last_report, block.delay,
        )  # fmt: skip
    return _packet(SR if sender else RR, len(blocks), body) + _sdes(ssrc, cname)


def build_bye(ssrc: int, cname: str) -> bytes:
    """Build an empty RR, SDES and BYE (RFC 3550 section 6.6)."""
    return build_report(ssrc, None, [], cname) + _packet(BYE, 1, struct.pack("!I", ssrc))


def _sdes(ssrc: int, cname: str) -> bytes:
    name = cname.encode()[:255]
    chunk = struct.pack("!IBB", ssrc, _CNAME, len(name)) + name
    return _packet(SDES, 1, chunk + bytes(4 - len(chunk) % 4))


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def parse(data: bytes) -> Compound:
    """Read a compound packet (or a single one, RFC 5506); raise ValueError if it is malformed."""
    found = Compound()
    place = 0
    if not data:
        raise ValueError("an empty RTCP packet")
    while place < len(data):
        if place + 4 > len(data):
            raise ValueError("RTCP header cut off")
        first, kind, words = _HEADER.unpack_from(data, place)
        end = place + 4 + 4 * words
        if first >> 6 != 2 or not 192 <= kind <= 223:
            raise ValueError("not RTCP version 2")
        if end > len(data):
            raise ValueError("RTCP packet is longer than the datagram")
        body = data[place + 4 : end]
        if first & 0x20:
            if end != len(data) or not body or not 0 < body[-1] <= len(body):
                raise ValueError("bad RTCP padding")
            body = body[: -body[-1]]
        _read(found, kind, first & 0x1F, body)
        place = end
    return found


def _read(found: Compound, kind: int, count: int, body: bytes) -> None:
    """Add one packet of a compound to what was found."""
    if kind in (SR, RR):
        head = 24 if kind == SR else 4
        if len(body) < head + 24 * count:
            raise ValueError("RTCP report shorter than its count says")
        found.ssrc = int.from_bytes(body[:4], "big")
        if kind == SR:
            high, low, timestamp, packets, octets = _SENDER.unpack_from(body, 4)
            found.sender = SenderInfo(high << 32 | low, timestamp, packets, octets)
        for index in range(count):
            ssrc, loss, highest, jitter, last, delay = _BLOCK.unpack_from(body, head + 24 * index)
            lost = loss & 0xFFFFFF
            lost -= (lost & 0x800000) << 1
            found.blocks.append(Block(ssrc, loss >> 24, lost, highest, jitter, last, delay))
    elif kind == SDES:
        _read_sdes(found, count, body)
    elif kind == BYE:
        if len(body) < 4 * count:
            raise ValueError("RTCP BYE shorter than its count says")
        found.bye = True


def _read_sdes(found: Compound, chunks: int, body: bytes) -> None:
    """Read the CNAMEs of an SDES packet (RFC 3550 section 6.5)."""
    place = 0
    for _ in range(chunks):
        if place + 4 > len(body):
            raise ValueError("RTCP SDES chunk cut off")
        place += 4
        while place < len(body) and body[place] != 0:
            if place + 2 > len(body) or place + 2 + body[place + 1] > len(body):
                raise ValueError("RTCP SDES item cut off")
            if body[place] == _CNAME:
                found.cname = body[place + 2 : place + 2 + body[place + 1]].decode("utf-8", "replace")
            place += 2 + body[place + 1]
        place += 4 - place % 4
