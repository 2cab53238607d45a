"""How many calls go out, how fast and how long: by a clock that the tests turn."""

from __future__ import annotations

import pytest

from voipbin_sip.calls.call import Address
from voipbin_sip.toll.allowed import Allowed
from voipbin_sip.toll.guard import Permit, TollGuard
from voipbin_sip.toll.limits import CallLimits, CallLimitsEntry
from voipbin_sip.toll.refused import Refused

THERE = Address("tel", "+4930123456")
DESK = "extension:1000"
NONE = CallLimits()


class World:
    """A guard with a clock, a calendar and a memory."""

    def __init__(self, **limits: CallLimits) -> None:
        self.now = 1000.0
        self.day = "2026-11-22"
        self.limits = {name.replace("_", ":"): terms for name, terms in limits.items()}
        self.rows: dict[tuple[str, str], float] = {}
        self.guard = TollGuard(
            Allowed(["+49", "sip.example.com"]),
            lambda name: self.limits.get(name, NONE),
            today=lambda: self.day,
            record=lambda day, name, seconds: self.rows.update({(day, name): seconds}),
        )
        self.over: list[tuple[Permit, str]] = []

    def call(self, payer: str = DESK, provider: str = "carrier") -> Permit:
        permit = self.guard.begin(payer, provider, THERE, self.now)
        permit.over = lambda reason: self.over.append((permit, reason))
        return permit

    def refusal(self, payer: str = DESK, provider: str = "carrier") -> str:
        try:
            permit = self.guard.begin(payer, provider, THERE, self.now)
        except Refused as refused:
            assert refused.result == "refused"
            return str(refused)
        permit.ended(self.now)
        return ""

    def talk(self, seconds: float, payer: str = DESK, provider: str = "carrier") -> None:
        permit = self.call(payer, provider)
        permit.answered(self.now)
        self.run(seconds)
        permit.ended(self.now)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 1.0)
            self.guard.tick(self.now)


def test_a_destination_that_is_not_allowed_begins_no_call() -> None:
    world = World()
    with pytest.raises(Refused, match=r"outbound\.allow"):
        world.guard.begin(DESK, "carrier", Address("tel", "+3312345678"), world.now)


def test_calls_at_once() -> None:
    world = World(extension_1000=CallLimits(concurrent=2))
    first, second = world.call(), world.call()
    assert world.refusal() == "extension 1000 has 2 calls already"
    assert not world.refusal("extension:1001")
    first.ended(world.now)
    first.ended(world.now)  # a second time: nothing
    third = world.call()
    assert world.refusal()
    for permit in (second, third):
        permit.ended(world.now)
    assert not world.refusal()


def test_a_ringing_call_counts_at_once_and_costs_no_minutes() -> None:
    world = World(extension_1000=CallLimits(concurrent=1, minutes_per_day=1))
    permit = world.call()
    world.run(600)
    assert world.refusal() == "extension 1000 has 1 call already"
    permit.ended(world.now)
    assert not world.refusal()
    assert not world.over


def test_calls_per_minute_in_a_sliding_window() -> None:
    world = World(extension_1000=CallLimits(per_minute=2))
    for _ in range(2):
        world.call().ended(world.now)
        world.run(20)
    assert world.refusal() == "extension 1000 has begun 2 calls within a minute"
    world.run(19.5)
    assert world.refusal()
    world.run(0.5)  # the first one is a minute ago
    world.call().ended(world.now)
    assert world.refusal()


def test_refused_calls_count_for_nobody() -> None:
    world = World(extension_1000=CallLimits(per_minute=1), total=CallLimits(per_minute=2))
    world.call()
    for _ in range(5):
        assert "extension 1000" in world.refusal()
    world.call("extension:1001")
    assert world.refusal("extension:1002") == "the server has begun 2 calls within a minute"


def test_minutes_of_a_day_refuse_the_next_call() -> None:
    world = World(extension_1000=CallLimits(minutes_per_day=2))
    world.talk(60)
    assert not world.refusal()
    world.talk(60)
    assert world.refusal() == "extension 1000 has used its 2 minutes of today"
    assert not world.refusal("extension:1001")


def test_a_running_call_ends_when_the_day_is_used_up() -> None:
    world = World(extension_1000=CallLimits(minutes_per_day=1))
    permit = world.call()
    permit.answered(world.now)
    permit.answered(world.now)  # a repeated answer changes nothing
    world.run(59)
    assert not world.over
    world.run(1)
    assert world.over == [(permit, "extension 1000 has used its 1 minutes of today")]
    world.run(5)
    assert len(world.over) == 1


def test_calls_beside_each_other_use_the_minutes_together() -> None:
    world = World(extension_1000=CallLimits(minutes_per_day=2))
    permits = [world.call(), world.call()]
    bystander = world.call("extension:1001")
    for permit in (*permits, bystander):
        permit.answered(world.now)
    world.run(59)
    assert not world.over
    world.run(2)
    assert {permit for permit, _ in world.over} == set(permits)


def test_a_call_that_ends_itself_when_it_is_told() -> None:
    world = World(extension_1000=CallLimits(minutes_per_day=1))
    for _ in range(3):
        permit = world.call()
        permit.over = lambda reason, permit=permit: permit.ended(world.now)  # type: ignore[misc]
        permit.answered(world.now)
    world.run(60)
    world.limits.clear()
    assert not world.refusal()


def test_the_next_day_begins_with_nothing() -> None:
    world = World(extension_1000=CallLimits(minutes_per_day=2))
    permit = world.call()
    permit.answered(world.now)
    world.run(90)
    world.day = "2026-11-23"
    world.run(90)
    assert not world.over  # 90 s yesterday, 90 s today
    permit.ended(world.now)
    world.talk(29)
    assert not world.refusal()
    world.talk(5)
    assert world.refusal()


