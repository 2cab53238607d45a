"""An explanation as text for people: the outcome, then one numbered paragraph for each decision."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

WIDTH = 100


def report(told: Mapping[str, Any], width: int = WIDTH) -> Iterator[str]:
    """Yield the lines of an explanation, given as the API answers it."""
    stop = "" if told["summary"].endswith("?") else "."
    yield from _wrapped(f"{told['call']}: {told['summary']}{stop}", "", width)
    for number, decision in enumerate(told["decisions"], 1):
        mark = f"{number:>2}. "
        places = f" ({', '.join(decision['where'])})" if decision["where"] else ""
        yield ""
        yield from _wrapped(f"{_with_places(decision['text'], places)}", mark, width)
        for line in decision["lines"]:
            yield " " * len(mark) + "  " + line
    for note in told["notes"]:
        yield ""
        yield from _wrapped(f"Note: {note}.", "", width)


def _with_places(text: str, places: str) -> str:
    """Return a text with its places before the stop of its first sentence."""
    head, stop, rest = text.partition(". ")
    if not places:
        return text
    if stop:
        return f"{head}{places}. {rest}"
    return f"{text[:-1]}{places}{text[-1]}" if text[-1] in ".:" else text + places


def _wrapped(text: str, mark: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )
