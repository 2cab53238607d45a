"""What happened in a simulation, in order, with the step in hand and the time of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from flows.ports import Clock, StepBegun, StepRecord


class Kind(Enum):
    """What sort of thing happened."""

    BEGUN = "begun"  # a step
    DONE = "done"  # a step
    SAID = "said"  # a text to the caller
    PLAYED = "played"  # a file or address to the caller
    DID = "did"  # anything else that the flow did on the call
    CALLED = "called"  # one destination rung; the text is type:target
    ASKED = "asked"  # a request to a web server; the text is method, address
    MAILED = "mailed"
    CALLER = "caller"  # the caller typed, spoke, hung up
    ENDED = "ended"  # a run


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry. `text` may hold what callers typed: this is a simulation."""

    at: float  # seconds since the call began
    kind: Kind
    text: str = ""
    detail: str = ""  # body of a request, content of a mail, reason of an end
    begun: StepBegun | None = None  # the step in hand, with BEGUN the one that begins
    record: StepRecord | None = None  # of DONE


class Journal:
    """Keeps all happenings and tells a watcher of each. Implements `flows.ports.Trace`."""

    def __init__(self, clock: Clock) -> None:
        self.entries: list[Happening] = []
        self._clock = clock
        self._begun: StepBegun | None = None
        self._watchers: list[Callable[[Happening], None]] = []

    def watch(self, watcher: Callable[[Happening], None]) -> None:
        """Tell `watcher` of each happening from now on."""
        self._watchers.append(watcher)

    def note(self, kind: Kind, text: str, detail: str = "") -> None:
        """Put down what happened now."""
        self._add(Happening(self._clock.now(), kind, text, detail, self._begun))

    def begin(self, begun: StepBegun) -> None:
        """Put down that a step begins."""
        self._begun = begun
        self._add(Happening(self._clock.now(), Kind.BEGUN, begun.action.id, "", begun))

    def step(self, record: StepRecord) -> None:
        """Put down that a step is done."""
        self._add(Happening(self._clock.now(), Kind.DONE, record.step_id, record.detail, self._begun, record))

    def of(self, *kinds: Kind) -> list[Happening]:
        """Return the happenings of these kinds."""
        return [entry for entry in self.entries if entry.kind in kinds]

    def _add(self, happening: Happening) -> None:
        self.entries.append(happening)
        for watcher in self._watchers:
            watcher(happening)
