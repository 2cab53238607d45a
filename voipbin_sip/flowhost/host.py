"""Starts a run for each call, and the runs that follow it; places calls that flows ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import structlog

from flows import About, Flow, FlowSet, Outside, Run, RunLimits, RunResult
from flows.ports import StepFailed
from voipbin_sip.calls.call import Address, Call, Originator
from voipbin_sip.calls.destinations import NotReachable
from voipbin_sip.calls.dialplan import Meaning
from voipbin_sip.calls.incoming import IncomingSession
from voipbin_sip.calls.outgoing import OutgoingSession, Target
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.verdict import Admitted
from voipbin_sip.flowhost.address import NOBODY
from voipbin_sip.flowhost.direct import conference_flow, connecting_flow, room_flow
from voipbin_sip.flowhost.nocall import NoCallSteps
from voipbin_sip.flowhost.reference import call_as_json
from voipbin_sip.flowhost.runs import Begin, LiveRun, Runs, TooManyRuns
from voipbin_sip.flowhost.steps import CallSteps, Parts, nothing
from voipbin_sip.logs import concerned
from voipbin_sip.sip.events import Progress
from voipbin_sip.speech import Prompt

RING_AFTER = 0.05  # seconds: a flow that has not answered by then lets the caller hear ringing


def spoken_prompts(flows: FlowSet) -> list[Prompt]:
    """Return what the `talk` steps of all flows say."""
    return [
        Prompt(
            str(action.option.get("text", "")),
            str(action.option.get("language") or "en-US"),
            str(action.option.get("provider") or ""),
            str(action.option.get("voice_id") or ""),
        )
        for flow in flows
        for action in flow.every_action()
        if action.type == "talk"
    ]


class FlowHost:
    """Runs flows on calls.

    Args:
        flows: gives the flows of now; each run keeps the set that it started with.
        outside: what steps reach beyond calls.

    Attributes:
        runs: those that go on, for who watches or steers them.
        reference_data: returns a call as JSON, for `voipbin.flow.reference_data`.
    """

    def __init__(
        self,
        flows: Callable[[], FlowSet],
        parts: Parts,
        limits: RunLimits,
        outside: Outside | None = None,
    ) -> None:
        self._flows = flows
        self._parts = parts
        self.runs = Runs(limits, outside)
        parts.recording.run = self.run
        self.reference_data: Callable[[Call], str] = call_as_json
        self._tasks: set[asyncio.Task[None]] = set()
        self._served: dict[CallSession, _Served] = {}

    def start(self, session: IncomingSession, admitted: Admitted) -> None:
        """Run the flow of a new call."""
        flow = self._flow(admitted)
        if flow is None:  # deleted, while the number has stayed
            session.log.warning("there is no such flow", flow=admitted.flow)
            session.refuse(404, "Flow not found")
            return
        self._begin(self._serve(session, flow))
        asyncio.get_running_loop().call_later(RING_AFTER, session.ring)

    def divert(self, session: CallSession, meaning: Meaning) -> None:
        """Let a call run from now on what was dialled for it, instead of the run that it has."""
        flow = self._flow(meaning)
        if flow is None:
            session.log.warning("there is no such flow", flow=meaning.flow)
            session.refuse(404, "Flow not found")
            return
        self._begin(self._divert(session, flow, meaning.called))

    def enter_room(self, session: CallSession, room: str) -> None:
        """Let a call sit in a room (`rooms.Room.name`) from now on, instead of the run that it has."""
        self._begin(self._divert(session, room_flow(room), session.call.destination))

    async def _divert(self, session: CallSession, flow: Flow, destination: Address) -> None:
        served = self._served.get(session)
        if served is not None:
            served.steps.let_go()
            served.run.stop("the call was transferred")
            await served.over.wait()
            self._served.pop(session, None)
        await self._serve(session, flow, destination)

    def _flow(self, dialled: Admitted | Meaning) -> Flow | None:
        if dialled.connect is not None:
            return connecting_flow(dialled.connect)
        if dialled.conference:
            return conference_flow(dialled.conference)
        return self._flows().get(dialled.flow)

    async def place(
        self,
        parent: CallSession | None,
        originator: Originator,
        destinations: Sequence[Address],
        flow: Flow,
        *,
        chained: bool,
        early_execution: bool,
    ) -> None:
        """Begin a call to each destination; who answers gets `flow`.

        `chained`: the calls end with `parent`, where there is one. `early_execution`: the flow begins when it
        rings. Raises StepFailed where nobody can be called at all.
        """
        log = parent.log if parent is not None else structlog.get_logger("flow").bind(**concerned())
        reachable, problems = [], []
        for destination in destinations:
            try:
                reachable.append(
                    (destination, await self._parts.destinations.targets(destination, originator))
                )
            except NotReachable as error:
                problems.append(str(error))
                log.warning("destination not called", why=str(error))
        if not reachable:
            raise StepFailed("; ".join(problems) or "no destination")
        for destination, targets in reachable:
            master = parent if chained else None
            work = self._place_one(
                targets, originator, destination, flow, master.call if master else None, early=early_execution
            )
            self._begin(_until_over(master, work) if master is not None else work)

    async def _place_one(
        self,
        targets: Sequence[Target],
        originator: Originator,
        destination: Address,
        flow: Flow,
        master: Call | None,
        *,
        early: bool,
    ) -> None:
        """Ring one destination and run the flow with whoever answers."""
        runs: dict[OutgoingSession, asyncio.Task[None]] = {}

        def rang(session: OutgoingSession, event: Progress) -> None:
            if early and session not in runs:
                runs[session] = self._begin(self._serve(session, flow))

        dialled = await self._parts.ringing.ring_all(
            targets, originator, destination, master=master, rang=rang
        )
        session = dialled.session
        if session is None:
            return
        try:
            await (runs[session] if session in runs else self._serve(session, flow))
        finally:
            if session not in self._served:  # a transfer has not given it another run
                session.hang_up("normal")

    async def serve_placed(
        self, session: OutgoingSession, flow: Flow, *, run_id: UUID, injected: Mapping[str, str]
    ) -> None:
        """Run a flow on a call that was placed for it and has been answered; it is hung up at the end.

        `injected`: variables from outside (see flows.accept_injected).
        """
        try:
            await self._serve(session, flow, run_id=run_id, injected=injected)
        finally:
            if session not in self._served:  # a transfer has not given it another run
                session.hang_up("normal")

    def _begin(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def run(
        self,
        flow: Flow,
        *,
        about: About,
        originator: Originator = NOBODY,
        variables: Mapping[str, str] | None = None,
        run_id: UUID | None = None,
    ) -> LiveRun:
        """Begin a run without a call, and return it at once. Raises TooManyRuns.

        Args:
            originator: for whom its `call` steps place calls.
            variables: those inherited and those injected (see flows.accept_injected).
        """
        begin = Begin(
            flows=self._flows(),
            flow=flow,
            about=about,
            outgoing=NoCallSteps(self.place, originator),
            originator=originator,
            variables=variables or {},
            run_id=run_id,
        )
        live = self.runs.add(begin)
        self._begin(self._run_alone(live))
        return live

    async def _run_alone(self, live: LiveRun) -> None:
        try:
            await self._follow_up(live, await self.runs.execute(live))
        except Exception:
            structlog.get_logger("flow").exception("flow broke", flow=live.flow.name, **live.ids)
        finally:
            self.runs.end(live)

    async def _serve(
        self,
        session: CallSession,
        flow: Flow,
        destination: Address | None = None,
        *,
        run_id: UUID | None = None,
        injected: Mapping[str, str] | None = None,
    ) -> None:
        """Run a flow on a call, and then what it names with on_complete_flow_id.

        `destination`: whom the run believes to have been called, where that is not whom the call was for at first.
        """
        if session.call.is_over:  # it was cancelled before this task had its turn
            return
        call, steps = session.call, CallSteps(session, self._parts, self.place)
        begin = Begin(
            flows=self._flows(),
            flow=flow,
            about=About("call", str(call.id), data=lambda: self.reference_data(call)),
            steps=steps,
            call=call,
            originator=call.originator(),
            variables={**(injected or {}), **_first_variables(call, destination)},
            run_id=run_id,
        )
        try:
            live = self.runs.add(begin)
        except TooManyRuns as error:
            session.log.error("no run for the call", why=str(error))
            session.refuse(503, "")
            return
        run = live.run
        call.run_id = run.id
        session.log = session.log.bind(run=run.id)
        # VoIPBIN's order: a run that has come to its end is over before its call is.
        steps.hanging_up = lambda: self.runs.end(live) if run.finished is not None else None
        session.pressed = run.digit
        session.over = lambda: run.stop("call ended")
        served = self._served[session] = _Served(run, steps)
        try:
            try:
                result = await self.runs.execute(live)
            finally:
                steps.hanging_up = nothing  # the other one leads back here
                served.over.set()
                if self._served.get(session) is served and not steps.has_let_go:
                    del self._served[session]
            await self._follow_up(live, result)
        except Exception:
            session.log.exception("flow broke", flow=flow.name)
            if not steps.has_let_go:
                session.refuse(500, "Internal error")

    async def _follow_up(self, live: LiveRun, result: RunResult) -> None:
        """Run what a flow names with on_complete_flow_id, without the call."""
        while result.next_flow is not None:
            begin = Begin(
                flows=live.run.flows,
                flow=result.next_flow,
                about=replace(live.about, activeflow_id=str(live.id)),
                outgoing=NoCallSteps(self.place, live.originator),
                originator=live.originator,
                variables=result.variables,
                complete_count=result.complete_count,
            )
            live = self.runs.add(begin)
            result = await self.runs.execute(live)

    async def close(self) -> None:
        """Stop all runs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for live in self.runs:  # those that had not had their turn
            self.runs.end(live)


@dataclass(slots=True, eq=False)
class _Served:
    """A call's run."""

    run: Run
    steps: CallSteps
    over: asyncio.Event = field(default_factory=asyncio.Event)


def _first_variables(call: Call, destination: Address | None) -> dict[str, str]:
    """Return what a run on a call starts with."""
    called = destination.variables("voipbin.call.destination") if destination is not None else {}
    return {**call.variables(), **called}


async def _until_over(parent: CallSession, work: Coroutine[object, object, None]) -> None:
    """Do some work, but no longer than a call lasts."""
    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(parent.finished.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
