"""Bindings in memory: order, expiry, listeners, connections."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.registrar.phone import DESK, NOW, hop
from voipbin_sip.registrar.contact import Contact, LocationEvent, Registered, Unregistered
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.sip.events import Hop


def contact(
    uri: str = "sip:1000@198.51.100.7", *, seconds: float = 60, q: float = 1.0, via: Hop = DESK
) -> Contact:
    return Contact(uri, via, NOW + seconds, NOW, "c1", 1, via.remote, q=q)


def test_the_preferred_then_the_latest_comes_first() -> None:
    locations = Locations()
    old, low = contact("sip:old@a"), contact("sip:low@a", q=0.1)
    new = replace(contact("sip:new@a"), updated_at=NOW + 5)
    for item in (low, old, new):
        locations.put("1000", item)
    assert locations.contacts("1000") == [new, old, low]
    assert locations.contacts("1001") == []


def test_bindings_expire_one_by_one_and_listeners_hear_of_it() -> None:
    locations = Locations()
    heard: list[LocationEvent] = []
    locations.subscribe(heard.append)
    first, second = contact("sip:a@a", seconds=60), contact("sip:b@a", seconds=90)
    locations.put("1000", second)
    locations.put("1000", first)
    assert locations.deadline() == NOW + 60
    locations.tick(NOW + 59.9)
    assert len(locations) == 2
    locations.tick(NOW + 60)
    assert locations.contacts("1000") == [second]
    locations.tick(NOW + 1000)
    assert locations.deadline() is None
    assert heard == [
        Registered("1000", second, None),
        Registered("1000", first, None),
        Unregistered("1000", first, "expired"),
        Unregistered("1000", second, "expired"),
    ]


def test_a_refreshed_binding_lives_on_and_a_shortened_one_ends_early() -> None:
    locations = Locations()
    first = contact(seconds=60)
    longer, shorter = contact(seconds=120), contact(seconds=80)
    locations.put("1000", first)
    locations.put("1000", longer, first)
    locations.tick(NOW + 61)
    assert locations.contacts("1000") == [longer]
    locations.put("1000", shorter, longer)
    locations.tick(NOW + 81)
    assert len(locations) == 0


def test_removing_twice_is_heard_once() -> None:
    locations = Locations()
    heard: list[LocationEvent] = []
    item = contact()
    locations.put("1000", item)
    locations.subscribe(heard.append)
    locations.remove("1000", item, "removed")
    locations.remove("1000", item, "removed")
    assert heard == [Unregistered("1000", item, "removed")]


def test_forgetting_an_extension() -> None:
    locations = Locations()
    locations.put("1000", contact("sip:a@a"))
    locations.put("1000", contact("sip:b@a"))
    locations.put("1001", contact("sip:c@a"))
    locations.forget("1000")
    assert [extension for extension, _ in locations] == ["1001"]


def test_sources_of_registered_phones_are_known_as_long_as_any_is_there() -> None:
    locations = Locations()
    one, two = contact("sip:a@a"), contact("sip:b@a")
    locations.put("1000", one)
    locations.put("1001", two)
    locations.remove("1000", one, "removed")
    assert locations.has_source("198.51.100.7")
    moved = contact("sip:b@a", via=hop("203.0.113.9"))
    locations.put("1001", moved, two)
    assert not locations.has_source("198.51.100.7")
    assert locations.has_source("203.0.113.9")


def test_what_only_a_connection_led_to_is_gone_with_it() -> None:
    locations = Locations()
    flow = hop("198.51.100.7", 40_001, "TCP", 7)
    behind = contact("sip:a@10.0.0.9", via=flow)
    dialable = replace(behind, uri="sip:b@198.51.100.7", hop=replace(flow, remote=("198.51.100.7", 5060)))
    other = contact("sip:c@10.0.0.9", via=hop("198.51.100.7", 40_002, "TCP", 8))
    for item in (behind, dialable, other):
        locations.put("1000", item)
    locations.connection_lost(7)
    assert set(locations.contacts("1000")) == {dialable, other}
    locations.connection_lost(99)
    assert len(locations) == 2


def test_restored_bindings_are_not_told_but_expire() -> None:
    locations = Locations()
    heard: list[LocationEvent] = []
    locations.subscribe(heard.append)
    locations.restore([("1000", contact())])
    assert heard == []
    locations.tick(NOW + 60)
    assert [type(event) for event in heard] == [Unregistered]


def test_phones_that_come_and_go_leave_nothing_behind() -> None:
    """Against a plain model: thousands of refreshes and removals, then the heap is no larger than what lives."""
    chance = random.Random(5)
    locations = Locations()
    model: dict[str, Contact] = {}
    now = NOW
    for step in range(20_000):
        now += chance.random()
        locations.tick(now)
        model = {name: item for name, item in model.items() if item.expires_at > now}
        name = f"{chance.randrange(50)}"
        old = model.get(name)
        if old is not None and chance.random() < 0.4:
            locations.remove(name, old, "removed")
            del model[name]
        else:
            new = replace(contact(f"sip:{step}@a"), expires_at=now + chance.choice([60, 600, 3600]))
            locations.put(name, new, old)
            model[name] = new
    assert dict(iter(locations)) == model
    assert locations.deadline() is not None
    assert len(locations._heap) <= 2 * len(model) + 65
