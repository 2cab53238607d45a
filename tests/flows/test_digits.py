"""Digits: type-ahead, cutting prompts, collecting, branching."""

import pytest

from tests.flows.driving import Scene, played

MENU = """
  - type: answer
  - id: menu
    type: talk
    option: {text: menu, digits_handle: next}
  - id: receive
    type: digits_receive
    option: {duration: 5000}
  - id: choose
    type: branch
    option: {target_ids: {"1": sales, "2": support}, default_target_id: menu}
  - id: sales
    type: talk
    option: {text: sales}
  - type: hangup
  - id: support
    type: talk
    option: {text: support}
  - type: hangup
"""


async def test_a_digit_cuts_the_prompt_and_counts() -> None:
    scene = Scene(MENU).at(0.5, "2")
    await scene.play()
    assert scene.said == ["menu", "support"]
    assert (scene.clock.now(), scene.details("menu")) == (2.5, ["cut by a digit"])


async def test_a_digit_cuts_a_prompt_that_cannot_be_heard_yet() -> None:
    scene = Scene(MENU)
    scene.call.digit = lambda: None  # type: ignore[method-assign]
    await scene.at(0.5, "1").play()
    assert (scene.said, scene.clock.now()) == (["menu", "sales"], 2.5)


async def test_a_digit_after_the_prompt_counts() -> None:
    scene = Scene(MENU).at(4, "1")
    await scene.play()
    assert (scene.said, scene.details("receive")) == (["menu", "sales"], ["complete"])


async def test_a_wrong_digit_and_no_digit_go_the_default_way() -> None:
    scene = Scene(MENU).at(1, "7").at(9, "1")
    await scene.play()
    assert scene.said == ["menu", "menu", "menu", "sales"]
    assert scene.details("choose") == [
        "goes to 'menu' (default)",
        "goes to 'menu' (default)",
        "goes to 'sales'",
    ]


async def test_digits_typed_before_a_plain_prompt_ends_count() -> None:
    scene = (
        Scene("""
  - {type: talk, option: {text: "Your code, please"}}
  - {type: digits_receive, option: {duration: 5000, length: 4}}
""")
        .at(1, "1", "2")
        .at(3, "3", "4")
    )
    result = await scene.play()
    assert result.variables["voipbin.call.digits"] == "1234"
    assert scene.clock.now() == 3


async def test_used_digits_do_not_come_back() -> None:
    scene = Scene("""
  - {id: one, type: digits_receive, option: {duration: 3000}}
  - {type: variable_set, option: {key: first, value: "${voipbin.call.digits}"}}
  - {id: two, type: digits_receive, option: {duration: 3000}}
""").at(1, "5")
    result = await scene.play()
    assert result.variables["first"] == "5"
    assert result.variables["voipbin.call.digits"] == ""
    assert scene.details("two") == ["time is over"]


async def test_a_whole_way_through_menus_can_be_typed_ahead() -> None:
    scene = Scene("""
  - {type: talk, option: {text: first, digits_handle: next}}
  - {type: digits_receive, option: {duration: 3000}}
  - type: branch
    option: {target_ids: {"1": inner}, default_target_id: end}
  - id: inner
    type: talk
    option: {text: second, digits_handle: next}
  - {type: digits_receive, option: {duration: 3000}}
  - type: branch
    option: {target_ids: {"2": reached}, default_target_id: end}
  - id: reached
    type: talk
    option: {text: reached}
  - id: end
    type: hangup
""").at(0.1, "1", "2")
    await scene.play()
    assert scene.said == ["first", "reached"]
    assert scene.clock.now() == 2.1


async def test_digits_typed_ahead_skip_the_prompt_but_the_call_is_answered() -> None:
    scene = Scene("""
  - {type: sleep, option: {duration: 1000}}
  - {id: prompt, type: talk, option: {text: unheard, digits_handle: next}}
  - {type: digits_receive, option: {duration: 3000}}
""").at(0.5, "1")
    result = await scene.play()
    assert scene.log == ["answer", "hang_up normal"]
    assert scene.details("prompt") == ["not spoken, digits were typed ahead"]
    assert result.variables["voipbin.call.digits"] == "1"


async def test_a_file_is_cut_by_a_digit_where_the_flow_says_so() -> None:
    scene = (
        Scene("""
  - {id: deaf, type: play, option: {stream_urls: [a.wav]}}
  - {type: digits_receive, option: {duration: 1000}}
  - {id: cut, type: play, option: {stream_urls: [a.wav, b.wav], digits_handle: next}}
  - {type: digits_receive, option: {duration: 3000}}
  - {id: ahead, type: play, option: {stream_urls: [c.wav], digits_handle: next}}
  - {type: digits_receive, option: {duration: 3000}}
""")
        .at(0.5, "1")
        .at(3, "2", "3")
    )
    result = await scene.play()
    assert [line for line in scene.log if line.startswith("play")] == ["play a.wav", "play a.wav b.wav"]
    assert scene.details("deaf") == [""]
    assert scene.details("cut") == ["cut by a digit"]
    assert scene.details("ahead") == ["not played, digits were typed ahead"]
    assert result.variables["voipbin.call.digits"] == "3"
    assert scene.clock.now() == 3.0


