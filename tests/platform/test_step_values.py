"""What is told of variables: values, but never what callers typed or what is named as a secret."""

from __future__ import annotations

from uuid import UUID

import pytest

from voipbin_sip.platform.step_values import HIDDEN, LONGEST, StepValues

RUN, OTHER = UUID(int=1), UUID(int=2)
DIGITS = "voipbin.call.digits"


def test_digits_are_stars_of_the_same_number() -> None:
    assert StepValues().shown(RUN, {DIGITS: "4711#"}) == {DIGITS: "•••••"}
    assert StepValues().shown(RUN, {DIGITS: ""}) == {DIGITS: ""}


def test_what_was_typed_is_known_again_in_other_variables_of_the_run() -> None:
    values = StepValues()
    values.shown(RUN, {DIGITS: "4711"})
    values.shown(RUN, {DIGITS: ""})
    assert values.shown(RUN, {"account": "4711", "text": "no. 4711!", "team": "sales"}) == {
        "account": HIDDEN,
        "team": "sales",
        "text": HIDDEN,
    }
    assert values.shown(OTHER, {"account": "4711"}) == {"account": "4711"}
    values.forget(RUN)
    assert values.shown(RUN, {"account": "4711"}) == {"account": "4711"}


def test_a_single_digit_hides_only_itself() -> None:
    values = StepValues()
    values.shown(RUN, {DIGITS: "1"})
    assert values.shown(RUN, {"choice": "1", "number": "+15550123"}) == {
        "choice": HIDDEN,
        "number": "+15550123",
    }


@pytest.mark.parametrize(
    "name", ["api_key", "password", "PIN", "user_pin", "accessToken", "voipbin.transcribe.text"]
)
def test_names_of_secrets_hide_their_values(name: str) -> None:
    assert StepValues().shown(RUN, {name: "open sesame"}) == {name: HIDDEN}


@pytest.mark.parametrize("name", ["shopping", "keyboard", "opinion"])
def test_names_that_only_look_alike_do_not(name: str) -> None:
    assert StepValues().shown(RUN, {name: "yes"}) == {name: "yes"}


def test_long_values_are_cut_and_answers_of_web_servers_are_counted() -> None:
    values = StepValues()
    assert values.shown(RUN, {"long": "x" * 500}) == {"long": "x" * LONGEST + "…"}
    assert values.shown(RUN, {"voipbin.webhook.body": '{"name": "Bob"}'}) == {
        "voipbin.webhook.body": "(15 characters)"
    }
