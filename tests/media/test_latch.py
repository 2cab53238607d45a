"""Whose packets a leg hears."""

from __future__ import annotations

import pytest

from media.latch import Address, Latch
from media.messages import CloseLeg, Echo, FirstPacket, LegClosed, SetStream
from media.rtp import write_header
from tests.media.fake_io import PEER, Bench, stream

NAT = (PEER[0], 31234)  # another port of the signalled host
OTHER = ("198.51.100.66", 5555)


def packet(sequence: int, *, ssrc: int = 9, payload_type: int = 0, octet: int = 0x21) -> bytes:
    return write_header(payload_type, sequence, sequence * 160, ssrc) + bytes([octet]) * 160


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_signalled_address_is_accepted_at_once(bench: Bench) -> None:
    leg = bench.open(locked=False)
    bench.io.arrive(leg, packet(1))
    bench.tick()
    assert bench.io.locked(leg) == PEER
    assert bench.of(FirstPacket) == [FirstPacket(leg, *PEER)]


def test_another_address_needs_four_packets_of_one_ssrc(bench: Bench) -> None:
    leg = bench.open(locked=False)
    for sequence in range(3):
        bench.io.arrive(leg, packet(sequence), NAT)
        bench.tick()
    assert bench.io.locked(leg) is None
    bench.io.arrive(leg, packet(3), NAT)
    bench.tick()
    assert bench.io.locked(leg) == NAT
    bench.tick()
    assert bench.io.sent[leg][-1][1] == NAT


def test_packets_of_several_ssrcs_do_not_add_up(bench: Bench) -> None:
    leg = bench.open(locked=False)
    for sequence in range(20):
        bench.io.arrive(leg, packet(sequence, ssrc=sequence), NAT)
        bench.tick()
    assert bench.io.locked(leg) is None


@pytest.mark.parametrize("sequences", [[5, 5, 5, 5, 5], [9, 8, 7, 6, 5], [1, 2000, 4000, 6000]])
def test_a_candidate_must_count_its_packets_forward(bench: Bench, sequences: list[int]) -> None:
    leg = bench.open(locked=False)
    for sequence in sequences:
        bench.io.arrive(leg, packet(sequence), NAT)
    bench.tick()
    assert bench.io.locked(leg) is None


def test_sequence_numbers_may_wrap(bench: Bench) -> None:
    leg = bench.open(locked=False)
    for sequence in (65534, 65535, 0, 1):
        bench.io.arrive(leg, packet(sequence), NAT)
    bench.tick()
    assert bench.io.locked(leg) == NAT


def test_the_signalled_host_may_be_silent_for_long(bench: Bench) -> None:
    leg = bench.open(locked=False)
    bench.tick(500)
    for sequence in range(4):
        bench.io.arrive(leg, packet(sequence), NAT)
    bench.tick()
    assert bench.io.locked(leg) == NAT


def send_for(bench: Bench, leg: int, ticks: int, source: Address = OTHER, start: int = 0) -> None:
    for sequence in range(start, start + ticks):
        bench.io.arrive(leg, packet(sequence, ssrc=66), source)
        bench.tick()


def test_another_host_is_learnt_when_the_signalled_one_has_been_silent_for_a_second(bench: Bench) -> None:
    leg = bench.open(locked=False)
    bench.tick(500)
    send_for(bench, leg, 50)
    assert bench.io.locked(leg) is None
    send_for(bench, leg, 2, start=50)
    assert bench.io.locked(leg) == OTHER


@pytest.mark.parametrize("phone", [PEER, NAT])
def test_another_host_that_speaks_first_loses_to_the_signalled_one(bench: Bench, phone: Address) -> None:
    leg = bench.open(locked=False)
    for number in range(16):  # of spoofed ones there may be many
        send_for(bench, leg, 4, (f"198.51.100.{number}", 5555))
    for sequence in range(4):
        bench.io.arrive(leg, packet(sequence, ssrc=66), OTHER)
        bench.io.arrive(leg, packet(sequence), phone)
        bench.tick()
    assert bench.io.locked(leg) == phone


def test_a_hidden_address_tells_nothing_so_that_anybody_is_learnt_at_once(bench: Bench) -> None:
    leg = bench.open(locked=False)
    bench.order(SetStream(leg, stream(host="10.0.0.9")))
    send_for(bench, leg, 4)
    assert bench.io.locked(leg) == OTHER


def test_another_host_is_learnt_within_three_seconds_or_never(bench: Bench) -> None:
    leg = bench.open(locked=False)
    send_for(bench, leg, 1)
    bench.tick(151)
    send_for(bench, leg, 100, start=1)
    assert bench.io.locked(leg) is None
    bench.io.arrive(leg, packet(1))
    bench.tick()
    assert bench.io.locked(leg) == PEER


