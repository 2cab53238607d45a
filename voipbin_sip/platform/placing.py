"""Calls that the API asks for: each rings at once, and who answers runs a flow.

Telephone numbers and SIP addresses are single calls; extensions and agents, which may have several phones, are
groupcalls (VoIPBIN's rule).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import structlog

from flows import Flow, accept_injected
from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.destinations import Destinations, NotReachable
from voipbin_sip.calls.dialer import Dialer, Dialled
from voipbin_sip.calls.groupcall import AnswerMethod, Groupcall, Groupcalls, RingMethod
from voipbin_sip.calls.live import LiveCalls
from voipbin_sip.calls.outgoing import OutgoingSession
from voipbin_sip.calls.ringing import SINGLE, Ringing, Wanted
from voipbin_sip.flowhost import FlowHost
from voipbin_sip.platform.activeflows import Activeflows
from voipbin_sip.platform.call_records import CallRecords, RunOf, call_address
from voipbin_sip.platform.groupcalls import GroupcallRecords
from voipbin_sip.platform.owners import Owners
from voipbin_sip.platform.refused import Closing, NobodyCalled
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.kinds.call import CallResource, GroupcallResource
from voipbin_sip.resources.kinds.fields import AddressField


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be called, and what happens with who answers."""

    originator: Originator
    destinations: Sequence[Address]
    flow: Flow
    flow_id: UUID = NO_UUID  # as it is shown
    variables: Mapping[str, object] = field(default_factory=dict)


