"""RFC 4733 payloads: the layout of section 2.3, one by one and in arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.dtmf import DIGITS
from media.dtmf.telephone_event import TelephoneEvent, event_code, pack, pack_rows, unpack, unpack_rows


def test_the_layout_of_the_rfc() -> None:
    assert pack(9, end=True, volume=7, duration=1600) == bytes([9, 0x80 | 7, 0x06, 0x40])
    assert unpack(bytes([11, 0x0A, 0x03, 0x20])) == TelephoneEvent(11, end=False, volume=10, duration=800)


def test_the_reserved_bit_and_what_follows_are_ignored() -> None:
    assert unpack(bytes([1, 0x40 | 5, 0, 160, 99, 99])) == TelephoneEvent(1, False, 5, 160)


@pytest.mark.parametrize(("digit", "code"), [("0", 0), ("9", 9), ("*", 10), ("#", 11), ("A", 12), ("d", 15)])
def test_codes_of_digits(digit: str, code: int) -> None:
    assert event_code(digit) == code
    assert unpack(pack(code, end=False, duration=0)).digit == digit.upper()


@pytest.mark.parametrize("wrong", ["", "E", "10", " ", "w"])
def test_what_is_no_digit_has_no_code(wrong: str) -> None:
    with pytest.raises(ValueError, match="no DTMF digit"):
        event_code(wrong)


def test_a_hook_flash_is_no_digit() -> None:
    assert unpack(pack(16, end=True, duration=800)).digit == ""
    assert len(DIGITS) == 16


@pytest.mark.parametrize("short", [b"", b"\1", b"\1\2\3"])
def test_short_payloads_are_refused(short: bytes) -> None:
    with pytest.raises(ValueError, match="4 octets"):
        unpack(short)


events = st.tuples(st.integers(0, 255), st.booleans(), st.integers(0, 200_000))


@given(st.lists(events, max_size=9), st.integers(0, 63))
def test_arrays_say_the_same_as_single_packets(rows: list[tuple[int, bool, int]], volume: int) -> None:
    codes = np.array([row[0] for row in rows], np.uint8)
    ends = np.array([row[1] for row in rows], np.bool_)
    durations = np.array([row[2] for row in rows], np.int64)
    packed = pack_rows(codes, ends, durations, volume)
    assert packed.tobytes() == b"".join(
        pack(code, end=end, duration=duration, volume=volume) for code, end, duration in rows
    )
    event, end, loudness, duration = unpack_rows(packed)
    assert [
        TelephoneEvent(*fields)
        for fields in zip(event.tolist(), end.tolist(), loudness.tolist(), duration.tolist(), strict=True)
    ] == [unpack(payload.tobytes()) for payload in packed]
