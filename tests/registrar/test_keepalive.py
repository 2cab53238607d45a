"""Who gets a sign of life, how, and how often."""

from __future__ import annotations

from tests.registrar.phone import NOW, Office, Phone, hop
from voipbin_sip.registrar.keepalive import Keepalive, Ping
from voipbin_sip.sip.events import Hop

NAT = hop("198.51.100.7", 40_000)


def register(office: Office, name: str, via: Hop = NAT, *, uri: str = "", path: str = "") -> None:
    headers = [f"Path: {path}"] if path else []
    contact = uri or f"sip:{name}@10.0.0.9"
    Phone(office, call_id=f"{name}-{office.now}", hop=via).register(f"<{contact}>", headers=headers)


def run(keepalive: Keepalive, start: float, seconds: float, step: float = 1.0) -> list[tuple[float, Ping]]:
    """Ask each `step`; returns when whom."""
    found = []
    for index in range(int(seconds / step) + 1):
        now = start + index * step
        found += [(now - start, ping) for ping in keepalive.due(now)]
    return found


def test_a_phone_behind_a_nat_is_asked_each_interval() -> None:
    office = Office()
    keepalive = Keepalive(office.locations, 30, NOW)
    register(office, "a")
    assert keepalive.deadline() == NOW + 30
    pings = run(keepalive, NOW, 100)
    assert [when for when, _ in pings] == [30, 60, 90]
    assert {(ping.extension, ping.contact.hop, ping.how) for _, ping in pings} == {("1000", NAT, "OPTIONS")}


def test_streams_get_an_empty_line() -> None:
    office = Office()
    keepalive = Keepalive(office.locations, 30, NOW)
    register(office, "a", hop("198.51.100.7", 40_000, "TCP", 3), uri="sip:a@10.0.0.9;transport=tcp")
    ((_, ping),) = run(keepalive, NOW, 40)
    assert ping.how == "CRLF"
    assert ping.contact.hop.connection == 3


def test_phones_without_a_nat_and_those_behind_a_proxy_are_left_alone() -> None:
    office = Office()
    keepalive = Keepalive(office.locations, 30, NOW)
    register(office, "a", uri="sip:a@198.51.100.7:40000")
    register(office, "b", path="<sip:203.0.113.1;lr>")
    assert len(office.locations) == 2
    assert run(keepalive, NOW, 100) == []


def test_a_register_counts_as_a_sign_of_life() -> None:
    office = Office()
    keepalive = Keepalive(office.locations, 30, NOW)
    for _ in range(5):
        register(office, "a")
        office.now += 20
        assert keepalive.due(office.now) == []
    assert len(keepalive.due(office.now + 10)) == 1


def test_phones_on_one_way_are_one_ping() -> None:
    office = Office()
    keepalive = Keepalive(office.locations, 30, NOW)
    register(office, "a")
    register(office, "b")
    assert len(run(keepalive, NOW, 35)) == 1


def test_a_phone_that_left_or_moved_is_not_asked_there() -> None:
    office = Office()
    keepalive = Keepalive(office.locations, 30, NOW)
    register(office, "a")
    register(office, "b", hop("198.51.100.7", 40_001))
    Phone(office, call_id="x").register("*", headers=["Expires: 0"])
    assert run(keepalive, NOW, 100) == []
    register(office, "a")
    register(office, "a2", hop("198.51.100.7", 50_000), uri="sip:a@10.0.0.9")  # another port of the NAT
    assert {ping.contact.hop.remote[1] for _, ping in run(keepalive, NOW, 100)} == {50_000}


def test_after_a_restart_the_first_round_is_spread() -> None:
    office = Office(contacts=100)
    for number in range(60):
        register(office, f"p{number}", hop("198.51.100.7", 40_000 + number))
    keepalive = Keepalive(office.locations, 30, NOW)
    per_second = [len(keepalive.due(NOW + second)) for second in range(1, 31)]
    assert per_second == [2] * 30


def test_a_burst_comes_in_portions() -> None:
    office = Office(contacts=100)
    keepalive = Keepalive(office.locations, 30, NOW)
    for number in range(60):
        register(office, f"p{number}", hop("198.51.100.7", 40_000 + number))
    assert [len(keepalive.due(NOW + 30, most=25)) for _ in range(4)] == [25, 25, 10, 0]


def test_it_can_be_switched_off() -> None:
    office = Office()
    keepalive = Keepalive(office.locations, 0, NOW)
    register(office, "a")
    assert keepalive.deadline() is None
    assert run(keepalive, NOW, 100) == []


def test_a_phone_that_leaves_three_options_unanswered_is_doubtful_until_it_speaks() -> None:
    office = Office()
    keepalive = Keepalive(office.locations, 30, NOW)
    register(office, "a")
    register(office, "b")  # behind the same NAT's port: it shares the fate
    doubtful = []
    for _ in range(4):
        keepalive.answered(NAT, False)
        doubtful.append([contact.doubtful for contact in office.locations.contacts("1000")])
    assert doubtful == [[False, False], [False, False], [True, True], [True, True]]
    keepalive.answered(NAT, True)
    assert [contact.doubtful for contact in office.locations.contacts("1000")] == [False, False]
    for _ in range(2):
        keepalive.answered(NAT, False)
    assert not any(contact.doubtful for contact in office.locations.contacts("1000"))


def test_a_register_ends_the_doubt_and_its_count() -> None:
    office = Office()
    keepalive = Keepalive(office.locations, 30, NOW)
    register(office, "a")
    for _ in range(3):
        keepalive.answered(NAT, False)
    office.now += 50
    register(office, "a")
    for _ in range(2):
        keepalive.answered(NAT, False)
    (contact,) = office.locations.contacts("1000")
    assert not contact.doubtful
    keepalive.answered(hop("203.0.113.200"), False)  # nobody is there any more


def test_doubtful_phones_come_last_and_are_still_found_by_what_was_known_before() -> None:
    office = Office()
    register(office, "a")
    (before,) = office.locations.contacts("1000")
    office.now -= 1
    register(office, "b", hop("198.51.100.8"))
    assert [contact.uri for contact in office.locations.contacts("1000")] == [
        "sip:a@10.0.0.9",
        "sip:b@10.0.0.9",
    ]
    office.locations.doubt("1000", before)
    assert [contact.uri for contact in office.locations.contacts("1000")] == [
        "sip:b@10.0.0.9",
        "sip:a@10.0.0.9",
    ]
    office.locations.remove("1000", before, "removed")
    assert [contact.uri for contact in office.locations.contacts("1000")] == ["sip:b@10.0.0.9"]
