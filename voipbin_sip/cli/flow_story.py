"""What happens in a simulated call, as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import typer

from flows.simulate.journal import Happening, Kind
from flows.simulate.texts import clock_text

INDENT = " " * 9
_WORDS = {
    Kind.SAID: ("“{}”", "green"),
    Kind.PLAYED: ("plays {}", "green"),
    Kind.DID: ("{}", ""),
    Kind.CALLED: ("calls {}", "magenta"),
    Kind.ASKED: ("asks {}", "magenta"),
    Kind.MAILED: ("mails {}", "magenta"),
    Kind.CALLER: ("the caller {}", "cyan"),
}


def lines_of(happening: Happening) -> Iterator[str]:
    """Yield one line or more for what happened: steps with their place, what changed and where they lead."""
    if happening.kind is Kind.BEGUN and happening.begun is not None:
        action = happening.begun.action
        name = f"{action.type} {action.id}" if action.named else action.type
        time = f"{clock_text(happening.at):>8}"
        yield f"{time} {typer.style(name, bold=True)}  {typer.style(str(action.origin), dim=True)}"
    elif happening.kind is Kind.DONE and happening.record is not None:
        record = happening.record
        if record.outcome in ("failed", "skipped"):
            colour = "red" if record.outcome == "failed" else "yellow"
            yield typer.style(f"{INDENT}{record.outcome}: {record.detail}", fg=colour)
        elif record.detail:
            yield f"{INDENT}→ {record.detail}"
        for name, value in record.variables.items():
            yield typer.style(f"{INDENT}{name} = {_short(value) or '(empty)'}", fg="yellow")
    elif happening.kind is Kind.ENDED:
        reason = f": {happening.detail}" if happening.detail else ""
        yield typer.style(f"{clock_text(happening.at):>8} ends, {happening.text}{reason}", bold=True)
    elif happening.kind in _WORDS:
        form, colour = _WORDS[happening.kind]
        line = INDENT + form.format(_short(happening.text))
        yield typer.style(line, fg=colour) if colour else line
        if happening.detail and happening.kind in (Kind.ASKED, Kind.MAILED):
            yield f"{INDENT}  {_short(happening.detail)}"


def story(happenings: Iterable[Happening]) -> Iterator[str]:
    """Yield the lines of a whole call."""
    for happening in happenings:
        yield from lines_of(happening)


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= 300 else one_line[:297] + "..."
