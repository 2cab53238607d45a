"""What a run is about, and the variables that it starts with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flows.model import NO_ID, Flow
from flows.variables import DIGITS, RESERVED_PREFIX

_PREFIX = "voipbin.activeflow."


@dataclass(frozen=True, slots=True)
class About:
    """What a run is about, with VoIPBIN's words, and the run that it came from."""

    reference_type: str = ""  # "call", "api", "recording", "transcribe" …; empty: nothing
    reference_id: str = NO_ID
    activeflow_id: str = ""  # run that caused this one; empty: the one that it follows, if it follows one
    data: Callable[[], str] | None = None  # returns what it is about as JSON, as it is now

    @property
    def is_no_call(self) -> bool:
        """Whether it is about something, and that is no call."""
        return self.reference_type not in ("", "call")

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> About:
        """Return what the variables of a run say."""
        return cls(
            variables.get(f"{_PREFIX}reference_type", ""), variables.get(f"{_PREFIX}reference_id", NO_ID)
        )


def first_variables(
    run_id: str,
    flow: Flow,
    about: About,
    given: Mapping[str, str],
    complete_count: int,
    *,
    has_call: bool,
) -> dict[str, str]:
    """Return the variables of a run that begins: the later ones win."""
    values = {DIGITS: ""} if has_call else {}
    values.update((name, value) for name, value in flow.given.items() if not name.startswith(RESERVED_PREFIX))
    values.update(given)
    # A run that follows another one inherits the other one's variables, its id among them.
    before = given.get(f"{_PREFIX}id", NO_ID) if complete_count else NO_ID
    return values | {
        f"{_PREFIX}id": run_id,
        f"{_PREFIX}reference_type": about.reference_type,
        f"{_PREFIX}reference_id": about.reference_id,
        f"{_PREFIX}reference_activeflow_id": about.activeflow_id or before,
        f"{_PREFIX}flow_id": str(flow.uuid),
        f"{_PREFIX}complete_count": str(complete_count),
    }
