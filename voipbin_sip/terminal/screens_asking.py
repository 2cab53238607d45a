"""Small screens before the others: a question to be answered with yes or no, and the list of keys."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from voipbin_sip.printable import clean

KEYS = (
    ("↑ ↓  PgUp PgDn", "another call; Home: the newest, and follow new ones"),
    ("Enter", "the page of the call: steps, variables, quality, SIP"),
    ("Escape", "back; clear the filter"),
    ("h", "hang up the call"),
    ("/", "filter: words that a line must have, `bad` for bad sound"),
    ("s  S", "sort by the next column; turn the order around"),
    ("e", "show the calls that are over, or hide them"),
    ("c", "copy the id of the call"),
    ("q", "quit; calls go on"),
)
_MIDDLE = "align: center middle; background: transparent;"
_BOX = "border: ascii; padding: 0 1; width: auto; height: auto; max-width: 90%;"
_CSS = f"NAME {{ {_MIDDLE} }} NAME > Vertical {{ {_BOX} }} NAME Static {{ width: auto; }}"


class QuestionScreen(ModalScreen[bool]):
    """Asks one question; its answer is whether `y` was pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes", show=False),
        Binding("n,escape,q", "answer(False)", "no", show=False),
    ]
    DEFAULT_CSS = _CSS.replace("NAME", "QuestionScreen")

    def __init__(self, question: str, yes: str, no: str) -> None:
        super().__init__()
        self._text = Text.assemble((clean(question), "bold"), f"\n\ny {yes}   n {no}")

    def compose(self) -> ComposeResult:
        """Show the question."""
        with Vertical():
            yield Static(self._text)

    def action_answer(self, yes: bool) -> None:
        """Take the answer."""
        self.dismiss(yes)


class KeysScreen(ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "close", "close", show=False)
    ]
    DEFAULT_CSS = (
        f"KeysScreen {{ {_CSS} }} KeysScreen > Vertical {{ {_BOX} }} KeysScreen Static {{ width: auto; }}"
    )

    def compose(self) -> ComposeResult:
        """Show them."""
        width = max(len(keys) for keys, _ in KEYS)
        with Vertical():
            yield Static(
                Text("\n").join(Text.assemble((keys.ljust(width + 2), "bold"), what) for keys, what in KEYS)
            )

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(None)
