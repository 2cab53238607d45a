"""What is read out of answers to a REGISTER, whatever stands in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voipbin_sip.carriers import answers
from voipbin_sip.sip.headers import Headers
from voipbin_sip.sip.uri import parse_uri

OURS = parse_uri("sip:bob@198.51.100.1:5060")
NAMES = ("Contact", "m", "Expires", "Min-Expires", "Retry-After", "Service-Route", "Via", "v")
PIECES = st.sampled_from(
    [
        *("<sip:bob@198.51.100.1:5060>", "sip:bob@198.51.100.1", "*", ";expires=", ";expires=60", ";q=0.5"),
        *("<", ">", '"', ",", ";", "(", "60", "-1", "4294967296", "\xb2", " ", "SIP/2.0/UDP ", ";received="),
        *("192.0.2.1", "<sip:a@b;lr>", "tel:+1", ";lr", "%", "[::1]"),
    ]
)
LINES = st.lists(st.tuples(st.sampled_from(NAMES), st.lists(PIECES, max_size=6).map("".join)), max_size=6)


@given(LINES, st.integers(min_value=1, max_value=86_400))
def test_nothing_that_stands_in_an_answer_is_a_fault(lines: list[tuple[str, str]], asked: int) -> None:
    headers = Headers.received(lines)
    assert 0 <= answers.granted(headers, OURS, asked) <= answers.LONGEST
    assert answers.least(headers) is None or 0 <= (answers.least(headers) or 0) <= answers.LONGEST
    assert answers.retry_after(headers) is None or 0 <= (answers.retry_after(headers) or 0) <= answers.LONGEST
    for route in answers.service_route(headers):
        assert parse_uri(route[1:-1]).scheme in ("sip", "sips")
    for uri in answers.elsewhere(302, "Moved", headers):
        parse_uri(uri)
    assert "\r" not in answers.seen_at(headers)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("18000;duration=3600", 18_000),
        ("120 (I am in a meeting)", 120),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: int | None) -> None:
    assert answers.retry_after(Headers.received([("Retry-After", value)])) == seconds


def test_an_unreadable_service_route_is_none() -> None:
    headers = Headers.received([("Service-Route", "<sip:edge;lr>, <<"), ("Service-Route", "<sip:core;lr>")])
    assert answers.service_route(headers) == ()
    assert answers.service_route(Headers.received([("Service-Route", "<tel:+1>, <sip:core;lr>")])) == (
        "<sip:core;lr>",
    )
