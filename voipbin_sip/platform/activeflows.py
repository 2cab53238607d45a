"""Runs of flows as resources: kept up to date while they go on, begun and steered by the API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from flows import (
    About,
    ControlRefused,
    Flow,
    RunResult,
    StepRecord,
    StepsRefused,
    accept_injected,
)
from flows.model import START_ID
from voipbin_sip.calls.call import Call
from voipbin_sip.calls.session import CallSession
from voipbin_sip.flowhost import FlowHost, LiveRun, StepView, TooManyRuns
from voipbin_sip.flowhost.address import NOBODY
from voipbin_sip.platform.call_records import CallRecords, RunOf
from voipbin_sip.platform.entries import Unfit
from voipbin_sip.platform.flow_book import FlowBook, FlowRefused, compile_flow, with_ids
from voipbin_sip.platform.hooks import Hooks
from voipbin_sip.platform.refused import WrongState
from voipbin_sip.platform.step_values import StepValues
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.catalogue import NotFound
from voipbin_sip.resources.history import History
from voipbin_sip.resources.kinds.call import CallResource
from voipbin_sip.resources.kinds.customer import WebhookMethod
from voipbin_sip.resources.kinds.flow import ActiveflowResource, FlowResource
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.resources.stamps import stamp_text

SHOWN_STEPS = 100  # of those executed: the last ones
STOP_SECONDS = 2.0  # that a run has to end when it is told to
FIRST: dict[str, Any] = {"id": START_ID, "next_id": str(NO_UUID), "type": "", "option": {}}


class Activeflows:
    """Watches runs (flowhost.Watcher), and does with them what the API asks.

    `sessions` gives the calls that are not over.
    """

    def __init__(
        self,
        ledger: Ledger,
        history: History,
        hooks: Hooks,
        flows: FlowBook,
        host: FlowHost,
        calls: CallRecords,
        sessions: Callable[[UUID], CallSession | None],
    ) -> None:
        self._sessions = sessions
        self._ledger = ledger
        self._history = history
        self._hooks = hooks
        self._flows = flows
        self._host = host
        self._calls = calls
        self._live: dict[UUID, ActiveflowResource] = {}
        self._over: dict[UUID, asyncio.Event] = {}  # of runs that somebody waits for
        self._values = StepValues()
        host.runs.watchers.append(self)
        calls.ended.append(self._call_over)

    # What flows there are

    def flow(self, flow_id: UUID, actions: Sequence[Mapping[str, Any]]) -> tuple[Flow, UUID]:
        """Return the flow that a client wants to run, and the id that is shown of it: zero for bare actions.

        Raises NotFound, FlowRefused, Unfit.
        """
        if flow_id.int:
            flow = self._flows.find(flow_id)
            if flow is None:
                raise NotFound("flow", flow_id)
            return flow, flow_id
        if not actions:
            raise Unfit([("actions", "name a flow_id, or give actions")])
        return compile_flow(FlowResource(id=NO_UUID, name="actions", actions=with_ids(actions))), NO_UUID

    # What the API asks

    async def start(
        self,
        flow: Flow,
        shown: UUID,
        *,
        variables: Mapping[str, object],
        payer: str,
        run_id: UUID = NO_UUID,
        webhook: tuple[WebhookMethod, str] = ("", ""),
    ) -> ActiveflowResource:
        """Begin a run without a call; `webhook` is method and URI of its own. Raises WrongState, StoreUnavailable.

        `payer` answers for the calls that it places.
        """
        id_ = run_id if run_id.int else uuid4()
        if run_id.int:
            await self._refuse_known(run_id)
        self._hooks.add_run(id_, *webhook)
        self._announce(
            ActiveflowResource(
                id=id_, flow_id=shown, reference_type="api", webhook_method=webhook[0], webhook_uri=webhook[1]
            ),
            flow,
        )
        try:
            self._host.run(
                flow,
                about=About("api"),
                originator=replace(NOBODY, payer=payer),
                variables=accept_injected(variables).values,
                run_id=id_,
            )
        except TooManyRuns as error:
            self._close(id_)
            raise WrongState(str(error)) from error
        return self._live[id_]

    async def _refuse_known(self, id_: UUID) -> None:
        with suppress(NotFound):
            await self._history.get(ActiveflowResource, id_)
            raise WrongState(f"there is an activeflow {id_} already")

    def announce(self, run_id: UUID, flow: Flow, shown: UUID, call_id: UUID) -> None:
        """Enter a run that begins when a call, which is about to be placed for it, is answered."""
        record = ActiveflowResource(id=run_id, flow_id=shown, reference_type="call", reference_id=call_id)
        self._announce(record, flow)

    async def stop(self, id_: UUID) -> ActiveflowResource:
        """End a run. Raises NotFound, WrongState where it is over, StoreUnavailable."""
        record = await self._history.get(ActiveflowResource, id_)
        live = self._host.runs.get(id_)
        if live is None and id_ not in self._live:
            raise WrongState(f"the activeflow {id_} is over")
        await self._end(id_, live)
        return await self._history.get(ActiveflowResource, record.id)

    async def delete(self, id_: UUID) -> ActiveflowResource:
        """End a run if it goes on, and mark it as deleted. Raises NotFound, StoreUnavailable."""
        record = await self._history.get(ActiveflowResource, id_)
        if record.tm_delete is not None:
            raise NotFound("activeflow", id_)
        if id_ in self._live:
            await self._end(id_, self._host.runs.get(id_))
            record = await self._history.get(ActiveflowResource, id_)
        return self._history.delete(record, "activeflow_deleted")

    async def proceed(self, id_: UUID, action_id: str) -> ActiveflowResource:
        """Let a run go on that waits in a `block`. Raises NotFound, WrongState, StoreUnavailable."""
        return await self._steer(id_, lambda live: live.run.proceed(action_id))

    async def push(self, id_: UUID, actions: Sequence[Mapping[str, Any]]) -> ActiveflowResource:
        """Run actions between two steps of a run. Raises NotFound, WrongState, FlowRefused, StoreUnavailable."""
        return await self._steer(id_, lambda live: live.run.push(actions))

    async def jump(self, id_: UUID, action_id: str, *, now: bool) -> ActiveflowResource:
        """Let a run go on elsewhere. Raises NotFound, WrongState, StoreUnavailable."""
        return await self._steer(id_, lambda live: live.run.jump(action_id, now=now))

    # What runs tell (flowhost.Watcher)

    def run_began(self, live: LiveRun) -> None:
        """Enter a run, unless it was announced."""
        record = self._live.get(live.id)
        if record is None:
            known = self._flows.find(live.flow.uuid) is not None
            record = ActiveflowResource(
                id=live.id,
                flow_id=live.flow.uuid if known else NO_UUID,
                reference_type=live.about.reference_type,  # type: ignore[arg-type]
                reference_id=_uuid(live.about.reference_id),
                reference_activeflow_id=_uuid(live.about.activeflow_id),
            )
            record = self._announce(record, live.flow)
        if live.call is not None:
            self._calls.run_began(live.call.id, RunOf(live.id, record.flow_id))

    def step_began(self, live: LiveRun, step: StepView) -> None:
        """Note the step that a run has come to."""
        if (record := self._live.get(live.id)) is None:
            return
        before = record.current_action
        executed = record.executed_actions + ([before] if before["id"] != START_ID else [])
        action = step.action
        self._put(
            record,
            current_action=action,
            executed_actions=executed[-SHOWN_STEPS:],
            forward_action_id=_uuid(live.run.forward),
        )
        if live.call is not None:
            self._calls.step_began(live.call.id, action)

    def step_done(self, live: LiveRun, record: StepRecord) -> None:
        """Tell of a step."""
        if (resource := self._live.get(live.id)) is not None:
            values = self._values.shown(live.id, record.variables)
            self._ledger.note(resource, "activeflow_step", _step(live, record, values))

    def run_ended(self, live: LiveRun) -> None:
        """Note the end of a run."""
        self._close(live.id, live.result)
        self._values.forget(live.id)
        if live.call is None or live.call.is_over:
            self._hooks.remove_run(live.id)

    def _call_over(self, call: Call, record: CallResource) -> None:
        """Close a run that never began, since its call was not answered."""
        id_ = record.activeflow_id
        if self._host.runs.get(id_) is None:
            self._close(id_)
            self._hooks.remove_run(id_)

    # How it is done

    def _announce(self, record: ActiveflowResource, flow: Flow) -> ActiveflowResource:
        follows = self._flows.flows.get(flow.on_complete_flow_id) if flow.on_complete_flow_id else None
        record = self._live[record.id] = self._history.begin(
            record.changed(
                status="running",
                current_action=FIRST,
                on_complete_flow_id=follows.uuid if follows is not None else NO_UUID,
            ),
            "activeflow_created",
        )
        return record

    def _put(self, record: ActiveflowResource, **fields: Any) -> None:
        self._live[record.id] = self._history.put(record, "activeflow_updated", **fields)

    def _close(self, id_: UUID, result: RunResult | None = None) -> None:
        record = self._live.pop(id_, None)
        if record is not None:
            before = record.current_action
            executed = record.executed_actions + ([before] if before["id"] != START_ID else [])
            self._history.put(
                record, "activeflow_updated", status="ended", executed_actions=executed[-SHOWN_STEPS:]
            )
        if (over := self._over.pop(id_, None)) is not None:
            over.set()

    async def _end(self, id_: UUID, live: LiveRun | None) -> None:
        """End a run and wait until it has ended; one that waits for its call to be answered ends with that."""
        over = self._over.setdefault(id_, asyncio.Event())
        if live is not None:
            live.run.stop("stopped by the API")
        else:
            self._give_up(self._live[id_])
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await over.wait()
        except TimeoutError:
            self._over.pop(id_, None)

    def _give_up(self, record: ActiveflowResource) -> None:
        session = self._sessions(record.reference_id)
        if session is not None:
            session.hang_up("normal", "its flow was stopped")
        else:
            self._close(record.id)

    async def _steer(self, id_: UUID, deed: Callable[[LiveRun], None]) -> ActiveflowResource:
        record = await self._history.get(ActiveflowResource, id_)
        live = self._host.runs.get(id_)
        if live is None:
            raise WrongState(f"the activeflow {id_} does not run")
        try:
            deed(live)
        except ControlRefused as error:
            raise WrongState(str(error)) from error
        except StepsRefused as error:
            raise FlowRefused(error.findings, unknown_type=False) from error
        return self._live.get(id_) or record


def _step(live: LiveRun, record: StepRecord, values: Mapping[str, str]) -> dict[str, Any]:
    """Return what is told of a step: for traces, never what callers typed or said."""
    return {
        "activeflow_id": str(live.id),
        "reference_id": live.about.reference_id,
        "number": record.number,
        "flow": record.flow,
        "step": record.step_id,
        "type": record.type,
        "at": str(record.origin) if record.origin else "",
        "outcome": record.outcome,
        "detail": record.detail,
        "seconds": round(record.seconds, 3),
        "tm_execute": stamp_text(record.started),
        "variables": sorted(record.variables),
        "values": values,
    }


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return NO_UUID
