"""What each action type asks of the call, and what it makes of its options."""

import pytest

from flows.actions.registry import ACTION_TYPES, GONE, NOT_YET
from tests.flows.driving import Scene, flow, played


async def one(action: str, **variables: str) -> list[str]:
    scene = await played(f"  - {action}", variables=variables)
    return [entry for entry in scene.log if entry != "hang_up normal"]


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("{type: answer}", ["answer"]),
        ("{type: beep}", ["beep"]),
        ("{type: talk, option: {text: Hello}}", ["answer", "say Hello"]),
        (
            "{type: play, option: {stream_urls: [a.wav, 'https://example.org/b.mp3']}}",
            ["play a.wav https://example.org/b.mp3"],
        ),
        ("{type: echo, option: {duration: 2500}}", ["await_media", "echo 2.5"]),
        ("{type: echo}", ["await_media", "echo 180"]),
        ("{type: echo, option: {duration: -1}}", ["await_media", "echo 180"]),
        ("{type: stream_echo, option: {duration: 1000}}", ["await_media", "echo 1 stream"]),
        (
            "{type: digits_send, option: {digits: '1A#', duration: 200, interval: 50}}",
            ["send_digits 1A# 200 50"],
        ),
        ("{type: digits_send, option: {digits: 12}}", ["send_digits 12 100 100"]),
        ("{type: digits_send, option: {digits: '${code}', duration: '${ms}'}}", ["send_digits 42 300 100"]),
        ("{type: hangup}", []),
        ("{type: hangup, option: {reason: busy}}", ["hang_up busy"]),
        ("{type: sleep}", []),
        ("{type: stop}", []),
        ("{type: answer, option: }", ["answer"]),
    ],
)
async def test_what_an_action_asks(action: str, asked: list[str]) -> None:
    assert await one(action, code="42", ms="300") == asked


async def test_talk_answers_only_an_unanswered_call() -> None:
    scene = await played("  - {type: talk, option: {text: Hello}}", status="progressing")
    assert scene.log == ["say Hello", "hang_up normal"]


async def test_a_text_that_becomes_empty_fails_its_step() -> None:
    scene = await played("  - {id: t, type: talk, option: {text: '${nothing}'}}\n  - {type: beep}")
    assert scene.trace.steps()[0] == ("t", "failed")
    assert "beep" in scene.log


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../b", "..\\b"])
async def test_callers_cannot_leave_the_folder_of_sounds(name: str) -> None:
    scene = await played("  - {id: p, type: play, option: {stream_urls: ['${x}']}}", variables={"x": name})
    assert scene.trace.steps() == [("p", "failed")]
    assert scene.log == ["hang_up normal"]


async def test_file_names_may_be_made_of_variables() -> None:
    assert await one("{type: play, option: {stream_urls: ['${x}/a.wav']}}", x="de") == ["play de/a.wav"]


async def test_branch_takes_a_bare_name_and_a_reference() -> None:
    for name in ("choice", "${choice}"):
        scene = Scene(
            f"""
  - type: branch
    option: {{variable: "{name}", target_ids: {{sales: s}}, default_target_id: d}}
  - id: d
    type: stop
  - id: s
    type: talk
    option: {{text: sales}}
""",
            variables={"choice": "sales"},
        )
        result = await scene.play()
        assert scene.said == ["sales"]
        assert result.variables["choice"] == ""


async def test_branch_keys_are_text_even_when_they_look_like_numbers() -> None:
    scene = await played(
        """
  - type: branch
    option: {variable: x, target_ids: {1: wrong, 01: right, no: wrong}, default_target_id: wrong}
  - id: wrong
    type: stop
  - id: right
    type: talk
    option: {text: right}
""",
        variables={"x": "01"},
    )
    assert scene.said == ["right"]


def test_every_type_of_voipbin_is_known_once() -> None:
    names = [*ACTION_TYPES, *NOT_YET]
    assert len(names) == len(set(names)) == 43 + 1  # and our `empty`
    assert not set(names) & set(GONE)


def test_ids_are_stable_and_uuids_are_kept() -> None:
    text = """
name: menu
actions:
  - {id: hello, type: answer}
  - {id: 5b1f0a52-0000-4000-8000-00000000000a, type: beep}
  - {type: beep}
"""
    first, second = flow(text, "a"), flow(text, "b")
    assert [a.uuid for a in first.actions] == [a.uuid for a in second.actions]
    assert str(first.actions[1].uuid) == first.actions[1].id
    assert len({a.uuid for a in first.actions}) == 3
    assert first.uuid == second.uuid
    assert flow("name: other\nactions: [{type: answer}]").uuid != first.uuid
    assert str(
        flow("name: x\nid: 5b1f0a52-0000-4000-8000-00000000000b\nactions: [{type: answer}]").uuid
    ).endswith("0b")
