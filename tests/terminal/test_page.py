"""The page of a call as it is printed: everything in it, and nothing that is cut off in 80 columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console, RenderableType

from tests.terminal.stories import BEGAN, GOOD, INCOMING, REFUSED, ended_by_us, message, step, story
from voipbin_sip.terminal.page import ladder, page, quality, without_digits
from voipbin_sip.terminal.story import CallStory, Digit, Recording, SoundPoint, Step


def printed(content: RenderableType | None, width: int = 80) -> list[str]:
    """Return the lines without colours."""
    assert content is not None
    console = Console(width=width, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(content)
    return [line.rstrip() for line in capture.get().splitlines()]


def whole() -> CallStory:
    """Return a call that has everything."""
    call = replace(
        ended_by_us(),
        points=[SoundPoint(5.0, replace(GOOD, heard_mos=2.0, heard_lost=20.0)), SoundPoint(10.0, GOOD)],
        messages=[
            message("INVITE sip:100@x SIP/2.0"),
            message("INVITE sip:100@x SIP/2.0", at=0.5),
            message("SIP/2.0 200 OK", incoming=False, at=1.0, more="CSeq: 1 INVITE\r\n"),
        ],
    )
    call = replace(call, messages=[call.messages[0], replace(call.messages[1], again=True), call.messages[2]])
    steps = [
        step("talk", 4, "cut by a digit", voipbin__call__digits="•"),
        step("branch", 6, "goes to 'sales'", voipbin__call__digits=""),
        step("webhook_send", 9, "status 200", team="sales"),
        step("fetch", 12, "the server answered 500 " + "and a long story " * 6, "failed"),
        step("play", 14, "this server does not do it yet", "skipped"),
    ]
    return replace(
        story(call, [REFUSED], steps),
        digits=[Digit(BEGAN + timedelta(seconds=2), "4")],
        recordings=[Recording("33333333", "ended", 61.0, "silence", ["one.wav"], 0.5)],
    )


def test_the_first_line_is_the_answer_and_the_next_ones_say_what_it_was() -> None:
    lines = printed(page(story(), show_sip=False), 120)
    assert lines[0] == "The caller hung up"
    assert lines[1] == "+15550123 → +15550100, flow reception"
    assert lines[2].endswith(", answered after 1 s, then 10 s")
    assert lines[3] == f"incoming call {INCOMING.id}"


def test_all_sections_in_order() -> None:
    lines = printed(page(whole(), show_sip=True), 120)
    titles = [
        "Other legs of this call", "Steps", "Variables", "Digits", "Sound", "Recordings", "SIP", "SIP messages",
    ]  # fmt: skip
    assert [line for line in lines if line in titles] == titles
    assert "! reception.yaml:14 play was skipped: this server does not do it yet" in lines


def test_empty_sections_are_left_out() -> None:
    lines = printed(page(replace(story(replace(INCOMING, sound=None, answered=None)))))
    assert not {"Steps", "Variables", "Digits", "Sound", "Recordings"} & set(lines)
    assert "SIP" in lines


@pytest.mark.parametrize("width", [80, 60, 200])
def test_nothing_is_wider_than_the_terminal_and_words_are_whole(width: int) -> None:
    lines = printed(page(whole(), show_sip=True), width)
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    for words in (
        "goes to 'sales'",
        "team = sales",
        "reception.yaml:12",
        "again: INVITE",
        "one.wav",
        "MOS 4.4",
    ):
        assert words in text, words


def test_steps_say_where_what_and_what_changed() -> None:
    lines = printed(page(whole()), 120)
    at = next(i for i, line in enumerate(lines) if "reception.yaml:9 " in line)
    assert lines[at].split() == ["+0.000", "reception.yaml:9", "webhook_send", "status", "200", "(100", "ms)"]
    assert lines[at + 1].strip() == "team = sales"


def test_a_step_with_a_name_of_its_own_shows_it() -> None:
    named = Step("reception", "menu", "talk", "reception.yaml:4", BEGAN, 0.0, "done", "", {})
    assert "talk menu" in "\n".join(printed(page(story(steps=[named]))))
    assert "talk#4" not in "\n".join(printed(page(story(steps=[step("talk", 4)]))))


def test_the_step_of_now_is_the_last_one() -> None:
    call = replace(INCOMING, status="progressing", ended=None, step="reception.yaml:12 talk menu")
    lines = printed(page(story(call, steps=[step("answer", 4)])))
    at = next(i for i, line in enumerate(lines) if "reception.yaml:4 " in line)
    assert lines[at + 1].split() == ["now", "reception.yaml:12", "talk", "menu", "goes", "on"]


def test_variables_are_those_of_the_end_with_the_step_that_set_them() -> None:
    steps = [step("variable_set", 4, team="sales"), step("variable_set", 9, team="support")]
    lines = printed(page(story(steps=steps)))
    assert "  team  support  reception.yaml:9" in lines


def test_digits_are_masked_unless_they_are_asked_for() -> None:
    hidden, shown = printed(page(whole())), printed(page(whole(), show_digits=True))
    assert "  +2.000  •" in hidden
    assert "  +2.000  4" in shown


def test_digits_in_sip_messages_are_masked_too() -> None:
    info = "INFO sip:x SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=4\r\nDuration=160\r\n"
    assert without_digits(info).endswith("\r\n\r\n(digits hidden)")
    assert without_digits("BYE sip:x SIP/2.0\r\n\r\n") == "BYE sip:x SIP/2.0\r\n\r\n"
    call = replace(INCOMING, messages=[replace(message(""), text=info)])
    assert "Signal=4" not in "\n".join(printed(page(story(call), show_sip=True)))
    assert "Signal=4" in "\n".join(printed(page(story(call), show_sip=True, show_digits=True)))


def test_sound_has_a_bar_for_each_stretch_and_names_the_worst() -> None:
    lines = printed(quality(whole()))
    assert lines[0] == "+15550123 PCMU, round trip 20 ms, a bar is 5 s"
    assert lines[1] == "  heard from it  ▃█  MOS 4.4, worst 2.0  loss 0.0 %   jitter 1.0 ms"
    assert lines[2] == "  sent to it     ██  MOS 4.4             loss 0.0 %   jitter 1.0 ms"


def test_what_callers_say_steers_no_terminal() -> None:
    evil = "[/bold] \x1b[2J\x9b2J[red]"
    call = replace(
        ended_by_us(f"refused: {evil}"),
        source=evil,
        messages=[message(f"SIP/2.0 403 {evil}", more=f"X: {evil}\r\n")],
    )
    steps = [step(f"talk{evil}", 4, evil, "failed", name=evil)]
    content = page(story(call, [replace(REFUSED, end_reason=evil, destination=evil)], steps), show_sip=True)
    text = "\n".join(printed(content, 200))
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert text.count("[/bold] ·[2J·2J[red]") > 8


def test_what_is_forgotten_is_said() -> None:
    assert "restarted since this call" in "\n".join(printed(ladder(story(replace(INCOMING, known=False)))))
    assert "trace.sip_mb" in "\n".join(printed(ladder(story())))
