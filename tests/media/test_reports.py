"""RTCP as a peer sees it: reports with the right numbers at the right time and place."""

from __future__ import annotations

from itertools import pairwise

import pytest

from media import rtcp
from media.messages import CloseLeg, LegClosed, RtpTimeout, SetStream
from media.rtp import write_header
from tests.media.fake_io import PEER, Bench, stream

RTCP = (PEER[0], PEER[1] + 1)
PEER_SSRC = 7


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.engine.reports.clock = lambda: 1_700_000_000.0 + bench.now
    return bench


def talk(bench: Bench, leg: int, seconds: float, *, lose: int = 0) -> None:
    """Let the peer send for a time, `lose` packets of each 50 lost."""
    for number in range(int(seconds * 50)):
        bench.speak(leg, b"\x11" * 160, skip=lose if number % 50 == 25 else 0)
        bench.tick()


def reports(bench: Bench, leg: int) -> list[rtcp.Compound]:
    return [rtcp.parse(packet) for packet, _ in bench.io.sent_rtcp[leg]]


def test_reports_come_about_every_five_seconds_to_the_signalled_port(bench: Bench) -> None:
    leg = bench.open()
    times: list[float] = []
    for _ in range(50 * 60):
        before = len(bench.io.sent_rtcp[leg])
        bench.tick()
        if len(bench.io.sent_rtcp[leg]) > before:
            times.append(bench.now)
    gaps = [b - a for a, b in pairwise(times)]
    assert all(2.4 < gap < 7.6 for gap in gaps)
    assert len({round(gap, 1) for gap in gaps}) > 3
    assert {address for _, address in bench.io.sent_rtcp[leg]} == {RTCP}


def test_a_sender_report_matches_the_packets_sent(bench: Bench) -> None:
    leg = bench.open()
    talk(bench, leg, 6)
    report = reports(bench, leg)[0]
    header = bench.sent(leg)[0][0]
    assert report.ssrc == header.ssrc
    assert report.cname
    assert report.sender is not None
    assert report.sender.octets == report.sender.packets * 160
    ticks = (report.sender.timestamp - header.timestamp) // 160
    assert 0 <= ticks - report.sender.packets <= 1


def test_loss_is_reported_as_a_fraction_and_in_all(bench: Bench) -> None:
    leg = bench.open()
    talk(bench, leg, 12, lose=5)
    blocks = [block for report in reports(bench, leg) for block in report.blocks]
    assert {block.ssrc for block in blocks} == {PEER_SSRC}
    assert blocks[-1].fraction_lost == pytest.approx(256 * 5 / 55, abs=8)
    bench.order(CloseLeg(leg))
    closed = bench.of(LegClosed)[0]
    assert closed.packets_lost == 60
    assert 40 <= blocks[-1].lost <= 60


def test_the_peers_report_is_answered_with_its_time_and_our_delay(bench: Bench) -> None:
    leg = bench.open()
    talk(bench, leg, 1)
    ntp = rtcp.ntp_time(1_234_567.0)
    bench.io.arrive_rtcp(leg, rtcp.build_report(PEER_SSRC, rtcp.SenderInfo(ntp, 1, 2, 3), [], "peer"), RTCP)
    arrived = bench.now + 0.02
    sent: float | None = None
    for _ in range(500):
        before = len(bench.io.sent_rtcp[leg])
        talk(bench, leg, 0.02)
        if len(bench.io.sent_rtcp[leg]) > before:
            sent = bench.now
            break
    assert sent is not None
    block = reports(bench, leg)[-1].blocks[0]
    assert block.last_report == rtcp.middle(ntp)
    assert block.delay / 65536 == pytest.approx(sent - arrived, abs=0.001)


def test_round_trip_from_the_peers_report(bench: Bench) -> None:
    leg = bench.open()
    talk(bench, leg, 6)
    report = reports(bench, leg)[-1]
    assert report.sender is not None
    ssrc = bench.sent(leg)[0][0].ssrc
    sent_at = report.sender.ntp / (1 << 32) - 2_208_988_800 - 1_700_000_000
    delay = bench.now - sent_at + 0.02 - 0.130  # the peer held it until 130 ms of travel remain
    block = rtcp.Block(ssrc, 0, 0, 1, 0, rtcp.middle(report.sender.ntp), int(delay * 65536))
    bench.io.arrive_rtcp(leg, rtcp.build_report(PEER_SSRC, None, [block], "peer"), RTCP)
    bench.tick()
    bench.order(CloseLeg(leg))
    assert bench.of(LegClosed)[0].round_trip == pytest.approx(130, abs=1)


