"""Calls that leave the server, explained from files: allowed by which entry, by which routes, sent what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.explain.office import DESK, OURS, Office, topic, write_office
from tests.fakes.dns import FakeDns
from voipbin_sip.calls.call import Address
from voipbin_sip.calls.routing import NobodyKnows
from voipbin_sip.carriers import ProviderState
from voipbin_sip.carriers.provider import Health, Registered
from voipbin_sip.explain.explaining import explain
from voipbin_sip.explain.question import read_question
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.resolver import Resolver

HAMBURG, BERLIN, PARIS = "+494098765432", "+493055566677", "+33123456789"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return write_office(tmp_path_factory.mktemp("office"))


@pytest.mark.parametrize(
    ("to", "caller", "result", "status"),
    [
        (HAMBURG, "1000", "outside", 0),
        ("0049 40 98765432", "1000", "outside", 0),
        ("040 98765432", "1000", "outside", 0),
        (HAMBURG, OURS, "outside", 0),
        (HAMBURG, "200", "outside", 0),
        (HAMBURG, "", "outside", 0),
        (HAMBURG, "anonymous", "outside", 0),
        (HAMBURG, "+4915112345678", "asked", 407),  # somebody else's number: it comes in
        (PARIS, "1000", "refused", 403),
        ("+4312345678", "1000", "refused", 403),
        ("+499001234567", "1000", "refused", 403),
        ("bob@sip.partner.example", "", "outside", 0),
        ("bob@192.0.2.80:5080", "", "asked", 407),  # an address of any machine is ours
        ("bob@sip.other.example", "", "refused", 403),
    ],
)
def test_what_may_leave(office: Office, to: str, caller: str, result: str, status: int) -> None:
    told = office.ask(to, caller)
    assert (told.result, told.status) == (result, status)


@pytest.mark.parametrize(
    ("to", "caller"),
    [("+4312345678", "1000"), (PARIS, "1000"), ("0043 1234 5678", OURS), (HAMBURG, "+4915112345678")],
)
def test_the_numbers_that_were_asked_about_are_shown_whole(office: Office, to: str, caller: str) -> None:
    told = office.ask(to, caller)
    texts = [told.summary, *(text for one in told.decisions for text in (one.text, *one.lines))]
    assert "…" not in " ".join(texts)


def test_the_longest_entry_that_allows_it(office: Office) -> None:
    told = topic(office.ask(BERLIN, "1000"), "allowed")
    assert "'+4930'" in told.text and "country DE" in told.text
    assert told.where == (office.line("voipbin.yaml", '"+4930"'), office.line("voipbin.yaml", "countries:"))
    host = topic(office.ask("bob@sip.partner.example"), "allowed")
    assert host.where == (office.line("voipbin.yaml", "sip.partner.example"),)


@pytest.mark.parametrize(
    ("to", "rule", "key"),
    [
        (PARIS, "the country FR is not in outbound.countries", "countries:"),
        ("+4312345678", "outbound.allow names no beginning", "allow:"),
        ("+499001234567", "a premium-rate number", "allow:"),
    ],
)
def test_the_rule_that_keeps_it_in(office: Office, to: str, rule: str, key: str) -> None:
    told = office.ask(to, OURS)
    decision = topic(told, "allowed")
    assert rule in decision.text and rule in told.summary
    assert decision.where == (office.line("voipbin.yaml", key),)


def test_routes_in_order_with_their_places(office: Office) -> None:
    told = topic(office.ask(BERLIN, "1000"), "routes")
    assert told.lines == (
        f"carrier: target +4930, priority 9 ({office.line('directory.yaml', 'priority: 9')})",
        f"backup: target all, priority 2 ({office.line('directory.yaml', 'priority: 2')})",
    )


def test_no_route(office: Office) -> None:
    view = office.view()
    directory = replace(view.directory, routes=view.directory.routes[1:2])
    narrow = replace(view, directory=replace(directory, routes=()))
    told = office.ask(HAMBURG, "1000", view=narrow)
    assert (told.result, told.status) == ("refused", 404)
    assert "none at all" in topic(told, "routes").text


def test_exactly_what_is_sent(office: Office) -> None:
    first, second = office.ask(HAMBURG, "1000").sent
    assert (first.to, first.request_uri) == (
        "provider:carrier",
        "sip:00494098765432@sip.carrier.example;transport=udp",
    )
    assert first.from_ == f"<sip:{OURS}@sip.carrier.example>"
    assert first.headers == (
        ("P-Asserted-Identity", f"<sip:{OURS}@sip.carrier.example>"),
        ("P-Asserted-Identity", f"<tel:{OURS}>"),
        ("X-Account", "42"),
    )
    assert (first.codecs, first.transport, first.places) == (("PCMA",), "UDP", ())  # DNS is not asked
    assert (second.transport, second.places) == ("TCP", ("192.0.2.99:5070 by TCP",))


def test_a_codec_that_few_have_is_warned_of(office: Office) -> None:
    providers = [
        decision for decision in office.ask(HAMBURG, "1000").decisions if decision.topic == "provider"
    ]
    assert [any("488" in line for line in decision.lines) for decision in providers] == [False, True]


@pytest.mark.parametrize(
    ("caller", "shown", "why"),
    [
        (DESK, DESK, "one of ours"),
        ("1000", OURS, "the default: 1000 is no number of ours"),
        ("", OURS, "the default: no number was named"),
        ("anonymous", OURS, "hidden"),
    ],
)
def test_whom_it_shows(office: Office, caller: str, shown: str, why: str) -> None:
    told = office.ask(HAMBURG, caller)
    decision = topic(told, "shown")
    assert decision.text.startswith(f"Shows {shown}") and why in decision.text
    where = ("directory.yaml", DESK) if shown == DESK else ("voipbin.yaml", "default_outgoing")
    assert decision.where == (office.line(*where),)


def test_a_hidden_caller(office: Office) -> None:
    first = office.ask(HAMBURG, "anonymous").sent[0]
    assert first.from_ == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert ("Privacy", "id") in first.headers


def test_limits_with_what_is_used(office: Office) -> None:
    view = replace(office.view(), live=True)
    told = office.ask(HAMBURG, "1001", view=view)
    decision = topic(told, "limits")
    assert decision.lines[0].startswith("extension 1001: 0 of 2 calls at once")
    assert "0 of 0.5 minutes" in decision.lines[0]
    assert office.line("directory.yaml", "minutes_per_day: 0.5") in decision.where
    guard = view.toll
    for _ in range(2):
        guard.begin("extension:1001", "carrier", Address("tel", HAMBURG), view.now)
    full = office.ask(HAMBURG, "1001", view=view)
    assert (full.result, full.status) == ("refused", 403)
    assert "extension 1001 has 2 calls already" in full.summary
    assert office.ask(HAMBURG, "1000", view=view).result == "outside"  # somebody else
    before = guard.account_count
    office.ask(HAMBURG, "1000", view=view)
    assert guard.account_count == before  # asking counts nothing


def test_providers_as_they_are_now(office: Office) -> None:
    class Sick(NobodyKnows):
        def usable(self, provider_id: str) -> bool:
            return provider_id != "carrier"

    states = {
        "carrier": ProviderState(Health.UNHEALTHY, None, Registered.FAILED, "403 Forbidden"),
        "backup": ProviderState(Health.HEALTHY, datetime.now(UTC), Registered.NONE),
    }
    view = replace(office.view(), live=True, carriers=Sick(), state=states.get)
    told = office.ask(HAMBURG, "1000", view=view)
    assert [sent.to for sent in told.sent] == ["provider:backup", "provider:carrier"]
    assert [sent.usable for sent in told.sent] == [True, False]
    texts = [decision.text for decision in told.decisions if decision.topic == "provider"]
    assert "It is usable now: it answers" in texts[0]
    assert "does not answer, the registration failed: 403 Forbidden" in texts[1]
    assert "carrier" in topic(told, "routes").text


async def test_dns_is_asked_only_on_demand(office: Office) -> None:
    dns = FakeDns()
    dns.a("sip.carrier.example", "192.0.2.61")
    resolver = Resolver(DnsCache(dns, clock=lambda: 0.0), clock=lambda: 0.0)
    view = replace(office.view(), resolver=resolver)
    plain = await explain(view, read_question(HAMBURG, "1000"))
    assert dns.asked.total() == 0 and plain.sent[0].places == ()
    asked = await explain(view, read_question(HAMBURG, "1000", resolve=True))
    assert asked.sent[0].places == ("192.0.2.61:5060 by UDP",)
    lost = await explain(view, read_question("bob@sip.partner.example", resolve=True))
    assert lost.result == "refused" and "sip.partner.example" in lost.summary


def test_a_sip_host_costs_nothing_unless_a_number_is_dialled_there(office: Office) -> None:
    assert "counts for no limit" in topic(office.ask("bob@sip.partner.example"), "limits").text
    assert "leave room" in topic(office.ask(f"{HAMBURG}@sip.partner.example"), "limits").text
