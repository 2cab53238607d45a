"""Conditions: six operators over text, numbers, lengths, the clock and the call."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from flows import Ended
from tests.flows.driving import Scene, played

ASK = """
  - id: ask
    type: {type}
    option: {{{option}, false_target_id: no}}
  - {{type: variable_set, option: {{key: answer, value: true}}}}
  - {{type: stop}}
  - id: no
    type: variable_set
    option: {{key: answer, value: false}}
"""


async def answer(
    kind: str, option: str, *, at: datetime | None = None, values: Mapping[str, str] | None = None
) -> bool:
    start = at or datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    scene = Scene(ASK.format(type=kind, option=option), variables=values, start=start)
    result = await scene.play()
    assert scene.details("ask") in (["true"], ["false, goes to 'no'"])
    return result.variables["answer"] == "true"


TABLE = [  # left, right, then the answers to == != > >= < <=
    ("string", "abc", "abc", "y n n y n y"),
    ("string", "abd", "abc", "n y y y n n"),
    ("string", "Z", "a", "n y n n y y"),  # byte order, not the dictionary's
    ("string", "10", "9", "n y n n y y"),
    ("string", "", "", "y n n y n y"),
    ("number", "10", "9", "n y y y n n"),
    ("number", "9.0", "9", "y n n y n y"),
    ("number", "-1", "0.5", "n y n n y y"),
    ("number", "1e2", "100", "y n n y n y"),
    ("number", "many", "9", "n n n n n n"),
    ("number", "", "0", "n n n n n n"),
    ("number", "nan", "0", "n n n n n n"),
    ("number", "inf", "0", "n n n n n n"),
    ("number", "1_0", "10", "n n n n n n"),
    ("number", " 1", "1", "n n n n n n"),
    ("length", "abc", "3", "y n n y n y"),
    ("length", "äöü", "3", "y n n y n y"),
    ("length", "", "1", "n y n n y y"),
]


@pytest.mark.parametrize(("kind", "left", "right", "expected"), TABLE)
async def test_variable_compared_with_value(kind: str, left: str, right: str, expected: str) -> None:
    found = []
    for operator in ("==", "!=", ">", ">=", "<", "<="):
        option = f"condition: '{operator}', variable: '${{x}}', value_type: {kind}, value_{kind}: '{right}'"
        found.append("y" if await answer("condition_variable", option, values={"x": left}) else "n")
    assert " ".join(found) == expected


@pytest.mark.parametrize("variable", ["x.y", "${x.y}", "+${z}"])
async def test_bare_name_and_reference_both_work(variable: str) -> None:
    option = f"condition: '==', variable: '{variable}', value_type: string, value_string: +15550100"
    assert await answer("condition_variable", option, values={"x.y": "+15550100", "z": "15550100"})


async def test_an_unknown_variable_is_empty() -> None:
    option = "condition: '==', variable: nothing, value_type: length, value_length: 0"
    assert await answer("condition_variable", option)


async def test_the_value_may_come_from_variables() -> None:
    option = "condition: '>', variable: a, value_type: number, value_number: '${b}'"
    assert await answer("condition_variable", option, values={"a": "10", "b": "9.5"})


async def test_false_without_a_target_ends_the_run() -> None:
    scene = Scene("""
  - type: condition_variable
    option: {condition: "==", variable: a, value_type: string, value_string: b}
  - {type: beep}
""")
    result = await scene.play()
    assert result.ended is Ended.FAILED
    assert scene.log == ["hang_up normal"]


SUNDAY = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
CLOCK = [
    ("'==', hour: 8", True),
    ("'==', hour: 9", False),
    ("'!=', hour: 9", True),
    ("'>=', hour: 8", True),  # now >= 8, not 8 >= now
    ("'>=', hour: 9", False),
    ("'<', hour: 9", True),
    ("'<', hour: 8", False),
    ("'>', minute: 29", True),
    ("'<=', minute: 29", False),
    ("'==', hour: 8, minute: 30, day: 22, month: 11", True),
    ("'==', hour: 8, minute: 31", False),
    ("'==', month: 12", False),
    ("'==', hour: -1, minute: -1, day: -1, month: -1", True),
    ("'==', day: 0, month: 0", True),
    ("'=='", True),  # omitted fields are not compared, not midnight
    ("'==', weekdays: [0]", True),
    ("'==', weekdays: [1, 2, 3, 4, 5]", False),
    ("'==', weekdays: ['${sunday}', 3]", True),
    ("'!=', weekdays: [0]", True),  # the weekdays are a list to be in, whatever the operator
    ("'>=', hour: 8, weekdays: [0, 6]", True),
    ("'>=', hour: '${sunday}'", True),
    ("'==', hour: 9, timezone: Europe/Berlin", True),
    ("'==', hour: 17, weekdays: [0], timezone: Asia/Tokyo", True),
    ("'==', hour: 0, timezone: Pacific/Auckland", False),
    ("'==', hour: 21, minute: 30, day: 22, timezone: Pacific/Auckland", True),
]


@pytest.mark.parametrize(("option", "expected"), CLOCK)
async def test_the_clock_compared_with_fields(option: str, expected: bool) -> None:
    assert (
        await answer("condition_datetime", f"condition: {option}", at=SUNDAY, values={"sunday": "0"})
        is expected
    )


@pytest.mark.parametrize(("month", "hour"), [(1, 9), (7, 10)])
async def test_time_zones_know_summer_time(month: int, hour: int) -> None:
    at = datetime(2026, month, 15, 8, 0, tzinfo=UTC)
    assert await answer(
        "condition_datetime", f"condition: '==', hour: {hour}, timezone: Europe/Berlin", at=at
    )


@pytest.mark.parametrize(("hour", "night"), [(21, False), (22, True), (0, True), (5, True), (6, False)])
async def test_a_time_over_midnight_as_documented(hour: int, night: bool) -> None:
    scene = await played(
        """
  - type: condition_datetime
    option: {condition: "<", hour: 22, false_target_id: night}
  - type: condition_datetime
    option: {condition: ">=", hour: 6, false_target_id: night}
  - {type: talk, option: {text: day}}
  - {type: hangup}
  - id: night
    type: talk
    option: {text: night}
""",
        start=datetime(2026, 11, 22, hour, 15, tzinfo=UTC),
    )
    assert scene.said == ["night" if night else "day"]


@pytest.mark.parametrize(("status", "expected"), [("ringing", True), ("progressing", False)])
async def test_condition_call_status(status: str, expected: bool) -> None:
    scene = Scene(ASK.format(type="condition_call_status", option="status: ringing"), status=status)
    result = await scene.play()
    assert (result.variables["answer"] == "true") is expected
