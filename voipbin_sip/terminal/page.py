"""The page of a call: one rich renderable for each section, for the command and for the live table alike.

The first line is the answer to "why did this call fail?"; everything below it is in the order in which one would ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from voipbin_sip.printable import clean
from voipbin_sip.terminal.advice import advice
from voipbin_sip.terminal.ladder import AGAIN, ladder_lines
from voipbin_sip.terminal.sound_page import quality
from voipbin_sip.terminal.story import CallStory, Leg, Message, Step
from voipbin_sip.terminal.words import far_end, length, offset, troubles, verdict

__all__ = [
    "digits",
    "head",
    "ladder",
    "legs",
    "messages",
    "page",
    "quality",
    "recordings",
    "steps",
    "variables",
]

MASK = "•"
OUTCOMES = {"failed": "bold red", "skipped": "yellow", "ended": "", "done": ""}


def page(story: CallStory, *, show_sip: bool = False, show_digits: bool = False) -> RenderableType:
    """Return the whole page; `show_sip` adds the messages in full, `show_digits` shows what was typed."""
    sections: list[tuple[str, RenderableType | None]] = [
        ("Other legs of this call", legs(story)),
        ("Steps", steps(story)),
        ("Variables", variables(story)),
        ("Digits", digits(story, shown=show_digits)),
        ("Sound", quality(story)),
        ("Recordings", recordings(story)),
        ("SIP", ladder(story)),
        ("SIP messages", messages(story, show_digits=show_digits) if show_sip else None),
    ]
    parts = [head(story)]
    if (what := to_do(story)) is not None:
        parts += [said("\nWhat to do", style="bold"), Padding(what, (0, 0, 0, 2), expand=False)]
    for title, content in sections:
        if content is not None:
            parts += [said(f"\n{title}", style="bold"), Padding(content, (0, 0, 0, 2), expand=False)]
    return Group(*parts)


def head(story: CallStory) -> RenderableType:
    """Return the answer, then who called whom, when, how long, and what went wrong on the way."""
    call = story.call
    found = troubles(story)
    lines = [said(_capital(verdict(story)), style=_mood(story, bool(found)))]
    flow = f", flow {story.flow}" if story.flow else ""
    lines.append(said(f"{call.source} → {call.destination}{flow}"))
    lines.append(said(f"{call.began.astimezone():%Y-%m-%d %H:%M:%S %z}, {_lasted(call)}"))
    lines.append(said(f"{call.direction} call {call.id}", style="dim"))
    lines += [said(f"! {words}", style="yellow") for words in found if words not in verdict(story)]
    return Group(*lines)


def to_do(story: CallStory) -> RenderableType | None:
    """Return what helps against what went wrong; None: nothing did, or nothing is known."""
    found = advice(story)
    return Group(*(said(line) for line in found)) if found else None


def legs(story: CallStory) -> RenderableType | None:
    """Return the other calls that belong to it, each with its own end; None: there are none."""
    if not story.legs:
        return None
    table = _grid(3)
    for leg in story.legs:
        what = _capital(leg.end_reason) if not leg.goes_on else f"Goes on ({leg.status})"
        _add(
            table,
            offset(leg.began, story.call.began) if leg.relation == "placed for it" else "",
            f"{leg.relation}:\n{far_end(leg)}",
            said(what, style="" if leg.answered or leg.goes_on else "yellow")
            + said(f"\n{_lasted(leg)}; voipbin-sip call {leg.id[:8]}", style="dim"),
        )
    return table


def steps(story: CallStory) -> RenderableType | None:
    """Return the steps: when, where in which file, what it was, how long it took, what came of it."""
    at, _, doing = story.call.step.partition(" ")
    if not story.steps and not doing:
        return None
    table = _grid(4)
    if story.steps_left_out:
        _add(table, "", "", "", said(f"({story.steps_left_out} earlier steps are not shown)", style="dim"))
    for step in story.steps:
        _add(
            table,
            offset(step.began, story.call.began),
            said(step.at or step.flow, style="cyan"),
            f"{step.type} {step.name}" if _is_named(step) else step.type,
            Text("\n").join(_came_of(step)),
        )
    if doing:
        _add(table, "now", said(at, style="cyan"), doing, said("goes on", style="dim"))
    return table


def _came_of(step: Step) -> Iterator[Text]:
    detail = step.detail if step.outcome == "done" else f"{step.outcome}: {step.detail}".rstrip(": ")
    took = f" ({length(step.seconds)})" if step.seconds >= 0.1 else ""
    yield said(f"{detail}{took}".strip(), style=OUTCOMES.get(step.outcome, ""))
    for name, value in step.values.items():
        yield said(f"{name} = {value or '(empty)'}", style="dim")


def _is_named(step: Step) -> bool:
    return bool(step.name) and "#" not in step.name and len(step.name) < 36


def variables(story: CallStory) -> RenderableType | None:
    """Return the values that the steps have left at the end, and which step set each."""
    last = {name: (value, step) for step in story.steps for name, value in step.values.items()}
    if not last:
        return None
    table = _grid(3)
    table.columns[1].no_wrap = False  # else long values take the room of the names
    for name, (value, step) in sorted(last.items()):
        _add(table, name, value or "(empty)", said(step.at, style="cyan"))
    return table


def digits(story: CallStory, *, shown: bool = False) -> RenderableType | None:
    """Return the digits that the phone sent, masked unless `shown`: they may be a PIN."""
    if not story.digits:
        return None
    table = _grid(2)
    for digit in story.digits:
        _add(table, offset(digit.at, story.call.began), digit.digit if shown else MASK)
    if not shown:
        _add(table, "", said("masked, since they may be a PIN; --digits shows them", style="dim"))
    return table


def recordings(story: CallStory) -> RenderableType | None:
    """Return what was recorded."""
    if not story.recordings:
        return None
    table = _grid(3)
    for found in story.recordings:
        end = found.end_reason or found.status
        lost = f", {found.lost:.1f} s of it silence because the disk was too slow" if found.lost else ""
        _add(table, length(found.seconds), ", ".join(found.files) or found.id, f"{end}{lost}")
    return table


def ladder(story: CallStory) -> RenderableType:
    """Return the SIP messages as arrows between addresses; words where there are none any more."""
    found = _messages(story)
    notes = [said(note, style="dim") for note in _missing(story)]
    return Group(*notes, Ladder(story.call.began, found)) if found else Group(*notes)


class Ladder:
    """A ladder that is as wide as there is room."""

    def __init__(self, began: datetime, found: Sequence[Message]) -> None:
        self._began, self._messages = began, found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        for line in ladder_lines(self._messages, self._began, options.max_width):
            yield said(line, no_wrap=True, style="yellow" if f" {AGAIN} " in line else "")


def messages(story: CallStory, *, show_digits: bool = False) -> RenderableType | None:
    """Return the SIP messages in full; digits in them are masked unless they are to be shown."""
    found = _messages(story)
    return in_full(found, story.call.began, show_digits=show_digits) if found else None


def in_full(found: Sequence[Message], began: datetime, *, show_digits: bool = False) -> RenderableType:
    """Return SIP messages as they went over the wire, each with its time since `began`."""
    parts: list[RenderableType] = []
    for message in found:
        at = offset(message.at, began)
        parts.append(said(f"{at} {message.source} → {message.destination}", style="cyan"))
        text = message.text if show_digits else without_digits(message.text)
        parts.append(Padding(said(text.replace("\r\n", "\n").rstrip()), (0, 0, 1, 2)))
    return Group(*parts)


def without_digits(text: str) -> str:
    """Return a SIP message without the digits that its body may carry (INFO with application/dtmf-relay or dtmf)."""
    headers, gap, body = text.partition("\r\n\r\n")
    return f"{headers}{gap}(digits hidden)" if body and "application/dtmf" in headers.lower() else text


def _messages(story: CallStory) -> list[Message]:
    return sorted((one for leg in story.all_legs for one in leg.messages), key=lambda message: message.at)


def _missing(story: CallStory) -> Iterator[str]:
    """Yield in words what is not there any more."""
    call = story.call
    if not call.known:
        yield "The server has restarted since this call: its SIP messages and its sound over time are forgotten."
    elif not call.messages:
        yield (
            "Its SIP messages are not kept any more (trace.sip_mb and trace.sip_hours in voipbin.yaml say how many"
            " are), or you may not see them."
        )


def _mood(story: CallStory, troubled: bool) -> str:
    call = story.call
    if call.goes_on:
        return "bold cyan"
    if call.answered is None:
        return "bold red"
    return "bold yellow" if troubled else "bold green"


def _lasted(leg: Leg) -> str:
    """Return how long a leg rang and talked."""
    if leg.answered is None:
        if leg.ended is None:
            return "not answered yet"
        return f"never answered, over after {length((leg.ended - leg.began).total_seconds())}"
    waited = f"answered after {length((leg.answered - leg.began).total_seconds())}"
    if leg.ended is None:
        return f"{waited}, goes on"
    return f"{waited}, then {length((leg.ended - leg.answered).total_seconds())}"


def _capital(text: str) -> str:
    """Return a sentence as sentences begin; a file's name stays as it is."""
    first, _, _ = text.partition(" ")
    return text if ":" in first else text[:1].upper() + text[1:]


def said(text: str, style: str = "", *, no_wrap: bool = False) -> Text:
    """Return what others have said, as text that steers no terminal: callers choose their names."""
    return Text("\n".join(clean(line) for line in text.splitlines()), style=style, no_wrap=no_wrap)


def _add(table: Table, *cells: str | Text) -> None:
    """Add a row whose texts are taken as they are, without rich's marks."""
    table.add_row(*(said(cell) if isinstance(cell, str) else cell for cell in cells))


def _grid(columns: int) -> Table:
    """Return a table without lines; the last column takes what is left."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for at in range(columns):
        table.add_column(no_wrap=at < columns - 1, overflow="fold")
    return table
