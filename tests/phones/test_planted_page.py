"""docs/troubleshooting.md and the planted faults: each row has its fault, and says enough to be of use."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.phones.planted.page import Fault, about, faults

HERE = Path(__file__).parent
COMMANDS = {"check", "doctor", "explain", "call", "serve"}


def test_each_row_has_a_test_that_plants_its_fault() -> None:
    planted = "".join(path.read_text() for path in HERE.glob("test_planted_*.py") if path != Path(__file__))
    missing = [fault.cause for fault in faults() if f'"{fault.cause}"' not in planted]
    assert missing == []


def test_there_are_more_than_twenty_and_none_twice() -> None:
    assert len({fault.cause for fault in faults()}) > 30
    rows = Counter((fault.cause, fault.command) for fault in faults())
    assert [row for row, count in rows.items() if count > 1] == []


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: f"{fault.cause}: {fault.words[0]}")
def test_a_row_says_something(fault: Fault) -> None:
    assert fault.words[0] in COMMANDS
    assert fault.notice
    assert len(fault.says.replace("…", "").split()) > 6


def test_a_cause_without_a_row_is_an_error() -> None:
    with pytest.raises(AssertionError, match="no row about"):
        about("nothing at all")
