"""SRTP in the engine, with a peer that has sessions of its own."""

from __future__ import annotations

import struct

import msgspec
import numpy as np
import pytest
from pylibsrtp import Error, Policy, Session

from media import rtcp
from media.handover import Luggage, put_in, take_out
from media.messages import CloseLeg, Digit, Echo, Join, LegClosed, SendDigits, SetStream, SrtpKeys, Stream
from media.rtp import HEADER, Header, read_header
from media.srtp import MAX_SOURCES, Progress, Srtp, SrtpPast
from tests.media.fake_io import PEER, Bench, stream

PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}
SUITE = "AES_CM_128_HMAC_SHA1_80"


def key(number: int) -> bytes:
    return bytes([number]) * 30


def keys(ours: int = 1, theirs: int = 2, suite: str = SUITE) -> SrtpKeys:
    return SrtpKeys(suite, key(ours), key(theirs))


def secured(codec: str = "PCMU", srtp: SrtpKeys | None = None) -> Stream:
    return stream(codec, srtp=srtp or keys())


def session(number: int, direction: int, suite: str = SUITE) -> Session:
    return Session(Policy(key(number), direction, 0, PROFILES[suite]))


class Phone:
    """The other end of a leg: what it says is protected, what it hears must verify."""

    def __init__(self, bench: Bench, leg: int, *, ours: int = 2, theirs: int = 1, suite: str = SUITE) -> None:
        self.bench, self.leg = bench, leg
        self.out = session(ours, Policy.SSRC_ANY_OUTBOUND, suite)
        self.heard = session(theirs, Policy.SSRC_ANY_INBOUND, suite)
        self.sequence, self.timestamp, self.ssrc = 100, 0, 7

    def rekey(self, *, ours: int, theirs: int) -> None:
        self.out = session(ours, Policy.SSRC_ANY_OUTBOUND)
        self.heard = session(theirs, Policy.SSRC_ANY_INBOUND)

    def packet(self, payload: bytes, kind: int = 0) -> bytes:
        """Return the next packet as it goes on the wire."""
        header = struct.pack("!BBHII", 0x80, kind, self.sequence & 0xFFFF, self.timestamp, self.ssrc)
        self.sequence += 1
        self.timestamp += 160
        return self.out.protect(header + payload)

    def say(self, payload: bytes, kind: int = 0) -> bytes:
        packet = self.packet(payload, kind)
        self.bench.io.arrive(self.leg, packet)
        return packet

    def hears(self) -> list[tuple[Header, bytes]]:
        """Return header and payload of all that has come, verified; raises pylibsrtp.Error."""
        found = []
        for packet, _ in self.bench.io.sent[self.leg]:
            plain = self.heard.unprotect(packet)
            header = read_header(plain)
            assert header is not None
            found.append((header, plain[HEADER:]))
        self.bench.io.sent[self.leg].clear()
        return found


def phone_call(echo: bool = True, suite: str = SUITE) -> tuple[Bench, Phone]:
    """Open a secured leg that returns what it hears."""
    bench = Bench()
    leg = bench.open(secured(srtp=keys(suite=suite)), locked=False)
    if echo:
        bench.order(Echo(leg, "stream"))
    return bench, Phone(bench, leg, suite=suite)


def frame(number: int) -> bytes:
    return bytes([number % 127]) * 160


def talk(bench: Bench, phone: Phone, frames: int, first: int = 1) -> list[bytes]:
    """Let the phone say frames and return what it hears meanwhile."""
    for number in range(first, first + frames):
        phone.say(frame(number))
        bench.tick()
    return [payload for _, payload in phone.hears()]


def closed(bench: Bench, leg: int) -> LegClosed:
    bench.order(CloseLeg(leg))
    return bench.of(LegClosed)[-1]


@pytest.mark.parametrize("suite", PROFILES)
def test_sound_goes_both_ways_protected(suite: str) -> None:
    bench, phone = phone_call(suite=suite)
    assert talk(bench, phone, 20) == [frame(number) for number in range(1, 21)]
    phone.say(frame(1))
    bench.tick()
    size = {len(packet) for packet, _ in bench.io.sent[phone.leg]}
    assert size == {172 + (10 if suite.endswith("80") else 4)}
    assert bench.io.locked(phone.leg) == PEER


@pytest.mark.parametrize("first", [0, 65_500, 65_535])
def test_the_peers_sequence_numbers_roll_over(first: int) -> None:
    bench, phone = phone_call()
    phone.sequence = first
    assert talk(bench, phone, 60) == [frame(number) for number in range(1, 61)]
    assert closed(bench, phone.leg).packets_foreign == 0


