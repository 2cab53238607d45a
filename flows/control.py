"""Steering a run from outside: steps pushed between two of its own, jumps, and the end of a `block`.

Whatever is asked waits for the border between two steps, so it never meets a step half done. Only a jump that is
wanted now cuts the step in hand short, which then ends like any step that is cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from flows.actions.base import Outcome
from flows.findings import error
from flows.model import NEXT_ID, NO_ID, RESERVED_IDS, Action, Flow, key_of
from flows.outside import load_flow_data
from flows.ports import StepFailed
from flows.refused import ControlRefused, StepsRefused
from flows.stack import Stack, jump, push_before, reachable

MAX_PUSHED = 20  # lists of steps that wait for the next border
MAX_ACTIONS = 500  # in one list: it is checked while calls go on


class Steered:
    """The part of a run that others steer."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._steps = 0  # begun
        self._hanging_up = False  # as the deed of the step in hand, which nothing cuts short then
        self._pushed: list[Flow] = []
        self._target = ""
        self._doing: asyncio.Task[Any] | None = None  # does the step in hand
        self._leaving = False  # the step in hand is being cut short
        self._blocked: asyncio.Future[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether it does nothing any more, or soon will not."""
        raise NotImplementedError

    @property
    def flow(self) -> Flow:
        """Return the flow of the current step."""
        return self._stack.flow

    @property
    def action(self) -> Action:
        """Return the current step; the first one before the run has begun."""
        return self._stack.flow.actions[max(self._stack.index, 0)]

    @property
    def steps(self) -> int:
        """Return how many steps have begun."""
        return self._steps

    @property
    def blocked_in(self) -> str:
        """Return the id of the `block` that the run waits in; empty: in none."""
        return self.action.id if self._blocked is not None and not self._blocked.done() else ""

    @property
    def forward(self) -> str:
        """Return the step that a jump leads to when the step in hand is done; empty: none was asked for."""
        return self._target

    def push(self, actions: object) -> None:
        """Run these actions (JSON values) when the step in hand is done, and then what would have followed it.

        Lists pushed one after the other run in that order. Raises ControlRefused where the run is over or too many
        wait, StepsRefused for faulty actions.
        """
        self._refuse_if_over()
        if len(self._pushed) >= MAX_PUSHED:
            raise ControlRefused(f"{MAX_PUSHED} lists of actions wait already")
        self._pushed.append(self.read_steps(actions, f"{self.flow.name}/pushed"))

    def jump(self, target: str, *, now: bool = False) -> None:
        """Go on at the step with this id or UUID (also a reserved one): when the step in hand is done, or `now`.

        The last jump asked for counts. Raises ControlRefused where the run is over or has no such step.
        """
        self._refuse_if_over()
        if target not in RESERVED_IDS and key_of(target) not in set(reachable(self._stack)):
            raise ControlRefused(f"there is no step '{target}' to jump to")
        self._target = target
        if not now:
            return
        if self._doing is not None and asyncio.current_task() is self._doing:
            # Asked by the step itself, which may come to its end without waiting once more.
            asyncio.get_running_loop().call_soon(self._leave, self._steps)
        else:
            self._leave(self._steps)

    def proceed(self, action_id: str = "") -> None:
        """Let the run go on that waits in a `block`, in this one if its id or UUID is given.

        Raises ControlRefused where it does not wait there.
        """
        self._refuse_if_over()
        if not self.blocked_in or self._blocked is None:
            raise ControlRefused("the run does not wait in a block")
        if action_id and key_of(action_id) not in (key_of(self.action.id), str(self.action.uuid)):
            raise ControlRefused(f"the run waits in step '{self.action.id}'")
        self._blocked.set_result(None)

    async def proceed_asked(self) -> None:
        """Wait for `proceed`."""
        self._blocked = asyncio.get_running_loop().create_future()
        try:
            await self._blocked
        finally:
            self._blocked = None

    def read_steps(self, actions: object, name: str) -> Flow:
        """Return actions (JSON values) as a flow, checked; they may lead to steps of this run.

        Raises StepsRefused.
        """
        if isinstance(actions, list) and len(actions) > MAX_ACTIONS:
            raise StepsRefused([error(self.action.origin, f"actions: has more than {MAX_ACTIONS} items")])
        document = {"name": name[:255], "actions": actions}
        flow, findings = load_flow_data(document, Path(name), outer=set(reachable(self._stack)))
        if flow is None:
            raise StepsRefused(findings)
        return flow

    async def _until_left(self, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        """Do a step to its end, or until a jump cuts it short."""
        self._doing = asyncio.current_task()
        try:
            return await work
        except (asyncio.CancelledError, StepFailed):
            if not self._leaving or self.is_over:
                raise
            return Outcome("left by a jump from outside")
        finally:
            if self._leaving and self._doing is not None:
                self._doing.uncancel()
            self._doing, self._leaving = None, False

    def _steer(self, done: Stack, then: Stack | None) -> Stack | None:
        """Return where to go on, `done` having been the step in hand and `then` being what the flow says.

        Raises StepFailed where too many flows are inside each other.
        """
        target, self._target = self._target, ""
        if target and target not in (NEXT_ID, NO_ID):
            then = jump(done, target)
        while self._pushed:  # the last one goes to the bottom
            then = push_before(then, self._pushed.pop())
        return then

    def _leave(self, step: int) -> None:
        """Cut a step short if it is still in hand."""
        in_hand = self._doing is not None and step == self._steps and not self.is_over
        if in_hand and not self._leaving and not self._hanging_up and self._doing is not None:
            self._leaving = True
            self._doing.cancel()

    def _refuse_if_over(self) -> None:
        if self.is_over:
            raise ControlRefused("the run is over")