def test_the_server_and_each_provider_have_limits_too() -> None:
    world = World(via_carrier=CallLimits(concurrent=1), total=CallLimits(concurrent=2))
    world.call()
    assert world.refusal("extension:1001") == "provider carrier has 1 call already"
    world.call("extension:1001", "other")
    assert world.refusal("extension:1002", "third") == "the server has 2 calls already"


def test_a_call_that_takes_another_way_stays_one_call() -> None:
    world = World(
        extension_1000=CallLimits(concurrent=1, per_minute=1),
        via_first=CallLimits(concurrent=1),
        via_second=CallLimits(concurrent=1),
    )
    permit = world.call(DESK, "first")
    permit.onward("second", world.now)
    assert world.refusal("extension:1001", "second") == "provider second has 1 call already"
    other = world.call("extension:1001", "first")
    with pytest.raises(Refused, match="provider first has 1 call already"):
        permit.onward("first", world.now)
    other.ended(world.now)
    permit.onward("", world.now)
    assert not world.refusal("extension:1001", "second")
    permit.onward("second", world.now)
    permit.answered(world.now)
    world.run(30)
    permit.ended(world.now)
    assert world.guard.used() == {DESK: 30.0, "total": 30.0, "via:second": 30.0}
    permit.onward("first", world.now)  # it is over: nothing
    assert not world.refusal("extension:1001", "first")


def test_straight_to_a_host_counts_for_no_provider() -> None:
    world = World(total=CallLimits(concurrent=1))
    world.guard.begin(DESK, "", THERE, world.now)
    assert world.refusal() == "the server has 1 call already"


def test_what_a_provider_brings_and_what_it_carries_are_two_accounts() -> None:
    world = World(provider_carrier=CallLimits(concurrent=1))
    world.call(DESK, "carrier")
    world.call("provider:carrier", "carrier")
    assert world.refusal("provider:carrier") == "what comes from provider carrier has 1 call already"
    assert not world.refusal(DESK, "carrier")


def test_limits_are_those_of_now() -> None:
    world = World()
    world.call()
    world.limits[DESK] = CallLimits(concurrent=1)
    assert world.refusal()


def test_minutes_are_recorded_while_a_call_runs() -> None:
    world = World()
    permit = world.call()
    permit.answered(world.now)
    world.run(25)
    assert 15 <= world.rows["2026-11-22", DESK] <= 25
    world.run(2.5)
    permit.ended(world.now)
    assert set(world.rows.values()) == {27.5}
    assert {name for _, name in world.rows} == {DESK, "via:carrier", "total"}


def test_minutes_survive_a_restart_of_the_same_day() -> None:
    before = World(extension_1000=CallLimits(minutes_per_day=1))
    before.talk(50)
    after = World(extension_1000=CallLimits(minutes_per_day=1))
    after.guard.restore("2026-11-22", {name: used for (_, name), used in before.rows.items()})
    assert not after.refusal()
    after.talk(10)
    assert after.refusal() == "extension 1000 has used its 1 minutes of today"
    assert after.rows["2026-11-22", DESK] == 60.0
    next_day = World(extension_1000=CallLimits(minutes_per_day=1))
    next_day.guard.restore("2026-11-21", {DESK: 60.0})
    assert not next_day.refusal()


def test_flush_tells_what_was_not_recorded_yet() -> None:
    world = World()
    permit = world.call()
    permit.answered(world.now)
    world.now += 3
    world.guard.flush(world.now)
    assert world.rows["2026-11-22", DESK] == 3.0


def test_an_unknown_caller_has_an_account_as_well() -> None:
    world = World()
    world.limits[""] = CallLimits(concurrent=1)
    world.call("")
    assert world.refusal("") == "an unknown caller has 1 call already"


def test_nothing_is_kept_of_accounts_without_use() -> None:
    world = World()
    for number in range(100):
        world.call(f"extension:{number}").ended(world.now)
    world.run(75)
    assert world.guard.account_count == 0


def test_limits_of_an_entry_go_before_the_defaults() -> None:
    defaults = CallLimits(5, 20, 600)
    assert CallLimitsEntry(concurrent=0, minutes_per_day=30).over(defaults) == CallLimits(0, 20, 30)
    assert CallLimitsEntry().over(defaults) == defaults


def test_names_at_allowed_hosts_are_free_and_numbers_there_are_not() -> None:
    world = World(extension_1000=CallLimits(concurrent=1))
    for name in ("support", "101", "conf-12345"):
        world.guard.begin(DESK, "", Address("sip", f"{name}@sip.example.com"), world.now).answered(world.now)
    world.run(60)
    assert world.guard.used() == {}
    world.guard.begin(DESK, "", Address("sip", "0301234567@sip.example.com"), world.now)
    with pytest.raises(Refused, match="has 1 call already"):
        world.guard.begin(DESK, "", Address("sip", "+49301234567@sip.example.com"), world.now)


def test_a_free_call_that_is_sent_on_to_a_provider_costs_from_there() -> None:
    world = World(extension_1000=CallLimits(concurrent=1))
    first, second = (
        world.guard.begin(DESK, "", Address("sip", "support@sip.example.com"), world.now) for _ in range(2)
    )
    first.onward("carrier", world.now)
    with pytest.raises(Refused, match="has 1 call already"):
        second.onward("carrier", world.now)
    first.ended(world.now)
    second.onward("carrier", world.now)
    assert world.refusal() == "extension 1000 has 1 call already"
    second.ended(world.now)
    second.onward("carrier", world.now)  # it is over: nothing
    assert not world.refusal()
