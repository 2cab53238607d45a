"""Calls of five minutes with session timers (RFC 4028): begun with the first phone test, judged after the last one.

Alone this module takes the five minutes; after the other tests it waits for what is left of them.
"""

from __future__ import annotations

import itertools

import pytest

from tests.phones.background import Background
from tests.phones.installed import needs_linphone, needs_pjsua
from tests.phones.long_calls import Refreshed

pytestmark = [pytest.mark.phones, pytest.mark.timeout(420)]


@pytest.mark.parametrize(
    "play",
    [
        pytest.param("pjsua refreshes", marks=needs_pjsua),
        pytest.param("pjsua is refreshed", marks=needs_pjsua),
        pytest.param("linphone refreshes", marks=needs_linphone),
        pytest.param("linphone is refreshed", marks=needs_linphone),
    ],
)
def test_a_call_of_a_phone_with_session_timers_lives(long_calls: Background, play: str) -> None:
    outcome: Refreshed = long_calls.result(play)
    assert outcome.status == 200
    assert outcome.refreshes >= 5  # each 45 s
    if play == "pjsua refreshes":
        assert outcome.received == pytest.approx(50, abs=10)  # and it is still heard


@pytest.mark.parametrize("play", ["refreshed by re-INVITE"])
def test_we_refresh_by_reinvite_at_half_time_with_the_same_description(
    long_calls: Background, play: str
) -> None:
    refreshes = long_calls.result(play)
    assert len(refreshes) == 6
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(refreshes)]
    assert gaps == pytest.approx([45.0] * 5, abs=2.0)
    assert len({message.body for message in refreshes}) == 1
    assert [message.number for message in refreshes] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("play", ["refreshes by re-INVITE"])
def test_a_peer_that_refreshes_by_reinvite_is_answered_each_time(long_calls: Background, play: str) -> None:
    answers = long_calls.result(play)
    assert [answer["Session-Expires"] for answer in answers] == ["90;refresher=uac"] * 6


@pytest.mark.parametrize("play", ["stops refreshing"])
def test_a_peer_that_stops_refreshing_is_hung_up_before_the_session_is_over(
    long_calls: Background, play: str
) -> None:
    assert long_calls.result(play) == pytest.approx(
        60.0, abs=3.0
    )  # RFC 4028 section 10: a third before its end


@pytest.mark.parametrize(
    ("play", "least", "most"),
    [
        ("glare in their call", 0.0, 2.0),
        ("glare in our call", 2.1, 4.0),
    ],  # RFC 3261 14.1: whose is the Call-ID
)
def test_glare_is_settled_by_waiting(long_calls: Background, play: str, least: float, most: float) -> None:
    seen = long_calls.result(play)
    assert least - 0.05 <= seen["waited"] <= most + 0.3
    assert seen["version"] == seen["first"]
    assert seen["last"] >= seen["first"]


@pytest.mark.parametrize("play", ["BYE meets re-INVITE"])
def test_a_bye_during_our_reinvite_ends_both(long_calls: Background, play: str) -> None:
    assert long_calls.result(play) == ["200 BYE", "ACK"]
