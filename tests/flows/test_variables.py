"""Variables: substitution, sizes, what clients may inject."""

import pytest

from flows import About, StepFailed, accept_injected
from flows.variables import Variables, refers_to_variables, substitute, substitute_all
from tests.flows.driving import Scene, played

VALUES = {
    "name": "Ada",
    "a b": "blank",
    "nested": "${name}",
    "empty": "",
    "voipbin.call.id": "42",
    "": "nameless",
}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("Hello ${name}!", "Hello Ada!"),
        ("${name}${name}", "AdaAda"),
        ("${unknown}", ""),
        ("${Name}", ""),
        ("${ name }", ""),
        ("${a b}", "blank"),
        ("${nested}", "${name}"),  # inserted text is not scanned again
        ("${na${name}me}", "me}"),  # the shortest text up to the first brace, no nesting
        ("\\${name}", "\\Ada"),
        ("$${name}", "$Ada"),
        ("${}", "nameless"),
        ("${name", "${name"),
        ("$name {name}", "$name {name}"),
        ("${voipbin.call.id}", "42"),
        ("${unknown:-default}", ""),
    ],
)
def test_substitution(text: str, result: str) -> None:
    assert substitute(text, VALUES) == result


def test_substitution_reaches_every_text_but_no_key() -> None:
    option = {"list": ["${name}", "1"], "map": {"${name}": ["${name}"]}, "none": None}
    assert substitute_all(option, VALUES) == {  # type: ignore[arg-type]
        "list": ["Ada", "1"],
        "map": {"${name}": ["Ada"]},
        "none": None,
    }
    assert refers_to_variables(option)  # type: ignore[arg-type]
    assert not refers_to_variables({"${name}": ["$", "${"]})


def test_substitution_is_bounded() -> None:
    with pytest.raises(StepFailed, match="longer than"):
        substitute("${x}" * 100, {"x": "y" * 30_000})


def test_values_and_the_whole_map_are_bounded() -> None:
    variables = Variables({})
    variables.set("a", "x" * 32_768)
    with pytest.raises(StepFailed, match="32768 bytes"):
        variables.set("b", "x" * 32_769)
    with pytest.raises(StepFailed, match="32768 bytes"):
        variables.set("b", "ä" * 20_000)
    for name in "bcdefg":
        variables.set(name, "x" * 32_768)
    with pytest.raises(StepFailed, match="262144 bytes"):
        variables.set("h", "x" * 32_768)
    variables.set("a", "")
    variables.set("h", "x" * 32_000)
    assert "b" in variables


async def test_variable_set_substitutes_key_and_value_once() -> None:
    scene = Scene(
        """
  - {id: set, type: variable_set, option: {key: "order.${n}", value: "A-${raw}"}}
  - {type: talk, option: {text: "${order.7}"}}
""",
        variables={"n": "7", "raw": "${n}"},
    )
    result = await scene.play()
    assert result.variables["order.7"] == "A-${n}"
    assert scene.said == ["A-${n}"]
    assert scene.trace.records[0].variables == {"order.7": "A-${n}"}


async def test_a_value_that_grows_too_large_fails_the_step_not_the_run() -> None:
    scene = await played(
        """
  - {id: double, type: variable_set, option: {key: x, value: "${x}${x}"}}
  - {type: goto, option: {target_id: double, loop_count: 20}}
""",
        variables={"x": "1234567890"},
    )
    assert scene.run.finished is not None
    assert len(scene.run.finished.variables["x"]) <= 32_768
    assert scene.trace.records[-2].outcome == "failed"


async def test_numbers_may_come_from_variables() -> None:
    text = "  - {id: wait, type: sleep, option: {duration: '${pause}'}}"
    scene = await played(text, variables={"pause": "1500"})
    assert scene.clock.now() == 1.5
    for wrong in ("long", "", "-1", "1.5", "99999999"):
        scene = await played(text, variables={"pause": wrong})
        assert (scene.clock.now(), scene.trace.steps()) == (0, [("wait", "failed")])
        assert scene.details("wait")[0].startswith("duration does not fit once its variables are filled in")
        assert not wrong or wrong not in scene.details("wait")[0]