def test_our_sequence_numbers_roll_over() -> None:
    bench, phone = phone_call(echo=False)
    bench.engine.sender.sequence[bench.io.row(phone.leg)] = 65_500
    bench.tick(100)
    numbers = [header.sequence for header, _ in phone.hears()]
    assert numbers == [number & 0xFFFF for number in range(65_500, 65_600)]


def test_a_replayed_packet_is_dropped_and_counted() -> None:
    bench, phone = phone_call()
    packets = [phone.say(frame(number)) for number in range(1, 6)]
    bench.tick(10)
    for packet in packets:
        bench.io.arrive(phone.leg, packet)
    bench.tick(10)
    counters = closed(bench, phone.leg)
    assert (counters.packets_received, counters.packets_foreign) == (5, 5)


@pytest.mark.parametrize("fault", ["plain", "wrong key", "changed", "short", "empty"])
def test_what_does_not_verify_is_never_heard_and_locks_nothing(fault: str) -> None:
    bench, phone = phone_call()
    wrong = session(9, Policy.SSRC_ANY_OUTBOUND)
    for number in range(10):
        plain = struct.pack("!BBHII", 0x80, 0, number, 160 * number, 7) + frame(5)
        protected = (wrong if fault == "wrong key" else phone.out).protect(plain)
        packet = {
            "plain": plain,
            "wrong key": protected,
            "changed": protected[:100] + bytes([protected[100] ^ 1]) + protected[101:],
            "short": protected[:15],
            "empty": b"",
        }[fault]
        bench.io.arrive(phone.leg, packet)
        bench.tick()
    assert bench.io.locked(phone.leg) is None
    phone.out = session(2, Policy.SSRC_ANY_OUTBOUND)  # of what it protected before, none came
    assert talk(bench, phone, 5) == [frame(number) for number in range(1, 6)]
    assert closed(bench, phone.leg).packets_foreign == 10


def test_forged_packets_from_the_locked_source_are_not_heard_either() -> None:
    bench, phone = phone_call()
    talk(bench, phone, 5)
    for number in range(105, 125):
        bench.io.arrive(phone.leg, struct.pack("!BBHII", 0x80, 0, number, 160 * number, 7) + frame(3))
        bench.tick()
    assert phone.hears() == []
    assert closed(bench, phone.leg).packets_foreign == 20


def test_a_new_ssrc_under_the_same_key_is_heard() -> None:
    bench, phone = phone_call()
    said = talk(bench, phone, 5)
    phone.ssrc, phone.sequence = 8, 60_000
    said += talk(bench, phone, 5, first=6)
    assert said == [frame(number) for number in range(1, 11)]


def test_a_peer_with_ever_new_ssrcs_is_still_heard() -> None:
    bench, phone = phone_call()
    for number in range(200):
        phone.ssrc = 1000 + number
        phone.say(frame(number))
        bench.tick()
    assert closed(bench, phone.leg).packets_foreign == 0


def test_new_keys_take_over_without_losing_the_sequence() -> None:
    bench, phone = phone_call()
    phone.say(frame(1))
    bench.tick()
    before = phone.hears()[0][0]
    old = [phone.packet(frame(number)) for number in (20, 21)]
    bench.order(SetStream(phone.leg, secured(srtp=keys(3, 4))))
    bench.io.arrive(phone.leg, old[0])  # on its way when the keys changed
    bench.tick()
    phone.rekey(ours=4, theirs=3)
    ((after, heard),) = phone.hears()
    assert (after.sequence, after.ssrc, heard) == (before.sequence + 1, before.ssrc, frame(20))
    assert talk(bench, phone, 5, first=22) == [frame(number) for number in range(22, 27)]
    bench.io.arrive(phone.leg, old[1])  # too late: the new key is in use
    bench.tick()
    assert closed(bench, phone.leg).packets_foreign == 1


def test_signalling_that_repeats_the_keys_changes_nothing() -> None:
    bench, phone = phone_call()
    phone.sequence = 65_530
    bench.engine.sender.sequence[bench.io.row(phone.leg)] = 65_530
    talk(bench, phone, 20)  # both sides have rolled over: a new session would not know
    bench.order(SetStream(phone.leg, secured()))
    assert talk(bench, phone, 5, first=30) == [frame(number) for number in range(30, 35)]


def test_only_our_own_key_changes() -> None:
    bench, phone = phone_call()
    phone.sequence = 65_530
    talk(bench, phone, 20)
    bench.order(SetStream(phone.leg, secured(srtp=keys(5, 2))))
    phone.hears()
    phone.heard = session(5, Policy.SSRC_ANY_INBOUND)
    assert talk(bench, phone, 5, first=30) == [frame(number) for number in range(30, 35)]


