"""Who hung up and why, in words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.observe.calls import GOOD, ended
from voipbin_sip.calls.states import Direction
from voipbin_sip.observe.detail import detail
from voipbin_sip.observe.ends import why_ended

IN, OUT = Direction.INCOMING, Direction.OUTGOING


@pytest.mark.parametrize(
    ("direction", "terms", "words"),
    [
        (IN, {}, "the caller hung up"),
        (IN, {"peer": "extension:1000"}, "the phone of 1000 hung up"),
        (IN, {"answered": False, "status": 487}, "the caller gave up before the answer"),
        (IN, {"by": "local", "why": "no RTP for 60 s"}, "this server hung up: no RTP for 60 s"),
        (IN, {"by": "local"}, "this server hung up"),
        (
            IN,
            {"by": "local", "answered": False, "status": 488, "reason": "no codec in common"},
            "this server refused the call: 488 no codec in common",
        ),
        (
            OUT,
            {"answered": False, "status": 403, "reason": "caller id not owned", "peer": "provider:carrier"},
            "the provider carrier refused: 403 from 127.0.0.9, caller id not owned",
        ),
        (
            OUT,
            {"answered": False, "status": 403, "reason": "Forbidden", "peer": "trunk:office"},
            "the trunk office refused: 403 from 127.0.0.9",
        ),
        (
            OUT,
            {"answered": False, "status": 486, "reason": "Busy Here", "peer": "extension:1001"},
            "the phone of 1001 is busy: 486 from 127.0.0.9",
        ),
        (
            OUT,
            {"answered": False, "status": 407, "peer": "provider:carrier"},
            "the provider carrier does not accept our name and password: 407 from 127.0.0.9",
        ),
        (
            OUT,
            {"answered": False, "status": 408, "reason": "no answer"},
            "the callee did not answer: nothing came back from 127.0.0.9",
        ),
        (
            OUT,
            {"by": "local", "answered": False, "status": 487, "why": "Call completed elsewhere"},
            "this server cancelled the call: Call completed elsewhere",
        ),
        (
            OUT,
            {"by": "local", "answered": False, "status": 403, "reason": "countries: DE is not allowed"},
            "this server ended the attempt: 403 from 127.0.0.9, countries: DE is not allowed",
        ),
        (
            OUT,
            {"answered": False, "status": 403, "reason": "the server has begun 2 calls", "host": ""},
            "this server placed no call: the server has begun 2 calls",
        ),
        (OUT, {"peer": "provider:carrier"}, "the provider carrier hung up"),
        (IN, {"status": 408, "reason": "no ACK"}, "the caller was lost: 408 from 127.0.0.9, no ACK"),
    ],
)
def test_the_words(direction: Direction, terms: dict[str, Any], words: str) -> None:
    assert why_ended(ended(direction, **terms)) == words


def test_the_record_says_how_long_how_good_and_why() -> None:
    record = detail(ended(quality=GOOD))
    assert record["setup_seconds"] == 2.0
    assert record["seconds"] == 10.0
    assert (record["codec"], record["heard_lost"], record["sent_lost"]) == ("PCMU", 0.0, 1.0)
    assert record["heard_mos"] > record["sent_mos"] > 4
    assert record["round_trip"] == 20.0
    assert record["why"] == "the caller hung up"


def test_a_call_without_an_answer_and_without_sound_has_no_such_figures() -> None:
    record = detail(ended(answered=False, status=487))
    assert (record["setup_seconds"], record["seconds"]) == (None, 0.0)
    assert "heard_mos" not in record


def test_numbers_of_people_are_not_in_it() -> None:
    assert "+15550100" not in str(detail(ended(quality=GOOD)))
