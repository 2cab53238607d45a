"""Numbers as people and carriers write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from voipbin_sip.calls.numbering import dialled_number, home_region, international, own_number, rewritten
from voipbin_sip.directory import RewriteEntry
from voipbin_sip.sip.uri import parse_uri


@pytest.mark.parametrize(
    ("text", "home", "expected"),
    [
        ("+493012345678", "", "+493012345678"),
        ("00493012345678", "", "+493012345678"),
        ("00493012345678", "DE", "+493012345678"),
        ("030 12345678", "DE", ""),  # separators are gone before
        ("03012345678", "DE", "+493012345678"),
        ("03012345678", "", ""),
        ("2025550123", "US", "+12025550123"),
        ("011493012345678", "US", "+493012345678"),
        ("112", "DE", ""),
        ("911", "US", ""),
        ("1000", "DE", ""),
        ("+49", "", ""),
        ("+4930123456789012", "", ""),
        ("٠٣٠١٢٣٤٥٦٧٨", "DE", ""),
        ("alice", "DE", ""),
        ("", "DE", ""),
    ],
)
def test_to_e164(text: str, home: str, expected: str) -> None:
    assert international(text, home) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:+49-30-1234567@x", "+49301234567"),
        ("sip:%2B49301234567@x", "+49301234567"),
        ("sip:+49301234567;phone-context=x@x;user=phone", "+49301234567"),
        ("tel:+49-30-1234567", "+49301234567"),
        ("tel:301234567;phone-context=+49", "+49301234567"),
        ("tel:1000;phone-context=example.com", "1000"),
        ("sip:*98#@x", "*98#"),
        ("sip:alice@x", "alice"),
    ],
)
def test_dialled_numbers(uri: str, expected: str) -> None:
    assert dialled_number(parse_uri(uri)) == expected


def test_the_first_rule_that_fits_rewrites() -> None:
    rules = [RewriteEntry(prefix="+49", by="0"), RewriteEntry(prefix="+", by="00")]
    assert rewritten("+49301234567", rules) == "0301234567"
    assert rewritten("+15550100", rules) == "0015550100"
    assert rewritten("100", rules) == "100"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+493012345678", "+493012345678"),
        ("003312345678", "+3312345678"),
        ("03012345678", "+493012345678"),
        ("3312345678", "+3312345678"),
    ],
)
def test_the_rules_of_the_documentation(number: str, expected: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "trunks.md").read_text()
    (text,) = re.findall(r"`(\[\{prefix: .*\])`", page)
    rules = [RewriteEntry.model_validate(rule) for rule in yaml.safe_load(text)]
    assert rewritten(number, rules) == expected


@pytest.mark.parametrize("text", ["+493012345678", "493012345678", "00493012345678", "03012345678"])
def test_a_number_of_ours_in_all_its_forms(text: str) -> None:
    assert own_number({"+493012345678": "menu", "100": "desk"}, text, "DE") == "menu"


def test_what_is_not_ours() -> None:
    assert own_number({"+493012345678": "menu"}, "+493012345679", "DE") is None
    assert own_number({"+493012345678": "menu"}, "3012345678", "") is None
    assert own_number({"100": "menu"}, "+100", "") is None


def test_the_home_of_a_number() -> None:
    assert home_region("+493012345678") == "DE"
    assert home_region("+12025550123") == "US"
    assert home_region("100") == ""
