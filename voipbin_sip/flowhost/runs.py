"""The runs that go on now: where each is, what it has done, and who wants to know of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID, uuid4

import structlog

from flows import (
    About,
    CallPort,
    Clock,
    Ended,
    Flow,
    FlowSet,
    OutgoingPort,
    Outside,
    Run,
    RunLimits,
    RunResult,
    StepBegun,
    StepRecord,
)
from flows.model import NO_ID, action_uuid
from voipbin_sip.calls.call import Call, Originator
from voipbin_sip.flowhost.address import NOBODY
from voipbin_sip.flowhost.trace import RealClock, RunTrace, ids
from voipbin_sip.logs import concerning

EXECUTED_STEPS = 500  # kept per run: older ones are forgotten
MAX_RUNS = 20_000  # that go on at one time


class TooManyRuns(Exception):  # noqa: N818 - reads as what is wrong
    """No further run can begin now."""


@dataclass(slots=True, eq=False)
class StepView:
    """A step that a run has come to, as others see it; `record` is None until it is done."""

    begun: StepBegun
    record: StepRecord | None = None

    @property
    def action(self) -> dict[str, Any]:
        """Return the action with VoIPBIN's fields, its variables filled in; the options are those written."""
        action, body = self.begun.action, self.begun.body
        option = dict(action.option)
        if body is not None:
            option = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return {
            "id": str(action.uuid),
            "next_id": str(action_uuid(self.begun.flow.uuid, action.next_id)) if action.next_id else NO_ID,
            "type": action.type,
            "option": option,
            "tm_execute": f"{self.begun.began:%Y-%m-%dT%H:%M:%S.%f}Z",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """What a run begins with."""

    flows: FlowSet
    flow: Flow
    about: About = About()  # noqa: RUF009 - frozen
    steps: CallPort | None = None  # the call as steps see it
    call: Call | None = None  # and as it is
    outgoing: OutgoingPort | None = None  # None: the call places calls
    originator: Originator = NOBODY  # for whom calls are placed by the runs that follow it
    variables: Mapping[str, str] = field(default_factory=dict)
    run_id: UUID | None = None  # None: a new one
    complete_count: int = 0


class LiveRun:
    """A run, from before its first step until it is over.

    Attributes:
        call: the call that it runs on; a run that follows it has none.
        current: the step in hand.
        executed: the steps before that, the last ones of very many.
        result: how it ended, once it is over.
    """

    def __init__(self, runs: Runs, begin: Begin, limits: RunLimits, outside: Outside) -> None:
        self.about = begin.about
        self.call = begin.call
        self.originator = begin.originator
        self.complete_count = begin.complete_count
        self.began = runs.clock.utc()
        self.current: StepView | None = None
        self.executed: deque[StepView] = deque(maxlen=EXECUTED_STEPS)
        self.result: RunResult | None = None
        self._runs = runs
        self.run = Run(
            begin.flows,
            begin.flow,
            call=begin.steps,
            clock=runs.clock,
            outgoing=begin.outgoing,
            outside=outside,
            about=begin.about,
            trace=self,
            began=self._come_to,
            variables=begin.variables,
            limits=limits,
            run_id=str(begin.run_id or uuid4()),
            complete_count=begin.complete_count,
        )
        self.id = UUID(self.run.id)
        self._trace = RunTrace(self.run.id, self.about)

    @property
    def ids(self) -> dict[str, str]:
        """Return what log lines about it are bound to."""
        return ids(str(self.id), self.about)

    @property
    def flow(self) -> Flow:
        """Return the flow that it began with."""
        return self.run.first_flow

    @property
    def is_over(self) -> bool:
        """Whether it does nothing any more, or soon will not."""
        return self.result is not None or self.run.is_over

    def step(self, record: StepRecord) -> None:
        """Take a step that is done (flows.ports.Trace)."""
        self._trace.step(record)
        if self.current is not None and self.current.begun.number == record.number:
            self.current.record = record
        self._runs.tell(self, lambda watcher: watcher.step_done(self, record))

    def over(self, result: RunResult) -> None:
        """Take its end."""
        self._leave()
        self.result = result
        self.run.leave_watchers()

    def _come_to(self, begun: StepBegun) -> None:
        self._leave()
        self.current = view = StepView(begun)
        self._runs.tell(self, lambda watcher: watcher.step_began(self, view))

    def _leave(self) -> None:
        if self.current is not None:
            self.executed.append(self.current)
            self.current = None


class Watcher(Protocol):
    """Wants to know of runs. Must not wait; what it raises is logged and changes nothing."""

    def run_began(self, live: LiveRun) -> None:
        """Take a run that is about to do its first step."""
        ...

    def step_began(self, live: LiveRun, step: StepView) -> None:
        """Take the step that a run has come to; `live.executed` holds those before it."""
        ...

    def step_done(self, live: LiveRun, record: StepRecord) -> None:
        """Take a step that is done, was skipped or failed; also one that went on in the background."""
        ...

    def run_ended(self, live: LiveRun) -> None:
        """Take a run that is over, with its result."""
        ...


class Runs:
    """All runs that go on, by id.

    Args:
        outside: gives what steps reach beyond calls.
    """

    def __init__(self, limits: RunLimits, outside: Outside | None = None, clock: Clock | None = None) -> None:
        self.watchers: list[Watcher] = []
        self.outside = outside or Outside()
        self.clock = clock or RealClock()
        self._limits = limits
        self._live: dict[UUID, LiveRun] = {}
        self._log = structlog.get_logger("flow")

    def get(self, run_id: UUID) -> LiveRun | None:
        """Return a run that goes on."""
        return self._live.get(run_id)

    def __iter__(self) -> Iterator[LiveRun]:
        return iter([*self._live.values()])

    def __len__(self) -> int:
        return len(self._live)

    def add(self, begin: Begin) -> LiveRun:
        """Take up a run that `execute` is to run. Raises TooManyRuns, also where one of its id goes on."""
        if begin.run_id in self._live:
            raise TooManyRuns(f"a run {begin.run_id} goes on already")
        if len(self._live) >= MAX_RUNS:
            raise TooManyRuns(f"{MAX_RUNS} runs go on already")
        live = LiveRun(self, begin, self._limits, self.outside)
        self._live[live.id] = live
        self.tell(live, lambda watcher: watcher.run_began(live))
        return live

    async def execute(self, live: LiveRun) -> RunResult:
        """Run to the end. Raises what `Run.execute` does."""
        try:
            with concerning(**live.ids):
                return await live.run.execute()
        finally:
            self.end(live)

    def end(self, live: LiveRun) -> None:
        """Forget a run that is over, or will never be executed."""
        if self._live.pop(live.id, None) is not None:
            live.over(live.run.finished or RunResult(Ended.CANCELLED, "never begun", 0, {}))
            self.tell(live, lambda watcher: watcher.run_ended(live))

    def tell(self, live: LiveRun, news: Callable[[Watcher], None]) -> None:
        """Tell all watchers something of a run."""
        for watcher in self.watchers:
            try:
                news(watcher)
            except Exception:
                self._log.exception("a watcher of runs failed", **live.ids)