def test_from_srtp_to_plain_rtp() -> None:
    bench, phone = phone_call()
    talk(bench, phone, 5)
    bench.order(SetStream(phone.leg, stream()))
    bench.order(Echo(phone.leg, "off"))
    bench.tick()
    ((packet, _),) = bench.io.sent[phone.leg]
    assert packet[HEADER:] == b"\xff" * 160


def test_digits_come_and_go_protected() -> None:
    bench, phone = phone_call(echo=False)
    for number, end in enumerate((0, 0, 0x80, 0x80, 0x80)):
        phone.timestamp = 4000
        phone.say(struct.pack("!BBH", 5, end | 10, 160 * (number + 1)), kind=101)
        bench.tick()
    assert [event.digit for event in bench.of(Digit)] == ["5"]
    bench.order(SendDigits(phone.leg, 1, "7", 60, 60))
    bench.tick(10)
    events = [payload for header, payload in phone.hears() if header.payload_type == 101]
    assert {payload[0] for payload in events} == {7}


def test_an_echo_of_the_sound_is_protected() -> None:
    bench, phone = phone_call(echo=False)
    bench.order(Echo(phone.leg, "sound"))
    assert talk(bench, phone, 20)[-5:] == [frame(number) for number in range(14, 19)]


def test_reports_go_both_ways_protected() -> None:
    bench, phone = phone_call(echo=False)
    source = (PEER[0], PEER[1] + 1)
    talk(bench, phone, 5)
    for _ in range(2):
        report = rtcp.build_report(7, rtcp.SenderInfo(1 << 40, 0, 5, 800), [], "phone")
        bench.io.arrive_rtcp(phone.leg, phone.out.protect_rtcp(report), source)
        bench.tick(450)
    sent = [rtcp.parse(phone.heard.unprotect_rtcp(packet)) for packet, _ in bench.io.sent_rtcp[phone.leg]]
    assert len(sent) >= 2
    assert all(found.sender is not None for found in sent)
    assert sent[-1].blocks[0].last_report == rtcp.middle(1 << 40)
    bench.io.arrive_rtcp(phone.leg, rtcp.build_report(7, None, [], "forged"), source)
    bench.tick()
    counters = closed(bench, phone.leg)
    assert counters.packets_foreign == 1
    assert rtcp.parse(phone.heard.unprotect_rtcp(bench.io.sent_rtcp[phone.leg][-1][0])).bye


def test_rtcp_on_the_rtp_port_is_taken() -> None:
    bench, phone = phone_call()
    talk(bench, phone, 3)
    report = rtcp.build_report(7, rtcp.SenderInfo(1 << 40, 0, 5, 800), [], "phone")
    bench.io.arrive(phone.leg, phone.out.protect_rtcp(report))
    bench.tick()
    assert closed(bench, phone.leg).packets_foreign == 0


def bridge(bench: Bench, first: Stream, second: Stream) -> tuple[int, int]:
    legs = bench.open(first, locked=False), bench.open(second, locked=False)
    for leg in legs:
        bench.order(Join(leg, 1))
    return legs


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722"])
def test_payload_passes_between_two_secured_legs_without_decoding(codec: str) -> None:
    bench = Bench()
    kind = {"PCMU": 0, "PCMA": 8, "G722": 9}[codec]
    one, two = bridge(bench, secured(codec), secured(codec, keys(3, 4)))
    phones = Phone(bench, one), Phone(bench, two, ours=4, theirs=3)
    rng = np.random.default_rng(3)
    said = [rng.integers(0, 256, 160, np.uint8).tobytes() for _ in range(40)]
    heard: list[bytes] = []
    decoded = []
    for payload in said:
        for phone in phones:
            phone.say(payload, kind)
        bench.tick()
        phones[0].hears()
        heard += [payload for _, payload in phones[1].hears()]
        decoded.append(bench.engine.decoded)
    assert heard[-20:] == said[-22:-2]  # 40 ms later
    assert decoded[-1] == decoded[4]  # nothing since the first moment


def test_payload_passes_between_a_secured_leg_and_a_plain_one() -> None:
    bench = Bench()
    one, two = bridge(bench, secured(), stream())
    phone = Phone(bench, one)
    heard: list[bytes] = []
    decoded = []
    for number in range(1, 31):
        phone.say(frame(number))
        bench.speak(two, frame(100 - number))
        bench.tick()
        heard += [payload for _, payload in bench.sent(two)]
        decoded.append(bench.engine.decoded)
    assert heard[-10:] == [frame(number) for number in range(19, 29)]
    assert [payload for _, payload in phone.hears()][-10:] == [
        frame(100 - number) for number in range(19, 29)
    ]
    assert decoded[-1] == decoded[4]


