"""Runs a flow: one `Run` for each call (or for no call), from its first step to its end.

The run keeps the flow set it was given, so a reload changes nothing for it. Between two steps that do not wait
nothing else runs, so digits and branches cannot fall between. What the world does goes through `flows.ports`; what
others want of the run (`flows.control`) happens between two steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from flows.actions.base import ActionType, Media, Outcome
from flows.beginning import About, first_variables
from flows.control import Steered
from flows.course import Course, after_failure, after_step
from flows.digits import Digits
from flows.model import Action, Flow, FlowSet
from flows.ports import (
    CallPort,
    Clock,
    OutgoingPort,
    Outside,
    StepBegun,
    StepFailed,
    StepRecord,
    Trace,
)
from flows.result import Ended, Limits, RunResult
from flows.stack import Stack, following
from flows.variables import RESERVED_PREFIX, Values, Variables

__all__ = ["About", "Ended", "Limits", "Run", "RunResult"]

FRAME = 0.02  # seconds; a step that took at least one frame of sound has waited
OVER = frozenset({"terminating", "canceling", "hangup"})  # statuses of a call that needs no hanging up


class Run(Steered):
    """One execution of a flow. Call `execute` once; everything else may come at any time.

    Args:
        call: the call that it runs on; None: steps that need one are skipped.
        outgoing: what places calls; None: the call.
        outside: what it reaches beyond calls.
        began: is told each step that the run comes to, before it is done; must not raise and must not wait.
        variables: what it starts with, beside those of `about`.
        complete_count: how many runs came before it by `on_complete_flow_id`.
    """

    def __init__(
        self,
        flows: FlowSet,
        flow: Flow,
        *,
        call: CallPort | None,
        clock: Clock,
        outgoing: OutgoingPort | None = None,
        outside: Outside | None = None,
        about: About | None = None,
        trace: Trace | None = None,
        began: Callable[[StepBegun], None] | None = None,
        variables: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        run_id: str = "",
        complete_count: int = 0,
    ) -> None:
        super().__init__(Stack(flow))
        self.id = run_id or str(uuid4())
        self.flows = flows
        self.first_flow = flow
        self.clock = clock
        self.about = about or About.of(variables or {})
        self.variables = Variables(
            first_variables(
                self.id, flow, self.about, variables or {}, complete_count, has_call=call is not None
            )
        )
        self.digits = Digits(self.variables)
        self.outside = outside or Outside()
        self.finished: RunResult | None = None
        self._call = call
        self._outgoing = outgoing or call
        self._trace = trace
        self._began = began
        self._limits = limits or Limits()
        self._complete_count = complete_count
        self._unwaited = 0
        self._stop_reason: str | None = None
        self._begun = False
        self._work: asyncio.Task[tuple[Ended, str]] | None = None
        self._background: set[asyncio.Task[object]] = set()

    @property
    def call(self) -> CallPort:
        """Return the call. Steps of Media.CALL run only where there is one."""
        if self._call is None:
            raise StepFailed("this run has no call")
        return self._call

    @property
    def outgoing(self) -> OutgoingPort:
        """Return what places calls: the given one, else the call."""
        if self._outgoing is None:
            raise StepFailed("this run cannot place calls")
        return self._outgoing

    @property
    def values(self) -> Mapping[str, str]:
        """Return what `${name}` stands for: the system variables that the flow was given come first."""
        given = {name: v for name, v in self.flow.given.items() if name.startswith(RESERVED_PREFIX)}
        reference = self.about.data
        return Values(self.variables, given, reference) if given or reference else self.variables

    @property
    def reference_id(self) -> str:
        """Return the id of what the run is about."""
        return self.about.reference_id

    @property
    def is_over(self) -> bool:
        """Whether it does nothing any more, or soon will not."""
        done = self._work is not None and self._work.done()
        return done or self.finished is not None or self._stop_reason is not None

    def digit(self, digit: str) -> None:
        """Take one digit that the caller typed."""
        if self.finished is None:
            self.digits.press(digit)

    def stop(self, reason: str) -> None:
        """End the run soon: the call is over, or someone wants it. A second call changes nothing."""
        if self._stop_reason is None and self.finished is None:
            self._stop_reason = reason
            if self._work is not None and not self._hanging_up:
                self._work.cancel()

    async def execute(self) -> RunResult:
        """Run to the end, hang the call up if it is still there, and say how it ended.

        An unexpected fault of a port ends the run like a failed step and is raised when all is cleaned up.
        """
        if self._begun:
            raise RuntimeError("a run is executed once")
        self._begun = True
        self._work = asyncio.ensure_future(self._run())
        if self._stop_reason is not None:
            self._work.cancel()
        try:
            await asyncio.wait((self._work,))
        except asyncio.CancelledError:
            self._stop_reason = self._stop_reason or "cancelled"
            self.finished = RunResult(Ended.CANCELLED, self._stop_reason, self._steps, dict(self.variables))
            raise
        finally:
            await self._clean_up()
        fault: BaseException | None = None
        if self._work.cancelled():
            ended, reason = Ended.CANCELLED, self._stop_reason or "cancelled"
        else:
            fault = self._work.exception()
            ended, reason = (Ended.FAILED, "internal error") if fault is not None else self._work.result()
        self.finished = self._result(ended, reason)
        self._work = None  # it holds a traceback that leads back here
        await self._hang_up()
        if fault is not None:
            raise fault
        return self.finished

    def leave_watchers(self) -> None:
        """Tell nobody of anything any more: who watches a run mostly holds it, and both are freed at once so."""
        self._trace = self._began = None

    async def hang_up(self, reason: str, *, reference_id: str = "", status: int = 0) -> None:
        """Hang up as the deed of the current step, which the end of the call then does not cancel."""
        self._hanging_up = True
        try:
            await self.call.hang_up(reason, reference_id=reference_id, status=status)
        finally:
            self._hanging_up = False

    def count_down(self, count: int) -> bool:
        """Use up one of the times that the current step may jump; `count` of them at first."""
        left = self._stack.counts.get(self._stack.index, count)
        if left <= 0:
            return False
        self._stack.counts[self._stack.index] = left - 1
        return True

    def in_background(self, work: Coroutine[Any, Any, object]) -> None:
        """Let work of the current step go on beside the following ones."""
        task = asyncio.ensure_future(work)
        number, flow, action, began = self._steps, self.flow, self.action, self.clock.utc()
        self._background.add(task)

        def done(task: asyncio.Task[object]) -> None:
            self._background.discard(task)
            if not task.cancelled() and (fault := task.exception()) is not None:
                detail = f"in the background: {_fault_text(fault)}"
                self._record(number, flow, action, began, "failed", detail)

        task.add_done_callback(done)

    async def _run(self) -> tuple[Ended, str]:
        stack = self._steer(self._stack, following(self._stack))
        while stack is not None:
            self._stack = stack
            verdict = await self._step(stack)
            if isinstance(verdict, tuple):
                return verdict
            try:
                stack = self._steer(stack, verdict)
            except StepFailed as fault:
                return Ended.FAILED, str(fault)
        return Ended.FINISHED, "end of the flow"

    async def _step(self, stack: Stack) -> Course:
        """Run the step in hand and return the stack to go on with, or how the run ends."""
        action = stack.action
        self._steps += 1
        self._unwaited += 1
        began, began_utc = self.clock.now(), self.clock.utc()
        outcome, detail = "done", ""
        goes_to: Course = None
        try:
            came = await self._do(action, began_utc)
            detail = came.detail
            goes_to, outcome = after_step(stack, came, self.flows)
        except _LimitReached as fault:
            outcome, detail = "failed", str(fault)
            goes_to = Ended.FAILED, f"{action.origin}: {detail}"
        except StepFailed as fault:
            outcome, detail = "failed", str(fault)
            goes_to = after_failure(stack, detail)
        except asyncio.CancelledError:
            outcome, detail = "ended", self._stop_reason or "cancelled"
            raise
        except Exception as fault:
            outcome, detail = "failed", _fault_text(fault)
            raise
        finally:
            seconds = self.clock.now() - began
            if seconds >= FRAME:
                self._unwaited = 0
            self._record(self._steps, stack.flow, action, began_utc, outcome, detail, seconds)
        return goes_to

    async def _do(self, action: Action, began: datetime) -> Outcome:
        if self._steps > self._limits.steps:
            raise _LimitReached(f"more than {self._limits.steps} steps in one run")
        if self._unwaited > self._limits.steps_without_waiting:
            raise _LimitReached(f"more than {self._limits.steps_without_waiting} steps without waiting")
        needless = self._needless(action)
        try:
            body = action.filled(self.values)
        except StepFailed:
            self._begin(action, None, began)
            if needless:
                return needless
            raise
        self._begin(action, body, began)
        return needless or await self._until_left(body.execute(self))

    def _begin(self, action: Action, body: ActionType | None, began: datetime) -> None:
        if self._began is not None:
            self._began(StepBegun(self._steps, self.flow, action, body, began))

    def _needless(self, action: Action) -> Outcome | None:
        """Return why a step does not belong into this run, None where it does."""
        if action.kind.media is Media.CALL and self._call is None:
            return Outcome("needs a call, this run has none", skipped=True)
        if action.kind.media is Media.NO_CALL and (self._call is not None or not self.about.is_no_call):
            return Outcome("is only for runs about something that is no call", skipped=True)
        return None

    def _result(self, ended: Ended, reason: str) -> RunResult:
        name = self.first_flow.on_complete_flow_id
        may_go_on = self._complete_count < self._limits.follow_ups
        next_flow = self.flows.get(name) if name and may_go_on else None
        return RunResult(
            ended, reason, self._steps, dict(self.variables), next_flow, self._complete_count + 1
        )

    async def _hang_up(self) -> None:
        if self._call is not None and self._call.status() not in OVER:
            await self._call.hang_up("normal")

    async def _clean_up(self) -> None:
        tasks: list[asyncio.Task[Any]] = [*self._background]
        if self._work is not None and not self._work.done():
            tasks.append(self._work)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _record(
        self,
        number: int,
        flow: Flow,
        action: Action,
        began: datetime,
        outcome: str,
        detail: str,
        seconds: float = 0.0,
    ) -> None:
        if self._trace is not None:
            # A late record of a step in the background does not take the changes of the current one.
            changes = self.variables.take_changes() if number == self._steps else {}
            self._trace.step(
                StepRecord(
                    run_id=self.id,
                    number=number,
                    flow=flow.name,
                    step_id=action.id,
                    type=action.type,
                    origin=action.origin,
                    started=began,
                    seconds=seconds,
                    outcome=outcome,
                    detail=detail,
                    variables=changes,
                )
            )


class _LimitReached(Exception):  # noqa: N818 - reads as what happened to the run
    """The run has used up what it may."""


def _fault_text(fault: BaseException) -> str:
    return str(fault) if isinstance(fault, StepFailed) else f"internal error: {type(fault).__name__}"