async def test_the_run_sets_its_own_variables_over_those_given() -> None:
    scene = Scene("  - {type: answer}", variables={"voipbin.activeflow.id": "forged", "voipbin.call.id": "7"})
    result = await scene.play()
    assert result.variables["voipbin.activeflow.id"] == scene.run.id
    assert result.variables["voipbin.activeflow.flow_id"] == str(scene.run.first_flow.uuid)
    assert result.variables["voipbin.call.id"] == "7"
    assert result.variables["voipbin.call.digits"] == ""


def test_injected_variables_lose_what_is_not_theirs() -> None:
    injected = accept_injected(
        {
            " order ": "1",
            "": "x",
            "  ": "x",
            "VoipBin.call.id": "x",
            "n": 5,
            "b": True,
            "none": None,
            "list": [],
            "half": "\ud800",
            "\udc00half": "x",
        }
    )
    assert injected.values == {"order": "1", "n": "5", "b": "true"}
    assert len(injected.refused) == 7
    assert all(reason.encode() for reason in injected.refused)


@pytest.mark.parametrize(
    ("injected", "inherited", "why"),
    [
        ({f"v{n}": "" for n in range(101)}, {}, "more than 100 variables"),
        ({"v": "x" * 32_769}, {}, "more than 32768 bytes"),
        ({f"v{n}": "x" * 30_000 for n in range(3)}, {}, "more than 65536 bytes"),
        ({"v": "x" * 32_000}, {"old": "x" * 240_000}, "more than 262144 bytes"),
    ],
)
def test_injected_variables_beyond_a_limit_are_refused_together(
    injected: dict[str, object], inherited: dict[str, str], why: str
) -> None:
    accepted = accept_injected(injected, inherited)
    assert accepted.values == {}
    assert why in accepted.refused[-1]


@pytest.mark.parametrize(
    ("injected", "inherited"),
    [
        ({f"v{n:03}": "" for n in range(100)}, {}),
        ({"v": "x" * 32_768}, {}),
        ({"v": "ä" * 16_384}, {}),
        ({"a": "x" * 32_767, "b": "x" * 32_767}, {}),
        ({"v": "x" * 32_000}, {"old": "x" * (262_144 - 3 - 32_001)}),
        ({"old": "x"}, {"old": "x" * 262_141}),  # what it replaces does not count
    ],
)
def test_injected_variables_up_to_a_limit_are_taken(
    injected: dict[str, object], inherited: dict[str, str]
) -> None:
    assert accept_injected(injected, inherited).values == injected


def test_limits_are_measured_after_the_drops() -> None:
    injected = {f"voipbin.{n}": "x" * 40_000 for n in range(200)} | {"mine": "x"}
    assert accept_injected(injected).values == {"mine": "x"}


async def test_what_the_run_is_about_is_read_anew_each_time() -> None:
    answers = iter(('{"status": "ringing"}', '{"status": "${voipbin.call.id}"}'))
    say = "  - {type: talk, option: {text: '${voipbin.flow.reference_data}'}}\n"
    scene = Scene(say * 2, about=About("call", "the call", data=lambda: next(answers)))
    await scene.play()
    assert scene.said == ['{"status": "ringing"}', '{"status": "${voipbin.call.id}"}']


async def test_a_run_about_nothing_has_no_data() -> None:
    scene = Scene("  - {type: talk, option: {text: 'x${voipbin.flow.reference_data}'}}")
    await scene.play()
    assert scene.said == ["x"]


async def test_calls_placed_by_a_run_get_what_it_is_about() -> None:
    scene = Scene(
        "  - {type: call, option: {destinations: [{type: tel, target: '+15550100'}], "
        "actions: [{type: talk, option: {text: '${voipbin.flow.reference_data}'}}]}}",
        about=About("call", "the call", data=lambda: "the parent"),
    )
    await scene.play()
    assert scene.call.called[0].given["voipbin.flow.reference_data"] == "the parent"