def test_new_signalling_opens_the_latch_again(bench: Bench) -> None:
    leg = bench.open(locked=False)
    bench.tick(200)
    bench.order(SetStream(leg, stream()))
    for sequence in range(4):
        bench.io.arrive(leg, packet(sequence), NAT)
    bench.tick()
    assert bench.io.locked(leg) == NAT


def test_the_signalled_address_goes_before_a_learnt_one(bench: Bench) -> None:
    leg = bench.open(locked=False)
    for sequence in range(3):
        bench.io.arrive(leg, packet(sequence, ssrc=66), OTHER)
    bench.io.arrive(leg, packet(1))
    bench.tick()
    bench.io.arrive(leg, packet(4, ssrc=66), OTHER)
    assert bench.io.locked(leg) == PEER


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\x80",
        b"\x00" * 172,
        b"OPTIONS sip:x SIP/2.0\r\n\r\n",
        packet(1, payload_type=18),
        b"\x80\xc8" + b"\x00" * 26,
    ],
    ids=["empty", "short", "version 0", "SIP", "other payload type", "RTCP"],
)
def test_what_is_no_packet_of_the_stream_locks_nothing_even_from_the_right_address(
    bench: Bench, junk: bytes
) -> None:
    leg = bench.open(locked=False)
    bench.io.arrive(leg, junk)
    bench.tick()
    assert bench.io.locked(leg) is None


def test_strangers_are_counted_and_never_heard(bench: Bench) -> None:
    leg = bench.open(locked=False)
    bench.order(Echo(leg, "sound"))
    for sequence in range(30):
        bench.io.arrive(leg, packet(sequence), PEER)
        bench.io.arrive(leg, packet(sequence, ssrc=66, octet=0x42), OTHER)
        bench.tick()
    assert 0x42 not in bench.heard(leg)
    bench.order(CloseLeg(leg))
    assert bench.of(LegClosed)[0].packets_foreign == 1  # before the lock; after it the kernel drops them


def test_digits_of_strangers_are_not_reported(bench: Bench) -> None:
    leg = bench.open(locked=False)
    count = len(bench.events)
    for sequence in range(3):
        header = write_header(101, sequence, 4000, 66)
        bench.io.arrive(leg, header + b"\x05\x8a\x03\x20", OTHER)
        bench.tick()
    assert bench.events[count:] == []


def test_hold_and_resume_keep_a_source_behind_nat(bench: Bench) -> None:
    leg = bench.open(locked=False)
    for sequence in range(4):
        bench.io.arrive(leg, packet(sequence), NAT)
    bench.tick()
    bench.order(SetStream(leg, stream(send=False)))
    bench.tick(10)
    bench.order(SetStream(leg, stream()))
    bench.tick()
    assert bench.io.sent[leg][-1][1] == NAT
    bench.io.arrive(leg, packet(30), NAT)
    bench.tick()
    assert bench.io.locked(leg) == NAT
    assert len(bench.of(FirstPacket)) == 1


def test_a_new_address_in_signalling_is_used_at_once_and_the_old_one_is_no_longer_preferred(
    bench: Bench,
) -> None:
    leg = bench.open()
    bench.order(SetStream(leg, stream(port=4100)))
    bench.tick()
    assert bench.io.sent[leg][-1][1] == (PEER[0], 4100)
    bench.io.arrive(leg, packet(1), PEER)
    bench.tick()
    assert bench.io.locked(leg) is None
    bench.io.arrive(leg, packet(2), (PEER[0], 4100))
    bench.tick()
    assert bench.io.locked(leg) == (PEER[0], 4100)
    assert [event.port for event in bench.of(FirstPacket)] == [PEER[1], 4100]


def test_a_spray_of_spoofed_sources_is_bounded() -> None:
    latch = Latch({PEER}, {0})
    for number in range(1000):
        source = (f"198.51.100.{number % 250}", 1000 + number)
        assert not latch.accepts(packet(1, ssrc=number), source, 1.0)
    assert latch.accepts(packet(1), PEER, 1.0)


def test_hold_by_an_address_of_nothing_keeps_the_source_and_sends_nowhere(bench: Bench) -> None:
    leg = bench.open(locked=False)
    for sequence in range(4):
        bench.io.arrive(leg, packet(sequence), NAT)
    bench.tick()
    bench.sent(leg)
    bench.order(SetStream(leg, stream(host="0.0.0.0")))
    bench.tick(400)
    assert bench.sent(leg) == []
    assert all(address[0] != "0.0.0.0" for _, address in bench.io.sent_rtcp[leg])
    bench.order(SetStream(leg, stream()))
    bench.tick()
    assert bench.io.sent[leg][-1][1] == NAT
