"""Actions and variables."""

from __future__ import annotations

from collections.abc import Iterator

from flows.reference import action_reference
from flows.system_variables import NOT_SET_HERE, SET_HERE
from reference.tables import table


def actions() -> Iterator[str]:
    """Yield docs/reference/actions.md."""
    yield from ("", action_reference().strip())


def variables() -> Iterator[str]:
    """Yield docs/reference/variables.md, by the word behind `voipbin.`."""
    groups = dict.fromkeys(name.split(".")[1] for name in SET_HERE)
    for group in groups:
        yield from ("", f"## {group}", "")
        rows = [(f"`{name}`", text) for name, text in SET_HERE.items() if name.split(".")[1] == group]
        yield from table(("name", "what"), rows)
    yield from ("", "## Known and empty", "", "VoIPBIN sets these besides, and its flows may name them:", "")
    yield ", ".join(f"`{name}`" for name in sorted(NOT_SET_HERE)) + "."
