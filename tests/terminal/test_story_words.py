"""What a call came to, in the words of its first line, and what people will have noticed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.terminal.stories import BEGAN, GOOD, INCOMING, REFUSED, ended_by_us, message, step, story
from voipbin_sip.terminal.words import length, offset, sparkline, troubles, verdict

REFUSAL = "the trunk office refused: 403 from 127.0.0.9, caller id not owned"


def test_who_hung_up_is_the_answer() -> None:
    assert verdict(story()) == "the caller hung up"
    assert verdict(story(ended_by_us(), steps=[step("talk", 4), step("hangup", 5, "normal", "ended")])) == (
        "this server hung up: reception.yaml:5 hangup"
    )
    assert verdict(story(ended_by_us(), steps=[step("talk", 4)])) == (
        "this server hung up: the flow was at its end, after reception.yaml:4 talk"
    )


def test_a_refused_attempt_is_why_the_caller_was_turned_away() -> None:
    call = replace(ended_by_us("this server refused the call: 480 rejected"), answered=None)
    assert verdict(story(call, [REFUSED])) == f"{REFUSAL}; so this server refused the call: 480 rejected"


def test_attempts_that_we_cancelled_are_no_reason() -> None:
    cancelled = replace(REFUSED, end_reason="this server cancelled the call: Call completed elsewhere")
    answered = replace(
        REFUSED, answered=BEGAN, ended=BEGAN, sound=GOOD, end_reason="the phone of 1000 hung up"
    )
    call = ended_by_us()
    assert verdict(story(call, [REFUSED, cancelled, answered])) == "this server hung up"
    assert troubles(story(call, [cancelled, answered])) == []


def test_who_of_two_that_talked_hung_up_first_is_the_answer() -> None:
    other = replace(
        REFUSED,
        answered=BEGAN,
        ended=ended_by_us().ended,
        hangup_by="remote",
        end_reason="the phone of 1000 hung up",
    )
    steps = [step("connect", 4, "answered", voipbin__connect__result="answered"), step("hangup", 5)]
    assert (
        verdict(story(ended_by_us(), [other], steps)) == "the phone of 1000 hung up; so this server hung up"
    )
    earlier = replace(other, ended=BEGAN + timedelta(seconds=4))
    assert verdict(story(ended_by_us(), [earlier], steps)) == "this server hung up: reception.yaml:5 hangup"
    assert verdict(story(INCOMING, [other], steps)) == "the caller hung up"


def test_the_same_refusal_of_several_is_said_once() -> None:
    assert verdict(story(ended_by_us(), [REFUSED, REFUSED])) == f"{REFUSAL}; so this server hung up"


def test_a_failed_step_is_the_answer_where_the_server_ended_the_call() -> None:
    steps = [step("fetch", 7, "the server answered 500", "failed")]
    assert verdict(story(ended_by_us(), steps=steps)) == (
        "reception.yaml:7 fetch failed: the server answered 500; so this server hung up"
    )
    assert verdict(story(steps=steps)) == "the caller hung up"
    assert troubles(story(steps=steps)) == ["reception.yaml:7 fetch failed: the server answered 500"]


def test_who_was_not_called_at_all_is_named_beside_who_refused() -> None:
    detail = "refused: 403 caller id not owned (not called: no phone is registered for extension 1001)"
    steps = [step("connect", 9, detail, voipbin__connect__result="refused")]
    assert verdict(story(ended_by_us(), [REFUSED], steps)) == (
        f"{REFUSAL}; not called: no phone is registered for extension 1001; so this server hung up"
    )


def test_a_connect_that_called_nobody_is_the_answer() -> None:
    steps = [
        step("connect", 9, "unreachable: extension 1000 has no phone", voipbin__connect__result="unreachable")
    ]
    assert verdict(story(ended_by_us(), steps=steps)).startswith(
        "reception.yaml:9 connect reached nobody: unreachable: extension 1000 has no phone; so "
    )


def test_who_dials_a_phone_that_is_not_there_hears_of_no_step() -> None:
    detail = "unreachable: no phone is registered for extension 1001"
    dialled = replace(step("connect", 1, detail, voipbin__connect__result="unreachable"), flow="direct")
    assert verdict(story(ended_by_us(), steps=[dialled])).startswith(
        "no phone is registered for extension 1001; so "
    )


def test_no_codec_in_common_names_what_was_offered() -> None:
    sdp = "Content-Type: application/sdp\r\n\r\nm=audio 4000 RTP/AVP 18 98 101\r\na=rtpmap:98 iLBC/8000\r\n"
    offer = message("INVITE sip:100@x SIP/2.0", more=f"{sdp}a=rtpmap:101 telephone-event/8000\r\n")
    call = replace(ended_by_us("this server refused the call: 488"), answered=None, sip_status=488)
    assert verdict(story(replace(call, messages=[offer]))) == (
        "no codec in common, the caller offers G729, iLBC; so this server refused the call: 488"
    )
    assert verdict(story(call)) == "this server refused the call: 488"
    refused = replace(
        REFUSED, sip_status=488, messages=[offer], end_reason="it has no codec in common with us"
    )
    assert verdict(story(ended_by_us(), [refused])) == (
        "it has no codec in common with us (we offer G729, iLBC); so this server hung up"
    )


def test_a_call_that_goes_on() -> None:
    call = replace(INCOMING, status="progressing", ended=None, step="reception.yaml:12 talk menu")
    assert verdict(story(call)) == "goes on: at reception.yaml:12 talk menu"
    assert "nobody has answered" in verdict(story(replace(call, status="ringing")))


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (replace(GOOD, heard=0, heard_lost=None), "nothing was heard of it: its sound did not arrive"),
        (replace(GOOD, heard=0, heard_lost=None, foreign=9), "9 packets came from an address"),
        (replace(GOOD, heard_lost=8.5), "8.5 % of its sound was lost"),
        (replace(GOOD, sent_lost=3.0), "it missed 3 % of our sound"),
        (replace(GOOD, sent_lost=100.0), "it heard nothing"),
        (replace(GOOD, heard_jitter=80.0), "jitter 80 ms"),
        (replace(GOOD, round_trip=650.0), "650 ms there and back"),
        (None, "no sound at all"),
    ],
    ids=["deaf", "foreign", "loss", "their loss", "mute", "jitter", "delay", "none"],
)
def test_what_people_noticed_of_the_sound(sound: object, words: str) -> None:
    (found,) = troubles(story(replace(INCOMING, sound=sound)))  # type: ignore[arg-type]
    assert found.startswith("+15550123: ")
    assert words in found


def test_a_good_call_has_no_troubles() -> None:
    assert troubles(story(steps=[step("talk", 4)])) == []


def test_bars_show_the_worst_of_what_they_stand_for() -> None:
    assert sparkline([1.0, 4.5], 1.0, 4.5, 20) == "▁█"
    assert sparkline([4.5] * 10 + [1.0] + [4.5] * 9, 1.0, 4.5, 4) == "██▁█"
    assert sparkline([None, 4.5, None, None], 1.0, 4.5, 2) == "█·"
    assert sparkline([9.0, -3.0], 1.0, 4.5, 5) == "█▁"
    assert sparkline([], 1.0, 4.5, 5) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.85, "850 ms"), (5, "5 s"), (12.34, "12.3 s"), (245, "4 min 05 s"), (3725, "1 h 02 min")],
)
def test_lengths(seconds: float, text: str) -> None:
    assert length(seconds) == text


def test_moments_of_a_call() -> None:
    assert offset(BEGAN + timedelta(seconds=1.25), BEGAN) == "+1.250"
    assert offset(BEGAN + timedelta(seconds=123.4), BEGAN) == "+2:03.4"
    assert offset(BEGAN - timedelta(seconds=5), BEGAN) == "+0.000"
