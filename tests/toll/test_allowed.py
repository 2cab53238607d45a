"""Where calls may go: hosts, beginnings of numbers, countries, and the numbers that cost more."""

from __future__ import annotations

from pathlib import Path

import pytest

from voipbin_sip.calls.call import Address
from voipbin_sip.config import load_config
from voipbin_sip.toll.allowed import Allowed
from voipbin_sip.toll.refused import Refused

BERLIN = "+4930123456"
JAMAICA = "+18765551234"
NEW_YORK = "+12125551234"
PREMIUM = "+499001234567"
SHARED = "+491801234567"
PERSONAL = "+447012345678"
SATELLITE = "+881612345678"
NETWORK = "+88216123456"


def refused(target: str, *allow: str, countries: tuple[str, ...] = (), kind: str = "tel") -> str:
    """Return why a destination is refused, "" if it is not."""
    try:
        Allowed(allow, countries).check(Address(kind, target))
    except Refused as refusal:
        return str(refusal)
    return ""


def test_nothing_goes_out_by_default() -> None:
    assert "outbound.allow" in refused(BERLIN)
    assert "outbound.allow does not name sip.example.com" in refused("a@sip.example.com", kind="sip")


@pytest.mark.parametrize("allow", ["+", "+4", "+49", "+4930", BERLIN])
def test_a_beginning_of_a_number_opens_it(allow: str) -> None:
    assert not refused(BERLIN, allow)


@pytest.mark.parametrize("allow", ["+48", "+4931", BERLIN + "7", "sip.example.com"])
def test_another_beginning_does_not(allow: str) -> None:
    why = refused(BERLIN, allow)
    assert "outbound.allow names no beginning of" in why
    assert BERLIN not in why


@pytest.mark.parametrize("target", ["4930123456", "004930123456", "+49", "+0301234567", "+49 30 123456", ""])
def test_only_international_numbers_are_numbers(target: str) -> None:
    with pytest.raises(Refused, match="no number in international form") as caught:
        Allowed(["+"]).check(Address("tel", target))
    assert caught.value.result == "failed"


@pytest.mark.parametrize("target", ["+9999999999", "+1212555123456", "+1212555"])
def test_numbers_that_no_country_has(target: str) -> None:
    assert "no country has a number like" in refused(target, "+")


@pytest.mark.parametrize(
    ("target", "opener", "words"),
    [
        (PREMIUM, "+49900", "a premium-rate number"),
        ("+19005551234", "+1900", "a premium-rate number"),
        (SHARED, "+49180", "a shared-cost number"),
        (PERSONAL, "+44701", "a personal number"),
        (SATELLITE, "+881", "a number of an international or satellite network"),
        (NETWORK, "+882", "a number of an international or satellite network"),
        ("+979123456789", "+979", "a number of an international or satellite network"),
    ],
)
def test_numbers_that_cost_more_want_an_entry_of_their_own(target: str, opener: str, words: str) -> None:
    for allow in ("+", target[:3], opener[:-1]):
        why = refused(target, allow)
        assert words in why and f"'{opener}'" in why, (allow, why)
    for allow in (opener, opener + target[len(opener)], target):
        assert not refused(target, "+", allow), allow


def test_digits_behind_a_premium_rate_number_do_not_hide_it() -> None:
    assert "a premium-rate number" in refused(PREMIUM + "00", "+49")


def test_an_entry_for_one_number_that_costs_more_opens_no_other() -> None:
    assert "a premium-rate number" in refused("+499005234567", "+49", "+499001")


def test_countries_are_told_from_numbers_and_not_from_their_first_digits() -> None:
    us = ("US",)
    assert not refused(NEW_YORK, "+1", countries=us)
    assert refused(JAMAICA, "+1", countries=us) == "the country JM is not in outbound.countries"
    assert refused(BERLIN, "+", countries=us) == "the country DE is not in outbound.countries"
    assert not refused(JAMAICA, "+", countries=("US", "JM"))
    assert "KZ" in refused("+77012345678", "+7", countries=("RU",))
    assert "JE" in refused("+441534123456", "+44", countries=("GB",))


def test_a_number_whose_country_cannot_be_told_is_refused_where_countries_are_named() -> None:
    drama = "+447700900123"  # no country of +44 has given it to anybody
    assert "cannot be told" in refused(drama, "+44", countries=("GB",))
    assert not refused(drama, "+44")


def test_countries_open_nothing_by_themselves() -> None:
    assert "outbound.allow" in refused(BERLIN, countries=("DE",))


def test_a_network_without_a_country_is_opened_by_its_entry() -> None:
    assert not refused(NETWORK, "+88216", countries=("DE",))