def test_what_the_peer_tells_of_our_stream(bench: Bench) -> None:
    leg = bench.open()
    talk(bench, leg, 1)
    ssrc = bench.sent(leg)[0][0].ssrc
    for block in (
        rtcp.Block(ssrc, 20, 7, 40, 160, 0, 0),  # of a peer that has seen no SR yet
        rtcp.Block(ssrc ^ 1, 0, 99, 50, 999, 0, 0),  # about somebody else
    ):
        bench.io.arrive_rtcp(leg, rtcp.build_report(PEER_SSRC, None, [block], "peer"), RTCP)
        bench.tick()
    bench.order(CloseLeg(leg))
    closed = bench.of(LegClosed)[0]
    assert (closed.peer_lost, closed.peer_jitter) == (7, 20.0)
    assert closed.round_trip == 0


def test_a_peer_without_reports_has_told_nothing(bench: Bench) -> None:
    leg = bench.open()
    talk(bench, leg, 1)
    bench.order(CloseLeg(leg))
    assert bench.of(LegClosed)[0].peer_lost == -1


def test_reports_about_others_and_impossible_times_change_nothing(bench: Bench) -> None:
    leg = bench.open()
    talk(bench, leg, 1)
    ssrc = bench.sent(leg)[0][0].ssrc
    blocks = [rtcp.Block(ssrc ^ 1, 0, 0, 1, 0, 77, 0), rtcp.Block(ssrc, 0, 0, 1, 0, 77, 0)]
    bench.io.arrive_rtcp(leg, rtcp.build_report(PEER_SSRC, None, blocks, "peer"), RTCP)
    bench.tick()
    bench.order(CloseLeg(leg))
    assert bench.of(LegClosed)[0].round_trip == 0


def test_rtcp_of_strangers_and_junk_is_counted_and_ignored(bench: Bench) -> None:
    leg = bench.open(timeout=1.0)
    for _ in range(60):
        bench.io.arrive_rtcp(leg, rtcp.build_bye(1, "x"), ("198.51.100.1", 5))
        bench.io.arrive_rtcp(leg, b"\x80\xc8\xff\xff", RTCP)
        bench.tick()
    assert len(bench.of(RtpTimeout)) == 1
    bench.order(CloseLeg(leg))
    assert bench.of(LegClosed)[0].packets_foreign == 120


def test_rtcp_alone_keeps_a_leg_alive(bench: Bench) -> None:
    leg = bench.open(timeout=1.0)
    for _ in range(5):
        bench.io.arrive_rtcp(leg, rtcp.build_report(PEER_SSRC, None, [], "peer"), RTCP)
        bench.tick(40)
    assert not bench.of(RtpTimeout)


def test_rtcp_on_the_rtp_port_is_read(bench: Bench) -> None:
    leg = bench.open(timeout=1.0)
    for _ in range(5):
        bench.io.arrive(leg, rtcp.build_report(PEER_SSRC, None, [], "peer"))
        bench.tick(40)
    assert not bench.of(RtpTimeout)


def test_a_source_behind_nat_gets_its_rtcp_there(bench: Bench) -> None:
    leg = bench.open(locked=False)
    nat = ("203.0.113.7", 31234)
    for number in range(400):
        bench.io.arrive(leg, write_header(0, number, number * 160, 7) + b"\x11" * 160, nat)
        bench.tick()
    assert bench.io.sent_rtcp[leg][-1][1] == ("203.0.113.7", 31235)
    bench.io.arrive_rtcp(leg, rtcp.build_report(PEER_SSRC, None, [], "peer"), ("203.0.113.7", 40404))
    bench.tick(400)
    assert bench.io.sent_rtcp[leg][-1][1] == ("203.0.113.7", 40404)


def test_closing_says_bye(bench: Bench) -> None:
    leg = bench.open()
    bench.tick(5)
    ssrc = bench.sent(leg)[0][0].ssrc
    bench.order(CloseLeg(leg))
    report = reports(bench, leg)[-1]
    assert report.bye and report.ssrc == ssrc


def test_a_held_leg_reports_as_a_receiver_only(bench: Bench) -> None:
    leg = bench.open()
    bench.tick(5)
    bench.order(SetStream(leg, stream(send=False)))
    bench.tick(50 * 20)
    assert all(report.sender is None for report in reports(bench, leg)[1:])


def test_new_signalling_moves_rtcp_too(bench: Bench) -> None:
    leg = bench.open()
    bench.io.arrive_rtcp(leg, rtcp.build_report(PEER_SSRC, None, [], "peer"), (PEER[0], 40404))
    bench.tick(400)
    assert bench.io.sent_rtcp[leg][-1][1] == (PEER[0], 40404)
    bench.order(SetStream(leg, stream(host="192.0.2.99", port=5000, rtcp_port=5011)))
    bench.tick(400)
    assert bench.io.sent_rtcp[leg][-1][1] == ("192.0.2.99", 5011)
