"""What a run may use up, and how it can end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from flows.model import Flow


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use up."""

    steps: int = 10_000  # in its whole life
    steps_without_waiting: int = 200  # in a row
    follow_ups: int = 4  # runs started one after the other by on_complete_flow_id


class Ended(Enum):
    """Why a run is over."""

    FINISHED = "finished"  # no more steps
    STOPPED = "stopped"  # a stop step
    HUNG_UP = "hung up"  # a hangup step
    FAILED = "failed"  # a step failed that the run cannot go on without, or a limit was reached
    CANCELLED = "cancelled"  # Run.stop: the call ended, or someone asked for it


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended, and which flow is to run after it."""

    ended: Ended
    reason: str
    steps: int
    variables: Mapping[str, str]
    next_flow: Flow | None = None  # on_complete_flow_id of the flow, if the chain may go on
    complete_count: int = 0  # for the next run: how many runs came before it
