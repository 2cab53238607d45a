"""What phones may dial, and what it means."""

from __future__ import annotations

import pytest

from voipbin_sip.calls.call import Address
from voipbin_sip.calls.dialplan import DialPlan, Meaning
from voipbin_sip.directory import ConferenceEntry, Directory, ExtensionEntry, NumberEntry
from voipbin_sip.sip.uri import parse_uri

DIRECTORY = Directory(
    numbers={
        "100": NumberEntry(number="100", flow="desk"),
        "+493012345678": NumberEntry(number="+493012345678", flow="menu"),
    },
    extensions={name: ExtensionEntry(extension=name) for name in ("1000", "alice", "03087654321")},
    conferences={"weekly": ConferenceEntry(id="weekly")},
)
PLAN = DialPlan("voipbin.test", lambda: DIRECTORY, own="+493012345678")


def meaning(uri: str) -> Meaning | None:
    return PLAN.meaning(parse_uri(uri))


def to(kind: str, target: str) -> Meaning:
    address = Address(kind, target)
    return Meaning(address, connect=address)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("100", Meaning(Address("extension", "100"), flow="desk")),
        ("+493012345678", Meaning(Address("tel", "+493012345678"), flow="menu")),
        ("0049-30-12345678", Meaning(Address("tel", "+493012345678"), flow="menu")),
        ("03012345678", Meaning(Address("tel", "+493012345678"), flow="menu")),
        ("1000", to("extension", "1000")),
        ("alice", to("extension", "alice")),
        ("extension:alice", to("extension", "alice")),
        ("03087654321", to("extension", "03087654321")),  # a phone's name goes before a national number
        ("+12025550123", to("tel", "+12025550123")),
        ("%2B12025550123", to("tel", "+12025550123")),
        ("tel:+12025550123", to("tel", "+12025550123")),
        ("tel:%2B12025550123", to("tel", "+12025550123")),
        ("0012025550123", to("tel", "+12025550123")),
        ("08912345678", to("tel", "+498912345678")),
        ("conference:weekly", Meaning(Address("conference", "weekly"), conference="weekly")),
        ("sip:bob%40sip.example.com", to("sip", "bob@sip.example.com")),
        ("sip:1000%40voipbin.test", to("extension", "1000")),
    ],
)
def test_user_parts(user: str, expected: Meaning) -> None:
    assert meaning(f"sip:{user}@voipbin.test") == expected


@pytest.mark.parametrize(
    "user",
    [
        "999",
        "112",
        "nobody",
        "conference:daily",
        "extension:100",
        "agent:7",
        "line:7",
        "tel:nobody",
        "sip:",
        "sip:sip.example.com",  # a host without a user
        "sip:" * 5000 + "1000%40voipbin.test",
        "sip:sip:1000%40voipbin.test",
        "%00",
        "${voipbin.call.id}",
    ],
)
def test_what_means_nothing(user: str) -> None:
    user = user.replace("{", "%7B").replace("}", "%7D")
    assert meaning(f"sip:{user}@voipbin.test") is None


@pytest.mark.parametrize("host", ["conference.voipbin.test", "CONFERENCE.voipbin.test"])
def test_the_host_of_conferences(host: str) -> None:
    assert meaning(f"sip:weekly@{host}") == Meaning(Address("conference", "weekly"), conference="weekly")
    assert meaning(f"sip:100@{host}") is None


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("sip:bob@sip.example.com", "bob@sip.example.com"),
        ("sip:bob@sip.example.com:5070;transport=tcp", "bob@sip.example.com:5070;transport=tcp"),
        ("sips:bob@[2001:db8::1]", None),  # an address counts as ours
        ("sips:bob@sip.example.com", "sips:bob@sip.example.com"),
        ("sip:bob:secret@sip.example.com?Subject=x", "bob@sip.example.com"),
        ("sip:sip.example.com", None),
        ("mailto:bob@example.com", None),
    ],
)
def test_addresses_elsewhere(uri: str, target: str | None) -> None:
    assert meaning(uri) == (None if target is None else to("sip", target))


def test_a_tel_uri() -> None:
    assert meaning("tel:+1-202-555-0123") == to("tel", "+12025550123")
    assert meaning("tel:1000;phone-context=voipbin.test") == to("extension", "1000")


def test_without_a_number_of_ours_no_national_numbers_are_read() -> None:
    plan = DialPlan("voipbin.test", lambda: DIRECTORY)
    assert plan.meaning(parse_uri("sip:08912345678@voipbin.test")) is None