def move(before: Bench, after: Bench, leg: int) -> None:
    """Take a leg to another engine, as one message."""
    luggage = msgspec.msgpack.encode(take_out(before.engine, before.engine.legs.by_id[leg]))
    sent, reports = before.io.sent[leg], before.io.sent_rtcp[leg]
    before.io.close(before.io.row(leg))
    after.now = before.now
    put_in(after.engine, msgspec.msgpack.decode(luggage, type=Luggage), after.now)
    after.io.sent[leg], after.io.sent_rtcp[leg] = sent, reports


def test_a_secured_leg_goes_on_in_another_engine() -> None:
    first, second = Bench(), Bench()
    leg = first.open(secured(), locked=False)
    first.order(Echo(leg, "stream"))
    phone = Phone(first, leg)
    phone.sequence = 65_500
    first.engine.sender.sequence[first.io.row(leg)] = 65_400
    said = talk(first, phone, 400)
    reports = len(first.io.sent_rtcp[leg])
    first.io.arrive_rtcp(leg, phone.out.protect_rtcp(rtcp.build_report(7, None, [], "x")), (PEER[0], 4001))
    first.tick()
    move(first, second, leg)
    phone.bench = second
    said += talk(second, phone, 400, first=401)
    assert said == [frame(number) for number in range(1, 801)]
    second.io.arrive_rtcp(leg, phone.out.protect_rtcp(rtcp.build_report(7, None, [], "x")), (PEER[0], 4001))
    second.tick()
    for packet, _ in second.io.sent_rtcp[leg]:
        phone.heard.unprotect_rtcp(packet)  # raises where an index comes again
    assert len(second.io.sent_rtcp[leg]) > reports > 0
    assert closed(second, leg).packets_foreign == 0


def test_nothing_is_protected_with_the_same_key_stream_twice_after_a_move() -> None:
    first, second = Bench(), Bench()
    leg = first.open(secured(), locked=False)
    first.tick(300)
    seen = {packet[2:4] for packet, _ in first.io.sent[leg]}
    move(first, second, leg)
    second.tick(300)
    numbers = [packet[2:4] for packet, _ in second.io.sent[leg]]
    assert len(set(numbers)) == len(numbers) == 600
    assert seen < set(numbers)


def test_legs_without_keys_are_not_touched() -> None:
    bench = Bench()
    plain = bench.open()
    leg = bench.open(secured(), locked=False)
    bench.tick()
    assert bench.io.sent[plain][-1][0][HEADER:] == b"\xff" * 160
    assert bench.io.sent[leg][-1][0][HEADER:-10] != b"\xff" * 160


def test_keys_are_not_shown() -> None:
    text = repr(SetStream(1, secured(srtp=SrtpKeys(SUITE, b"secret" * 5, b"hidden" * 5))))
    assert "secret" not in text
    assert "hidden" not in text
    assert SUITE in text


def test_the_phone_of_these_tests_notices_forgeries() -> None:
    bench, phone = phone_call(echo=False)
    bench.tick()
    phone.rekey(ours=2, theirs=9)
    with pytest.raises(Error):
        phone.hears()


def test_a_peer_at_another_address_is_learnt_at_once_because_its_packets_verify() -> None:
    bench, phone = phone_call()
    elsewhere = ("198.51.100.9", 5000)
    for _ in range(4):
        bench.io.arrive(phone.leg, phone.packet(frame(1)), elsewhere)
    bench.tick()
    assert bench.io.locked(phone.leg) == elsewhere


def test_a_peer_that_claims_years_of_packets_does_not_keep_a_move_busy() -> None:
    past = SrtpPast(Progress(), Progress({b"\x00\x00\x00\x07": 1 << 40}, {b"\x00\x00\x00\x07": 0x7FFFFFFF}))
    srtp = Srtp(keys())
    srtp.run_forward(past)  # would take hours
    packet = session(2, Policy.SSRC_ANY_OUTBOUND).protect(b"\x80\x00\x00\x01" + bytes(8) + frame(1))
    assert srtp.unprotect(packet)[HEADER:] == frame(1)


def test_reports_of_ever_new_ssrcs_are_taken_and_forgotten() -> None:
    srtp, peer = Srtp(keys()), session(2, Policy.SSRC_ANY_OUTBOUND)
    for number in range(300):
        report = rtcp.build_report(number, None, [], "x")
        assert srtp.unprotect_rtcp(peer.protect_rtcp(report)) == report
    assert len(srtp.past.heard.reports) <= MAX_SOURCES
