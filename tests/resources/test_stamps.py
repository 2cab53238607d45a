from __future__ import annotations

from datetime import UTC, datetime

import pytest

from voipbin_sip.resources.stamps import Stamps, parse_stamp, stamp_text

TIME = datetime(2026, 8, 22, 10, 28, 30, 123456, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-08-22T10:28:30.123456Z",
        "2026-08-22 10:28:30.123456",
        "2026-08-22T12:28:30.123456+02:00",
        "2026-08-22T10:28:30.123456789Z",
    ],
)
def test_both_forms_are_read(text: str) -> None:
    assert parse_stamp(text) == TIME


def test_microseconds_are_always_written() -> None:
    assert stamp_text(TIME.replace(microsecond=0)) == "2026-08-22T10:28:30.000000Z"


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-08-22", "2026-13-22T10:28:30Z", "٢026-08-22T10:28:30Z"]
)
def test_anything_else_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be a time|month must be"):
        parse_stamp(text)


def test_times_never_repeat_nor_go_back() -> None:
    wall = [TIME, TIME, TIME.replace(second=29), TIME.replace(second=31)]
    stamps = Stamps(lambda: wall.pop(0))
    made = [stamps() for _ in range(4)]
    assert made == sorted(set(made))
    assert made[3] == TIME.replace(second=31)