class Placing:
    """Places calls for the API."""

    def __init__(
        self,
        dialer: Dialer,
        ringing: Ringing,
        destinations: Destinations,
        groupcalls: Groupcalls,
        host: FlowHost,
        calls: CallRecords,
        groups: GroupcallRecords,
        activeflows: Activeflows,
        owners: Owners,
        live: LiveCalls,
    ) -> None:
        self._live = live
        self._dialer = dialer
        self._ringing = ringing
        self._destinations = destinations
        self._groupcalls = groupcalls
        self._host = host
        self._calls = calls
        self._groups = groups
        self._activeflows = activeflows
        self._owners = owners
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("call")

    def order(
        self,
        flow_id: UUID,
        actions: Sequence[Mapping[str, object]],
        *,
        source: AddressField,
        destinations: Sequence[AddressField],
        private: bool,
        payer: str,
        variables: Mapping[str, object] | None = None,
    ) -> Order:
        """Return what a client orders; `payer` answers for what it costs. Raises NotFound, FlowRefused."""
        flow, shown = self._activeflows.flow(flow_id, actions)
        originator = Originator(call_address(source), payer, private)
        wanted = [call_address(address) for address in destinations]
        return Order(originator, wanted, flow, shown, variables or {})

    async def calls(self, order: Order) -> tuple[list[CallResource], list[GroupcallResource]]:
        """Place a call or a groupcall to each destination. Raises NobodyCalled where none can be called, Closing."""
        placed: list[OutgoingSession] = []
        groups: list[Groupcall] = []
        for address, targets in await self._reached(order):
            job = _Job(self, order, placed)
            wanted = [(address, targets)]
            if address.type in SINGLE:
                self._begin(job.ring(self._ringing.ring(wanted, order.originator, placed=job.placed)))
                continue
            places, linear = (
                self._owners.addresses(address.target) if address.type == "agent" else ([], False)
            )
            if linear:
                wanted = await self._ways(replace(order, destinations=places))
            ring = RingMethod.LINEAR if linear else RingMethod.RING_ALL
            groups.append(self._group(order, [address], wanted, job, ring))
        await asyncio.sleep(0)  # now they are placed
        calls = [self._calls.get(session.call.id) for session in placed if session.call.groupcall_id is None]
        shown = [self._groups.now(group.id) for group in groups]
        return [call for call in calls if call], [group for group in shown if group]

    async def groupcall(self, order: Order, *, linear: bool, hang_up_others: bool) -> GroupcallResource:
        """Call all destinations together, or one after the other. Raises NobodyCalled."""
        ring = RingMethod.LINEAR if linear else RingMethod.RING_ALL
        answer = AnswerMethod.HANGUP_OTHERS if hang_up_others else AnswerMethod.NONE
        reached = await self._reached(order)
        group = self._group(order, order.destinations, reached, _Job(self, order, []), ring, answer)
        await asyncio.sleep(0)
        return await self._groups.get(group.id)

    async def close(self) -> None:
        """Stop all that ring."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reached(self, order: Order) -> list[Wanted]:
        if self._live.closing:
            raise Closing("the server is about to stop and takes no more calls")
        return await self._ways(order)

    async def _ways(self, order: Order) -> list[Wanted]:
        reached: list[Wanted] = []
        faults = []
        looked_up = (self._destinations.targets(address, order.originator) for address in order.destinations)
        found = await asyncio.gather(*looked_up, return_exceptions=True)
        for address, targets in zip(order.destinations, found, strict=True):
            if isinstance(targets, NotReachable):
                self._log.warning("destination not called", why=str(targets))
                faults.append((f"{address.type} {address.target or address.target_name}", str(targets)))
            elif isinstance(targets, BaseException):
                raise targets
            else:
                reached.append((address, targets))
        if not reached:
            raise NobodyCalled(faults)
        return reached

    def _group(
        self,
        order: Order,
        destinations: Sequence[Address],
        wanted: Sequence[Wanted],
        job: _Job,
        ring: RingMethod,
        answer: AnswerMethod = AnswerMethod.HANGUP_OTHERS,
    ) -> Groupcall:
        alone = self._owners.of(destinations[0]) if len(destinations) == 1 else NO_UUID
        group = self._groupcalls.begin(
            order.originator.address,
            destinations,
            ring_method=ring,
            answer_method=answer,
            flow_id=order.flow_id,
            owner_id=alone if alone.int else None,
        )
        if answer is AnswerMethod.HANGUP_OTHERS or ring is RingMethod.LINEAR:
            ringing = self._ringing.ring(
                wanted, order.originator, linear=ring is RingMethod.LINEAR, group=group, placed=job.placed
            )
            self._begin(job.ring(ringing))
        else:
            self._ring_each(order, wanted, group, job)
        return group

    def _ring_each(self, order: Order, wanted: Sequence[Wanted], group: Groupcall, job: _Job) -> None:
        """Ring all, and serve everybody who answers."""

        def placed(session: OutgoingSession) -> None:
            self._groupcalls.add(group, session)
            job.placed(session)

        def answered(session: OutgoingSession) -> None:
            self._groupcalls.answered(group, session)

        ways = [(address, target) for address, targets in wanted for target in targets]
        waiting = [
            self._begin(job.ring(self._dialer.ring_all([way], order.originator, placed=placed), answered))
            for way in ways
        ]
        self._begin(self._settle(group, waiting))

    async def _settle(self, group: Groupcall, waiting: Sequence[asyncio.Task[None]]) -> None:
        """Close a groupcall when no call of it rings any more."""
        try:
            await asyncio.gather(*waiting, return_exceptions=True)
        finally:
            self._groupcalls.settle(group)

    def _begin(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._log.error("a call of the API broke", exc_info=fault)

    def placed(self, order: Order, session: OutgoingSession) -> UUID:
        """Enter a call's run before the call; returns its id."""
        run_id = uuid4()
        self._activeflows.announce(run_id, order.flow, order.flow_id, session.call.id)
        self._calls.expect(session.call.id, RunOf(run_id, order.flow_id))
        return run_id

    async def serve(self, order: Order, session: OutgoingSession, run_id: UUID) -> None:
        """Run the flow with who has answered."""
        variables = accept_injected(order.variables).values
        await self._host.serve_placed(session, order.flow, run_id=run_id, injected=variables)


class _Job:
    """One destination, or a group of them, on the way."""

    def __init__(self, placing: Placing, order: Order, sessions: list[OutgoingSession]) -> None:
        self._placing = placing
        self._order = order
        self._sessions = sessions
        self._runs: dict[OutgoingSession, UUID] = {}

    def placed(self, session: OutgoingSession) -> None:
        """Take a call that is about to be placed."""
        self._sessions.append(session)
        self._runs[session] = self._placing.placed(self._order, session)

    async def ring(
        self,
        ringing: Coroutine[object, object, Dialled],
        answered: Callable[[OutgoingSession], None] = lambda session: None,
    ) -> None:
        """Ring, and serve who answers."""
        session = (await ringing).session
        if session is not None:
            answered(session)
            await self._placing.serve(self._order, session, self._runs[session])