async def test_branch_right_after_a_cut_prompt_sees_the_digit_once() -> None:
    scene = Scene("""
  - id: menu
    type: talk
    option: {text: menu, digits_handle: next}
  - type: branch
    option: {target_ids: {"1": one}, default_target_id: end}
  - id: one
    type: digits_receive
    option: {duration: 1000}
  - id: end
    type: hangup
""").at(1, "1")
    result = await scene.play()
    assert scene.details("one") == ["time is over"]
    assert result.variables["voipbin.call.digits"] == ""


async def test_each_digit_outside_digits_receive_replaces_the_variable() -> None:
    scene = (
        Scene("""
  - {type: play, option: {stream_urls: [music.wav]}}
  - {type: variable_set, option: {key: seen, value: "${voipbin.call.digits}"}}
  - {type: digits_receive, option: {duration: 1000, length: 2}}
""")
        .at(0.5, "1")
        .at(1, "2")
    )
    result = await scene.play()
    assert result.variables["seen"] == "2"
    assert result.variables["voipbin.call.digits"] == "12"


async def test_a_terminator_ends_and_stays_in_the_value() -> None:
    scene = Scene("  - {type: digits_receive, option: {duration: 9000, length: 0, key: '#*'}}")
    result = await scene.at(1, "1", "2").at(2, "*", "3").play()
    assert result.variables["voipbin.call.digits"] == "12*"
    assert scene.clock.now() == 2


async def test_the_time_counts_for_all_digits_together() -> None:
    scene = Scene("  - {type: digits_receive, option: {duration: 5000, length: 9}}")
    result = await scene.at(2, "1").at(4, "2").at(6, "3").play()
    assert (result.variables["voipbin.call.digits"], scene.clock.now()) == ("12", 5)


async def test_no_time_takes_only_what_is_there() -> None:
    scene = Scene("""
  - {type: sleep, option: {duration: 1000}}
  - {type: digits_receive, option: {duration: 0, length: 3}}
""").at(0.5, "8", "9")
    result = await scene.play()
    assert (result.variables["voipbin.call.digits"], scene.clock.now()) == ("89", 1)


async def test_setting_the_variable_forgets_what_was_typed_ahead() -> None:
    scene = Scene("""
  - {type: sleep, option: {duration: 1000}}
  - {type: variable_set, option: {key: voipbin.call.digits, value: ""}}
  - {type: digits_receive, option: {duration: 1000}}
""").at(0.5, "1")
    result = await scene.play()
    assert result.variables["voipbin.call.digits"] == ""


async def test_listening_opens_the_media_of_an_unanswered_call() -> None:
    scene = await played("  - {type: digits_receive, option: {duration: 0}}")
    assert scene.log == ["await_media", "hang_up normal"]
    scene = await played("  - {type: answer}\n  - {type: digits_receive, option: {duration: 0}}")
    assert scene.log == ["answer", "hang_up normal"]


async def test_only_digits_are_digits() -> None:
    scene = Scene("  - {type: digits_receive, option: {duration: 1000, length: 9}}")
    result = await scene.at(0.5, "a", "x", "", "12", "D").play()
    assert result.variables["voipbin.call.digits"] == "AD"


async def test_what_can_be_typed_ahead_is_bounded() -> None:
    scene = Scene("""
  - {type: sleep, option: {duration: 1000}}
  - {type: digits_receive, option: {duration: 0, length: 0}}
""").at(0.5, *"1234567890" * 20)
    result = await scene.play()
    assert len(result.variables["voipbin.call.digits"]) == 128


async def test_the_digits_never_stand_in_details() -> None:
    scene = Scene(MENU).at(0.5, "2")
    await scene.play()
    assert not any("2" in record.detail for record in scene.trace.records)


@pytest.mark.parametrize(("digits", "said"), [("1234", "enough"), ("#", "enough"), ("12", "few")])
async def test_condition_call_digits(digits: str, said: str) -> None:
    scene = await played(
        """
  - type: condition_call_digits
    option: {length: 4, key: "#", false_target_id: few}
  - {type: talk, option: {text: enough}}
  - {type: hangup}
  - id: few
    type: talk
    option: {text: few}
""",
        variables={"voipbin.call.digits": digits},
    )
    assert scene.said == [said]
