"""Where a run goes after a step: by what the step came to, or by how it failed."""

from __future__ import annotations

from typing import TypeAlias

from flows.actions.base import Ending, Failure, Outcome
from flows.model import FlowSet
from flows.ports import StepFailed
from flows.result import Ended
from flows.stack import Stack, following, in_between, jump, push

Course: TypeAlias = "Stack | tuple[Ended, str] | None"
"""The stack to go on with, how the run ends and why, or None where no step is left."""


def after_step(stack: Stack, came: Outcome, flows: FlowSet) -> tuple[Course, str]:
    """Return where the outcome of the step in hand leads, and the word for the trace. Raises StepFailed."""
    if came.ending is not None:
        ended = Ended.HUNG_UP if came.ending is Ending.HANG_UP else Ended.STOPPED
        return (ended, came.detail or "stop"), "ended"
    word = "skipped" if came.skipped else "done"
    if came.jump:
        return jump(stack, came.jump), word
    if came.fetch:
        flow = flows.get(came.fetch)
        if flow is None:
            raise StepFailed(f"there is no flow '{came.fetch}'")
        return following(push(stack, flow)), word
    if came.push is not None:
        return following(push(stack, came.push)), word
    if came.steps:
        return following(in_between(stack, came.steps)), word
    return following(stack), word


def after_failure(stack: Stack, detail: str) -> Course:
    """Return where a failure of the step in hand leads."""
    action = stack.action
    where = f"{action.origin}: {action.type}: {detail}"
    if action.kind.failure is Failure.ABORT:
        return Ended.FAILED, where
    try:
        return following(stack)
    except StepFailed:
        return Ended.FAILED, where
