"""The SIP of each call: kept, bounded, masked, and written as pcap and HEP."""

from __future__ import annotations

import socket
import struct

from tests.observe.calls import ended
from voipbin_sip.observe.hep import HepSender, hep3
from voipbin_sip.observe.pcap import pcap
from voipbin_sip.observe.ring import Seen, SipRing, masked
from voipbin_sip.sip.events import Hop

HOP = Hop("UDP", ("192.0.2.1", 5060), ("192.0.2.9", 5070))
V6 = Hop("TCP", ("2001:db8::1", 5060), ("2001:db8::9", 5070))


def _sip(call_id: str, method: str = "INVITE", more: str = "") -> bytes:
    head = f"{method} sip:100@x SIP/2.0\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n{more}"
    return f"{head}Content-Length: 0\r\n\r\n".encode()


class Wall:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_call_has_the_messages_of_all_its_attempts_in_order() -> None:
    wall = Wall()
    ring, call = SipRing(10_000, 60, wall), ended()
    ring.call_began(call)
    call.sip_call_ids += ["one", "two"]
    for name in ("one", "two", "other", "one"):
        ring.take(name == "two", _sip(name), HOP)
        wall.now += 1
    found = ring.of(call.id)
    assert [seen.call_id for seen in found] == ["one", "two", "one"]
    assert (found[0].source, found[0].destination) == (HOP.local, HOP.remote)
    assert (found[1].source, found[1].destination) == (HOP.remote, HOP.local)


def test_compact_names_count_and_registrations_do_not() -> None:
    ring, call = SipRing(10_000, 60, Wall()), ended()
    call.sip_call_ids.append("one")
    ring.call_began(call)
    ring.take(True, b"BYE sip:x SIP/2.0\r\ni:one\r\nCSeq: 2 BYE\r\n\r\n", HOP)
    ring.take(True, _sip("one", "REGISTER"), HOP)
    ring.take(True, _sip("one", "OPTIONS"), HOP)
    ring.take(True, b"\r\n\r\n", HOP)
    assert len(ring.of(call.id)) == 1


def test_the_oldest_go_when_it_is_full_or_they_are_old() -> None:
    wall = Wall()
    ring, old, new = SipRing(5_000, 60, wall), ended(), ended()
    for call, name in ((old, "old"), (new, "new")):
        call.sip_call_ids.append(name)
        ring.call_began(call)
    ring.take(True, _sip("old"), HOP)
    for _ in range(100):
        ring.take(True, _sip("new"), HOP)
    assert ring.of(old.id) == []
    assert 10 < len(ring.of(new.id)) < 25
    wall.now += 61
    ring.take(True, _sip("another"), HOP)
    assert ring.of(new.id) == []


def test_secrets_are_masked_and_nothing_moves() -> None:
    text = (
        b'INVITE sip:x SIP/2.0\r\nAuthorization: Digest username="1000", nonce="n", response="0123abcd", uri="sip:x",'
        b'cnonce="c0ffee"\r\n\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n'
    )
    shown = masked(text)
    assert len(shown) == len(text)
    for secret in (b"0123abcd", b"c0ffee", b"d0RmdmcmVCspeEc3"):
        assert secret not in shown
    assert b'username="1000", nonce="n", response="********", uri="sip:x"' in shown


def _sum(data: bytes) -> int:
    """Return the ones' complement sum, 0xFFFF where a checksum in it is right."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_a_capture_has_right_headers_lengths_and_checksums() -> None:
    messages = [
        Seen(1.5, True, HOP, _sip("one"), "one"),
        Seen(2.25, False, V6, _sip("odd", more="X: y\r\n"), "odd"),
    ]
    file = pcap(messages)
    assert struct.unpack("<IHHiIII", file[:24]) == (0xA1B2C3D4, 2, 4, 0, 0, 262_144, 101)
    seconds, fraction, kept, whole = struct.unpack("<IIII", file[24:40])
    assert (seconds, fraction, kept) == (1, 500_000, whole)
    first = file[40 : 40 + kept]
    assert first[0] == 0x45
    assert struct.unpack("!H", first[2:4])[0] == kept
    assert _sum(first[:20]) == 0xFFFF
    assert _sum(first[12:20] + struct.pack("!HH", 17, kept - 20) + first[20:]) == 0xFFFF
    assert (socket.inet_ntoa(first[12:16]), struct.unpack("!H", first[20:22])[0]) == ("192.0.2.9", 5070)
    assert first[28:] == messages[0].data
    second = file[40 + kept + 16 :]
    assert second[0] >> 4 == 6
    assert _sum(second[8:40] + struct.pack("!II", len(second) - 40, 17) + second[40:]) == 0xFFFF
    assert second[48:] == messages[1].data


def test_hep_3_names_who_when_and_what() -> None:
    packet = hep3(Seen(1.5, True, HOP, _sip("one"), "one"))
    assert packet[:4] == b"HEP3"
    assert struct.unpack("!H", packet[4:6])[0] == len(packet)
    chunks, rest = {}, packet[6:]
    while rest:
        vendor, kind, length = struct.unpack("!HHH", rest[:6])
        assert vendor == 0
        chunks[kind], rest = rest[6:length], rest[length:]
    assert (chunks[1], chunks[2], chunks[11]) == (b"\x02", b"\x11", b"\x01")
    assert (socket.inet_ntoa(chunks[3]), socket.inet_ntoa(chunks[4])) == ("192.0.2.9", "192.0.2.1")
    assert (struct.unpack("!H", chunks[7])[0], struct.unpack("!H", chunks[8])[0]) == (5070, 5060)
    assert (struct.unpack("!I", chunks[9])[0], struct.unpack("!I", chunks[10])[0]) == (1, 500_000)
    assert (chunks[15], chunks[17]) == (_sip("one"), b"one")


def test_a_capture_server_gets_each_message_and_may_be_gone() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        sender = HepSender(*server.getsockname())
        ring = SipRing(10_000, 60, Wall(), sender.send)
        ring.take(True, _sip("one"), HOP)
        assert server.recv(65_535).endswith(_sip("one"))
    for _ in range(3):
        ring.take(True, _sip("one"), HOP)
    sender.close()