def test_a_premium_rate_number_of_a_country_that_is_not_named_stays_closed() -> None:
    assert "the country DE" in refused(PREMIUM, "+49900", countries=("AT",))


@pytest.mark.parametrize(
    ("target", "allow"),
    [
        ("bob@sip.example.com", "sip.example.com"),
        ("sip:bob@SIP.Example.com.:5999;transport=tcp", "sip.example.COM"),
        ("sip:sip.example.com", "sip:sip.example.com"),
        ("bob@sip.example.com:5080", "sip.example.com:5080"),
        ("bob@sip.example.com", "sip.example.com:5060"),
        ("sips:bob@sip.example.com", "sip.example.com:5061"),
        ("sip:bob@sip.example.com;transport=tls", "sip.example.com:5061"),
        ("bob@192.0.2.7", "192.0.2.7"),
        ("bob@[2001:db8::7]:5060", "2001:DB8:0::7"),
        ("bob@[2001:db8::7]:5070", "[2001:db8::7]:5070"),
        ("bob@b.example;maddr=a.example", "a.example"),
    ],
)
def test_hosts(target: str, allow: str) -> None:
    assert not refused(target, allow, "b.example", kind="sip")


@pytest.mark.parametrize(
    "target",
    [
        "bob@example.com",
        "bob@sip.example.com.evil.example",
        "bob@sip.example.com:5081",
        "bob@sip.example.com",
        "sips:bob@sip.example.com",
        "sip.example.com@evil.example",
        "sip:bob@a.example;maddr=evil.example",
        "sip:bob@a.example;MADDR=192.0.2.66",
        "sip:bob%40a.example@evil.example",
    ],
)
def test_other_hosts_are_refused(target: str) -> None:
    assert "outbound.allow does not name" in refused(target, "sip.example.com:5080", "a.example", kind="sip")


def test_what_is_no_sip_address() -> None:
    assert "is no SIP address" in refused("bob@exa mple", "+", kind="sip")
    assert "type agent" in refused("1", "+", kind="agent")


def test_numbers_at_a_host_keep_to_the_countries_and_kinds() -> None:
    def at_host(number: str, *countries: str) -> str:
        return refused(f"{number}@gw.example", "gw.example", countries=countries, kind="sip")

    assert not at_host(JAMAICA)
    assert "JM" in at_host(JAMAICA, "US")
    assert "premium" in at_host(PREMIUM)
    assert not at_host("1000", "US")


def test_reasons_never_hold_the_whole_number() -> None:
    for target, countries in ((BERLIN, ()), (PREMIUM, ()), ("+447700900123", ("GB",)), ("+9999999999", ())):
        why = refused(target, "+", countries=countries) or refused(target)
        assert why and target not in why and target[-6:] not in why


def test_configuration(tmp_path: Path) -> None:
    file = tmp_path / "voipbin.yaml"
    file.write_text("""outbound:
  allow: [+49, "49", "sip:x.example:5", "::1", x@y, +0, host:99999]
  countries: [de, NO, UK]
  limits: {concurrent: -1, total: {minute: 3}}
""")
    _, findings = load_config(file)
    told = [str(finding).removeprefix(str(file)) for finding in findings]
    assert told == [
        ":2:16: allow: '49' is no host; a beginning of numbers is written with a plus: '+49'",
        ":2:48: allow: 'x@y' is no host like sip.example.com or sip.example.com:5080, and no prefix",
        ":2:53: allow: '+0' is no beginning of an international number, like +49 or +4930",
        ":2:57: allow: 'host:99999' is no host like sip.example.com or sip.example.com:5080, and no prefix",
        ":3:23: countries: 'UK' is no country code of ISO 3166; did you mean GB?",
        ":4:24: concurrent: '-1' is less than 0",
        ":4:36: 'minute' is an unknown key; did you mean 'per_minute'?",
    ]
    file.write_text("outbound: {countries: [de, NO], limits: {total: {concurrent: 7}}}")
    config, findings = load_config(file)
    assert config is not None and not findings
    assert config.outbound.countries == ["DE", "NO"]
    assert config.outbound.limits.total.concurrent == 7
    assert config.outbound.limits.concurrent == 5


def test_the_countries_of_now_narrow_what_is_allowed_and_never_widen_it() -> None:
    now: set[str] | None = None
    allowed = Allowed(["+49", "+1"], ["DE", "US"], lambda: now)
    allowed.check(Address("tel", BERLIN))
    now = {"DE", "JM"}
    allowed.check(Address("tel", BERLIN))
    for number in (NEW_YORK, JAMAICA):
        with pytest.raises(Refused):
            allowed.check(Address("tel", number))
    now = set()
    with pytest.raises(Refused, match="destination_whitelist"):
        allowed.check(Address("tel", BERLIN))
