"""The stacks of a run: which flow is at which step, and where to return to when its steps are done.

A fork (`fetch_flow`) pushes a stack; when its last step is done the run goes on after the step that pushed it. Steps
pushed from outside come before a step that has not begun, and return to it. A target is looked up in the current
stack, then up the return chain, which drops the stacks above the found one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from flows.actions.base import ActionType
from flows.model import FINISH_ID, NEXT_ID, NO_ID, START_ID, Action, Flow, action_uuid
from flows.ports import StepFailed

MAX_STACKS = 100


@dataclass(slots=True)
class Stack:
    """A list of steps being run; `index` is the step in hand, -1 before the first."""

    flow: Flow
    below: Stack | None = None
    index: int = -1
    depth: int = 1
    counts: dict[int, int] = field(default_factory=dict)  # jumps left, by index of a goto
    resumes: bool = False  # returns to the step in hand below, which has not begun, not to the one after it

    @property
    def action(self) -> Action:
        """Return the step in hand."""
        return self.flow.actions[self.index]


def push(stack: Stack, flow: Flow) -> Stack:
    """Return the stack that runs `flow` before the step after the current one. Raises StepFailed."""
    if stack.depth >= MAX_STACKS:
        raise StepFailed(f"more than {MAX_STACKS} flows inside each other")
    return Stack(flow, below=stack, depth=stack.depth + 1)


def push_before(stack: Stack | None, flow: Flow) -> Stack:
    """Return the stack at the first step of `flow`, after which the step in hand runs. Raises StepFailed."""
    if stack is None:
        return Stack(flow, index=0)
    pushed = push(stack, flow)
    pushed.index, pushed.resumes = 0, True
    return pushed


def in_between(stack: Stack, steps: Iterable[tuple[str, ActionType]]) -> Stack:
    """Return the stack that runs steps which the step in hand stands for, before the following one.

    They carry its place, and its id with a name of their own after it. Raises StepFailed.
    """
    flow, now = stack.flow, stack.action
    ids = [(f"{now.id}.{name}", body) for name, body in steps]
    actions = tuple(
        Action(
            id=step_id,
            uuid=action_uuid(flow.uuid, step_id),
            kind=type(body),
            option={},
            body=body,
            next_id="",
            origin=now.origin,
            named=False,
        )
        for step_id, body in ids
    )
    return push(stack, replace(flow, actions=actions, positions={}))


def following(stack: Stack) -> Stack | None:
    """Move past the step in hand: its next_id, else the following step, else back to the stack below.

    None at the end of all. Raises StepFailed for a next_id that leads nowhere.
    """
    current: Stack | None = stack
    while current is not None:
        if current.index >= 0 and (target := current.action.next_id):
            return jump(current, target)
        if current.index + 1 < len(current.flow.actions):
            current.index += 1
            return current
        if current.resumes:
            return current.below
        current = current.below
    return None


def reachable(stack: Stack | None) -> Iterator[str]:
    """Yield the ids and UUIDs of all steps that a jump may lead to."""
    while stack is not None:
        yield from stack.flow.positions
        stack = stack.below


def jump(stack: Stack, target: str) -> Stack | None:
    """Move to the step with this id, or do what a reserved id says; None ends the run. Raises StepFailed."""
    if target == FINISH_ID:
        return None
    if target == START_ID:
        stack.index = 0
        return stack
    if target in (NEXT_ID, NO_ID):
        return _past(stack)
    current: Stack | None = stack
    while current is not None:
        position = current.flow.position(target)
        if position is not None:
            current.index = position
            return current
        current = current.below
    raise StepFailed(f"there is no step '{target}'")


def _past(stack: Stack) -> Stack | None:
    if stack.index + 1 < len(stack.flow.actions):
        stack.index += 1
        return stack
    if stack.below is None or stack.resumes:
        return stack.below
    return following(stack.below)
