"""Token buckets and bans, in virtual time."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from voipbin_sip.transport.bans import BanTerms
from voipbin_sip.transport.limits import Rate, SourceLimits, source_key

BAD = "203.0.113.66"
TERMS = BanTerms(after=3, window=60, first=100, longest=1000, memory=5000)


def wrong(limits: SourceLimits, times: int, now: float, host: str = BAD) -> None:
    for _ in range(times):
        limits.judged(host, False, now)


def test_a_burst_is_heard_and_then_the_rate() -> None:
    limits = SourceLimits(Rate(per_second=10, burst=50))
    assert [limits.admits(BAD, 0.0) for _ in range(60)] == [True] * 50 + [False] * 10
    heard = sum(limits.admits(BAD, 0.01 * step) for step in range(1, 1001))
    assert heard == pytest.approx(100, abs=2)
    assert limits.counters["limited"] == 10 + 1000 - heard


def test_sources_do_not_share() -> None:
    limits = SourceLimits(Rate(per_second=1, burst=1))
    assert limits.admits(BAD, 0.0)
    assert not limits.admits(BAD, 0.0)
    assert limits.admits("203.0.113.67", 0.0)


def test_what_rests_fills_up_but_not_over() -> None:
    limits = SourceLimits(Rate(per_second=10, burst=20))
    for _ in range(20):
        limits.admits(BAD, 0.0)
    assert [limits.admits(BAD, 3600.0) for _ in range(21)] == [True] * 20 + [False]


def test_the_default_lets_a_real_trunk_and_an_office_live() -> None:
    limits = SourceLimits()
    office = [limits.admits("198.51.100.1", 0.001 * n) for n in range(1500)]  # 500 phones after a power cut
    trunk = [limits.admits("198.51.100.2", n / 150) for n in range(150 * 60)]  # 30 calls a second
    assert all(office) and all(trunk)


def test_no_limit_and_exempt_sources() -> None:
    unlimited = SourceLimits(Rate(per_second=0, burst=1))
    assert all(unlimited.admits(BAD, 0.0) for _ in range(100))
    limits = SourceLimits(
        Rate(per_second=1, burst=1),
        TERMS,
        networks=["127.0.0.0/8", "2001:db8::/32", "192.0.2.5"],
        exempt=lambda host: host == "198.51.100.9",
    )
    for host in ("127.0.0.1", "127.9.9.9", "2001:db8:1::2", "192.0.2.5", "198.51.100.9"):
        wrong(limits, 10, 0.0, host)
        assert all(limits.admits(host, 0.0) for _ in range(100)), host
    assert limits.counters == {"wrong_passwords": 50}


def test_memory_is_bounded_however_many_sources_there_are() -> None:
    limits = SourceLimits(Rate(per_second=1, burst=2), TERMS, capacity=100)
    for number in range(5000):
        host = f"10.{number >> 8}.{number & 255}.1"
        limits.admits(host, 0.0)
        limits.judged(host, False, 0.0)
        wrong(limits, 3, 0.0, host + "0")
    assert len(limits._recent) + len(limits._earlier) <= 200
    assert len(limits.banned(1.0)) <= 100
    assert len(limits._bans._failures) <= 100


def test_a_busy_source_is_remembered_among_many() -> None:
    limits = SourceLimits(Rate(per_second=0.001, burst=300), capacity=100)
    for number in range(300):
        limits.admits(f"10.0.{number >> 8}.{number & 255}", 0.0)
        assert limits.admits(BAD, 0.0)
    assert not limits.admits(BAD, 0.0)


def test_wrong_passwords_ban_and_the_ban_ends() -> None:
    limits = SourceLimits(bans=TERMS)
    wrong(limits, 2, 0.0)
    assert limits.admits(BAD, 1.0)
    wrong(limits, 1, 1.0)
    assert not limits.admits(BAD, 2.0)
    assert not limits.admits(BAD, 100.9)
    assert limits.admits("203.0.113.67", 2.0)
    assert limits.admits(BAD, 101.0)
    assert limits.counters == {"wrong_passwords": 3, "banned": 2, "bans": 1}


def test_slow_mistakes_and_right_passwords_do_not_ban() -> None:
    limits = SourceLimits(bans=TERMS)
    for step in range(20):
        wrong(limits, 1, 30.0 * step)  # never three in a minute
    assert limits.admits(BAD, 600.0)
    for _ in range(20):
        wrong(limits, 2, 1000.0)
        limits.judged(BAD, True, 1000.0)
    assert limits.admits(BAD, 1000.0)


def test_each_ban_is_twice_as_long_until_it_is_forgotten() -> None:
    limits = SourceLimits(bans=TERMS)
    now, lengths = 0.0, []
    for _ in range(6):
        wrong(limits, 3, now)
        left = limits.banned(now)[BAD]
        lengths.append(left)
        now += left
    assert lengths == [100, 200, 400, 800, 1000, 1000]
    wrong(limits, 3, now + 5001)
    assert limits.banned(now + 5001) == {BAD: 100}


def test_failures_during_a_ban_do_not_lengthen_it() -> None:
    limits = SourceLimits(bans=TERMS)
    wrong(limits, 30, 0.0)  # were on their way
    assert limits.banned(0.0) == {BAD: 100}
    wrong(limits, 1, 100.0)
    assert limits.admits(BAD, 100.0)


def test_a_ban_can_be_lifted_and_switched_off() -> None:
    limits = SourceLimits(bans=TERMS)
    wrong(limits, 3, 0.0)
    assert limits.lift(BAD)
    assert not limits.lift(BAD)
    assert limits.admits(BAD, 1.0)
    wrong(limits, 3, 2.0)
    assert limits.banned(2.0) == {BAD: 100}
    never = SourceLimits(bans=BanTerms(after=0))
    wrong(never, 1000, 0.0)
    assert never.admits(BAD, 0.0)


def test_a_phone_that_registers_meanwhile_is_heard_again() -> None:
    registered: set[str] = set()
    limits = SourceLimits(bans=TERMS, exempt=registered.__contains__)
    wrong(limits, 3, 0.0)
    assert not limits.admits(BAD, 1.0)
    registered.add(BAD)
    assert limits.admits(BAD, 1.0)


def test_an_ipv6_subscriber_is_one_source() -> None:
    assert source_key("2001:db8:1:2:3:4:5:6") == source_key("2001:db8:1:2::1") == "2001:db8:1:2::"
    assert source_key("2001:db8:1:3::1") != source_key("2001:db8:1:2::1")
    assert source_key("192.0.2.1") == "192.0.2.1"
    assert source_key("fe80::1%eth0") == "fe80::"


def test_the_log_has_a_line_for_each_ban_and_not_for_each_packet() -> None:
    with capture_logs() as lines:
        limits = SourceLimits(Rate(per_second=1, burst=1), TERMS)
        for step in range(10_000):
            limits.admits("198.51.100.1", step / 100)  # 100 s
        wrong(limits, 3, 0.0)
        for _ in range(1000):
            limits.admits(BAD, 0.0)
    assert [line["event"] for line in lines] == [
        "source sends too much",
        "source sends too much",
        "source banned",
    ]
    assert lines[1]["refused"] > 5000
    assert (lines[2]["source"], lines[2]["seconds"]) == (BAD, 100)
