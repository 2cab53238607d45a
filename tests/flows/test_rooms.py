"""Rooms: `confbridge_join`, `conference_join`, `mute`, and `hangup` as another call ended."""

import pytest

from flows import Conference, Ended
from tests.fakes.flowport import failing
from tests.flows.driving import Scene, played

CALL_ID = "5b1f0a52-0000-4000-8000-000000000002"


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("{type: confbridge_join, option: {confbridge_id: lobby}}", "join lobby connect"),
        (
            f"{{type: confbridge_join, option: {{confbridge_id: {CALL_ID}, type: conference}}}}",
            f"join {CALL_ID} conference",
        ),
        ("{type: mute}", "mute in"),
        ("{type: mute, option: {direction: both}}", "mute both"),
        ("{type: mute, option: {direction: '${way}'}}", "mute none"),
        (f"{{type: hangup, option: {{reference_id: {CALL_ID}}}}}", f"hang_up normal {CALL_ID}"),
        (f"{{type: hangup, option: {{reason: busy, reference_id: {CALL_ID}}}}}", f"hang_up busy {CALL_ID}"),
        (
            "{type: hangup, option: {reason: busy, reference_id: '${voipbin.connect.call_id}'}}",
            "hang_up busy",
        ),
    ],
)
async def test_what_an_action_asks(action: str, asked: str) -> None:
    scene = await played(f"  - {action}", variables={"way": "none"})
    assert scene.log[0] == asked


async def test_the_flow_goes_on_when_the_caller_has_left_the_room() -> None:
    scene = await played("  - {type: confbridge_join, option: {confbridge_id: lobby}}\n  - {type: beep}")
    assert scene.log == ["join lobby connect", "beep", "hang_up normal"]
    assert scene.clock.now() == 10.5


async def test_digits_do_not_end_a_stay_and_do_not_count_after_it() -> None:
    scene = Scene(
        "  - {type: confbridge_join, option: {confbridge_id: lobby}}\n"
        "  - {type: digits_receive, option: {duration: 2000}}"
    ).at(4, "1")
    result = await scene.play()
    assert scene.clock.now() == 12
    assert result.variables["voipbin.call.digits"] == ""


async def test_a_caller_who_hangs_up_leaves_the_room() -> None:
    scene = Scene("  - {type: confbridge_join, option: {confbridge_id: lobby}}\n  - {type: beep}").at(
        4, "end"
    )
    result = await scene.play()  # fails if the caller stays in the room
    assert (result.ended, scene.log) == (Ended.CANCELLED, ["join lobby connect"])


async def test_a_room_that_cannot_be_joined_is_passed_over() -> None:
    scene = Scene("  - {id: r, type: confbridge_join, option: {confbridge_id: lobby}}\n  - {type: beep}")
    scene.call.fail["join"] = failing("the room is full")
    await scene.play()
    assert scene.details("r") == ["the room is full"]
    assert "beep" in scene.log


MEETING = """
  - {id: m, type: conference_join, option: {conference_id: meeting}}
  - {type: talk, option: {text: after}}"""


async def test_a_conference_without_flows() -> None:
    scene = await played(MEETING)
    assert scene.log == ["join meeting-room conference", "say after", "hang_up normal"]
    assert scene.trace.steps()[:2] == [("m", "done"), ("m.join", "done")]
    assert str(scene.trace.records[1].origin) == "main.yaml:2"


async def test_the_flows_of_a_conference_run_before_and_after_it() -> None:
    scene = Scene(
        MEETING,
        others={
            "before": "  - {type: talk, option: {text: welcome}}\n  - {type: talk, option: {text: hush}}",
            "behind": "  - {type: talk, option: {text: thank you}}",
        },
    )
    scene.call.conferences["meeting"] = Conference("room", pre_flow="before", post_flow="behind")
    await scene.play()
    assert [entry for entry in scene.log if entry != "answer"] == [
        "say welcome",
        "say hush",
        "join room conference",
        "say thank you",
        "say after",
        "hang_up normal",
    ]
    assert [(r.flow, r.step_id) for r in scene.trace.records] == [
        ("main", "m"),
        ("main", "m.pre_flow"),
        ("before", "talk#1"),
        ("before", "talk#2"),
        ("main", "m.join"),
        ("main", "m.post_flow"),
        ("behind", "talk#1"),
        ("main", "talk#2"),
    ]


async def test_the_flow_before_a_conference_may_send_callers_elsewhere() -> None:
    scene = Scene(
        MEETING + "\n  - {id: out, type: talk, option: {text: out}}",
        others={"gate": "  - {type: goto, option: {target_id: '${where}', loop_count: 1}}"},
        variables={"where": "out"},
    )
    scene.call.conferences["meeting"] = Conference("room", pre_flow="gate")
    await scene.play()
    assert scene.said == ["out"]


async def test_next_id_of_a_conference_is_followed_after_the_room() -> None:
    scene = await played(
        """
  - {type: conference_join, option: {conference_id: "${which}"}, next_id: end}
  - {id: middle, type: goto, option: {target_id: middle, loop_count: 1}}
  - {id: end, type: branch, option: {variable: x, target_ids: {"1": middle}, default_target_id: last}}
  - {id: last, type: talk, option: {text: end}}
""",
        variables={"which": "meeting"},
    )
    assert [record.step_id for record in scene.trace.records][-2:] == ["end", "last"]
    assert scene.said == ["end"]


async def test_a_conference_that_does_not_exist_ends_the_run() -> None:
    scene = Scene(
        "  - {id: m, type: conference_join, option: {conference_id: '${x}'}}", variables={"x": "tea"}
    )
    result = await scene.play()
    assert (result.ended, scene.details("m")) == (Ended.FAILED, ["there is no conference 'tea'"])
    assert scene.log == ["hang_up normal"]
