"""Which provider takes a number, and what it is sent: dial string, headers, and whom the call shows."""

from __future__ import annotations

import pytest

from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.caller_id import shown_elsewhere, shown_inside, shown_number, shown_to_carrier
from voipbin_sip.calls.routing import NobodyKnows, Routing
from voipbin_sip.directory import CallerIdEntry, Directory, ProviderEntry, RewriteEntry, RouteEntry

OURS = "+15550100"
CALLER = Originator(Address("tel", OURS, target_name="Reception"))
HIDDEN = Originator(Address("tel", OURS, target_name="Reception"), private=True)


class Sick(NobodyKnows):
    def __init__(self, *names: str) -> None:
        self.names = names

    def usable(self, provider_id: str) -> bool:
        return provider_id not in self.names

    def route(self, provider_id: str) -> tuple[str, ...]:
        return ("<sip:edge.example.com;lr>",) if provider_id == "c" else ()


def order(number: str, *routes: tuple[str, int, str], sick: tuple[str, ...] = ()) -> list[str]:
    directory = Directory(
        providers={name: ProviderEntry(id=name, hostname=f"{name}.example.com") for name in "abcd"},
        routes=tuple(RouteEntry(provider_id=name, priority=rank, target=to) for name, rank, to in routes),
    )
    return [provider.id for provider in Routing(lambda: directory, Sick(*sick)).providers(number)]


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([("a", 2, "all"), ("b", 1, "all")], ["b", "a"]),
        ([("a", 1, "all"), ("b", 1, "all")], ["a", "b"]),
        ([("a", 0, "all"), ("b", 9, "+49"), ("c", 5, "+4930"), ("d", 0, "+1")], ["c", "b", "a"]),
        ([("a", 5, "all"), ("b", 1, "all"), ("a", 0, "+49")], ["a", "b"]),
        ([("a", 0, "+1")], []),
    ],
)
def test_the_longest_target_then_the_priority(
    routes: list[tuple[str, int, str]], expected: list[str]
) -> None:
    assert order("+493012345678", *routes) == expected


def test_providers_that_do_not_work_come_last_but_they_come() -> None:
    routes = [("a", 0, "+49"), ("b", 1, "all"), ("c", 2, "all")]
    assert order("+493012345678", *routes, sick=("a",)) == ["b", "c", "a"]
    assert order("+493012345678", *routes, sick=("a", "b", "c")) == ["a", "b", "c"]


def test_what_a_provider_is_sent() -> None:
    provider = ProviderEntry(
        id="c",
        hostname="[2001:db8::1]:5070",
        transport="tcp",
        tech_prefix="77#",
        tech_postfix="*1",
        tech_headers={"X-Account": "42"},
        rewrite_out=(RewriteEntry(prefix="+49", by="0"), RewriteEntry(prefix="+", by="00")),
        codecs=("PCMA",),
        username="me",
        password="saw",
        transfers=True,
    )
    directory = Directory(providers={"c": provider}, provider_passwords={"c": "saw"})
    target = Routing(lambda: directory, Sick()).target(provider, "+493012345678", CALLER, OURS)
    assert target.uri == "sip:77%2303012345678*1@[2001:db8::1]:5070;transport=tcp"
    assert target.headers == (("X-Account", "42"),)
    assert target.credentials == ("me", "saw")
    assert target.codecs == ("PCMA",)
    assert target.route == ("<sip:edge.example.com;lr>",)
    assert target.from_ == f'"Reception" <sip:{OURS}@[2001:db8::1]>'
    assert (target.provider, target.transfers, target.outside) == ("c", True, Address("tel", "+493012345678"))


# Whom a call shows


@pytest.mark.parametrize(
    ("kind", "number", "expected"),
    [
        ("tel", OURS, OURS),
        ("tel", "+15559999", "+15550199"),  # of somebody else: never shown
        ("extension", "1000", "+15550199"),
        ("sip", "alice@example.org", "+15550199"),
    ],
)
def test_only_numbers_of_ours_are_shown(kind: str, number: str, expected: str) -> None:
    originator = Originator(Address(kind, number))
    assert shown_number(originator, {OURS, "1000"}, "+15550199") == expected
    assert shown_number(originator, {OURS, "1000"}, "") == (OURS if expected == OURS else "")


def provider(**caller_id: object) -> ProviderEntry:
    rules = CallerIdEntry.model_validate(caller_id)
    return ProviderEntry(id="a", hostname="sip.example.com", username="me", password="saw", caller_id=rules)


def test_a_carrier_sees_the_number() -> None:
    shown = shown_to_carrier(CALLER, OURS, provider())
    assert shown.from_ == f'"Reception" <sip:{OURS}@sip.example.com>'
    assert shown.headers == ()


def test_a_hidden_caller_is_told_to_the_carrier_only() -> None:
    shown = shown_to_carrier(HIDDEN, OURS, provider())
    assert shown.from_ == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert shown.headers == (
        ("P-Asserted-Identity", f"<sip:{OURS}@sip.example.com>"),
        ("P-Asserted-Identity", f"<tel:{OURS}>"),
        ("Privacy", "id"),
    )


@pytest.mark.parametrize(
    ("rules", "from_", "asserted"),
    [
        ({"number": "+15550177"}, '"Reception" <sip:+15550177@sip.example.com>', []),
        ({"domain": "our.example"}, f'"Reception" <sip:{OURS}@our.example>', []),
        (
            {"asserted": "always"},
            f'"Reception" <sip:{OURS}@sip.example.com>',
            [f"<sip:{OURS}@sip.example.com>", f"<tel:{OURS}>"],
        ),
        (
            {"user": "username"},
            '"Reception" <sip:me@sip.example.com>',
            [f"<sip:{OURS}@sip.example.com>", f"<tel:{OURS}>"],
        ),
        ({"user": "username", "asserted": "never"}, '"Reception" <sip:me@sip.example.com>', []),
        (
            {"asserted": "always", "rewrite": [{"prefix": "+1"}]},
            '"Reception" <sip:5550100@sip.example.com>',
            ["<sip:5550100@sip.example.com>"],
        ),
    ],
)
def test_a_carriers_rules(rules: dict[str, object], from_: str, asserted: list[str]) -> None:
    shown = shown_to_carrier(CALLER, OURS, provider(**rules))
    assert shown.from_ == from_
    assert [value for name, value in shown.headers if name == "P-Asserted-Identity"] == asserted


def test_our_own_phones_see_no_hidden_caller() -> None:
    shown = shown_inside(HIDDEN, "voipbin.test")
    assert shown.from_ == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert shown.headers == ()


def test_other_servers_are_asked_to_hide_and_told_nothing() -> None:
    shown = shown_elsewhere(HIDDEN, "voipbin.test")
    assert shown.from_ == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert shown.headers == (("Privacy", "id"),)


def test_a_phone_sees_the_caller() -> None:
    phone = Originator(Address("extension", "1000", target_name="Desk"))
    assert shown_inside(phone, "voipbin.test").from_ == '"Desk" <sip:1000@voipbin.test>'
    guest = Originator(Address("sip", "alice@example.org"))
    assert shown_elsewhere(guest, "voipbin.test").from_ == "<sip:alice@example.org>"


def test_what_cannot_be_written_is_left_out() -> None:
    guest = Originator(Address("sip", "alice@exa mple.org"))
    assert shown_inside(guest, "voipbin.test").from_ == "<sip:voipbin.test>"
