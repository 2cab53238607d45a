"""Calls without SIP and sound, on a real platform: what the API does with them, without a phone or a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, cast
from unittest.mock import MagicMock

import yaml

from flows import Conference, FlowSet, RunLimits, load_flow_text
from tests.calls.exchange import Exchange, settle
from tests.resources.things import FAST
from voipbin_sip.calls.background import Background
from voipbin_sip.calls.call import Address, Call, Originator
from voipbin_sip.calls.connecting import Connecting
from voipbin_sip.calls.dialer import Dialled
from voipbin_sip.calls.groupcall import Groupcalls
from voipbin_sip.calls.handover import Handover
from voipbin_sip.calls.live import LiveCalls
from voipbin_sip.calls.outgoing import OutgoingSession, Target
from voipbin_sip.calls.ringing import Ringing
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.states import Status
from voipbin_sip.calls.tones import Tone
from voipbin_sip.calls.verdict import Admitted
from voipbin_sip.events.event import Event
from voipbin_sip.flowhost import FlowHost, Parts
from voipbin_sip.platform.live import Live, Means
from voipbin_sip.platform.platform import Platform
from voipbin_sip.sip.events import Progress
from voipbin_sip.store.store import Store
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import HostGuard

T = TypeVar("T")
FLOWS = """
- name: waits
  actions:
    - {id: first, type: sleep, option: {duration: 60000}}
    - {id: second, type: sleep, option: {duration: 60000}}
- name: connects
  actions:
    - {id: to, type: connect, option: {destinations: [{type: extension, target: "2"}]}}
- name: meets
  actions:
    - {id: in, type: conference_join, option: {conference_id: weekly}}
    - {id: after, type: sleep, option: {duration: 60000}}
- name: short
  actions:
    - {type: sleep, option: {duration: 10}}
- name: ends
  actions:
    - {id: only, type: branch, option: {default_target_id: bye, variable: x}}
    - {id: bye, type: hangup, option: {reason: normal}}
"""


async def rest() -> None:
    """Let everything happen that can, also on a busy machine: turns of the loop count, not the time."""
    for _ in range(20):
        await asyncio.sleep(0.001)


class Dialling:
    """Rings phones of an office: `Office.answer` picks up, `Office.end` fails."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def ring_all(
        self,
        callees: Sequence[tuple[Address, Target]],
        originator: Originator,
        *,
        beside: CallSession | None = None,
        master: Call | None = None,
        seconds: float = 60.0,
        rang: Callable[[OutgoingSession, Progress], None] | None = None,
        placed: Callable[[OutgoingSession], None] | None = None,
    ) -> Dialled:
        sessions = [self._new(address, originator) for address, _ in callees]
        for session in sessions:
            if placed is not None:
                placed(session)
            self._office.live.begin(session, master)
        winner: OutgoingSession | None = None
        try:
            while winner is None and not all(session.finished.is_set() for session in sessions):
                await asyncio.sleep(0.001)
                for session in sessions:
                    if session.outcome.done() and not session.outcome.result():
                        session.conclude()
                winner = next((s for s in sessions if s.call.status is Status.PROGRESSING), None)
        finally:
            for session in sessions:
                if session is not winner:
                    session.hang_up("cancel")
        return Dialled(winner, "answered" if winner else "busy", 200 if winner else 486)

    def _new(self, address: Address, originator: Originator) -> OutgoingSession:
        name = address.target
        while name in self._office.calls:
            name += "'"
        session = self._office.phone(name, called=True)
        session.call.source, session.call.destination = originator.address, address
        session.call.payer, session.call.status = originator.payer, Status.DIALING
        assert isinstance(session, OutgoingSession)
        return session


class Office(Exchange):
    """All of it; `events` are those that were told."""

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__()
        media: Any = self.media
        tone = Tone(media, _no_sound)
        self.live, self.groupcalls = LiveCalls(), Groupcalls()
        dialer: Any = Dialling(self)
        this: Any = self
        ringing = Ringing(dialer, self.groupcalls)
        background = Background(tone, Tone(media, _no_sound))
        connecting = Connecting(ringing, this, self.rooms, self.bridges, tone)
        parts = self._filled(
            Parts,
            connecting=connecting,
            ringing=ringing,
            rooms=self.rooms,
            conferences=lambda name: Conference(name),
            ended_status=lambda call_id: 0,
        )
        self.web = WebClient(HostGuard(["127.0.0.1"]))
        self.platform = Platform(store, self.web, folder)
        self.flows = FlowSet(_flows(folder))
        self.platform.flows.declare(self.flows)
        self.host = FlowHost(lambda: self.platform.flows.flows, parts, RunLimits())
        handover = Handover(self.bridges, self.groupcalls, ringing, this, background, tone)
        self.events: list[Event] = []
        self.platform.ledger.listen(self.events.append)
        self.means = self._filled(
            Means,
            live=self.live,
            host=self.host,
            groupcalls=self.groupcalls,
            rooms=self.rooms,
            bridges=self.bridges,
            dialer=dialer,
            ringing=ringing,
            background=background,
            handover=handover,
        )
        self.services: Live = self.platform.attach(self.means)

    def _filled(self, kind: type[T], **parts: Any) -> T:
        """Return a dataclass of parts, the office itself standing for what looks up addresses and speaks."""
        parts = {"destinations": self, "prompts": self, **parts}
        names = [field.name for field in fields(cast(Any, kind))]
        return kind(**{name: parts[name] if name in parts else MagicMock() for name in names})

    @classmethod
    async def opened(cls, database: str, folder: Path) -> Office:
        """Open one on a database."""
        store = Store(database, FAST)
        assert await store.open()
        office = cls(store, folder)
        await office.platform.load()
        return office

    async def close(self) -> None:
        """End everything."""
        await self.means.handover.close()
        await self.host.close()
        await self.platform.close()
        await self.web.close()

    async def call_in(self, name: str, flow: str) -> CallSession:
        """Let a call come in that runs a flow."""
        session = self.new_call(name)
        self.live.begin(session)
        called = Address("tel", "100")
        session.call.destination = called
        self.host.start(session, Admitted(flow, session.call.source, called))
        await settle()
        return session

    async def answer(self, name: str) -> CallSession:
        """Let a phone that rings pick up."""
        session = self.calls[name]
        session.call.move(Status.RINGING)
        session.call.move(Status.PROGRESSING)
        await rest()
        return session

    async def press(self, name: str, digit: str) -> None:
        """Let a phone press a digit."""
        self.calls[name].info_digit(digit)
        await settle()

    def told_of(self, kind: str = "") -> list[str]:
        """Return the types of the events of a kind of resource."""
        return [event.type for event in self.events if kind in ("", event.kind)]

    # What steps ask for sound

    async def clips(self, text: str, rate: int, **_: object) -> tuple[()]:
        """Speak (sounds.prompts.Prompts)."""
        if text == "bad":
            raise ValueError("cannot be spoken")
        return ()


def _flows(folder: Path) -> list[Any]:
    found = []
    for document in yaml.safe_load(FLOWS):
        flow, findings = load_flow_text(yaml.safe_dump(document), folder / f"{document['name']}.yaml")
        assert flow is not None, findings
        found.append(flow)
    return found


def _no_sound(rate: int) -> Any:
    return None
