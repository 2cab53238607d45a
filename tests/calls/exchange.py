"""A telephone exchange without SIP and sound: real bridges, rooms, places and transfers between calls made by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from media.client import LegStats, WorkerLost
from voipbin_sip.calls.bridge import Bridges
from voipbin_sip.calls.call import Address, Call, Originator
from voipbin_sip.calls.destinations import NotReachable
from voipbin_sip.calls.dialer import Dialled
from voipbin_sip.calls.dialplan import Meaning
from voipbin_sip.calls.incoming import IncomingSession
from voipbin_sip.calls.outgoing import OutgoingSession, Target
from voipbin_sip.calls.places import Places
from voipbin_sip.calls.rooms import Rooms
from voipbin_sip.calls.session import CallLimits, CallSession
from voipbin_sip.calls.states import Direction, Status
from voipbin_sip.calls.tones import Tone
from voipbin_sip.calls.transfers import Transfers
from voipbin_sip.sip.dialog import Dialog
from voipbin_sip.sip.events import Ended, Hop, Progress, Transfer
from voipbin_sip.sip.replaces import Replaces
from voipbin_sip.sip.uri import Uri

HOP = Hop("UDP", ("192.0.2.1", 5060), ("192.0.2.2", 5060))


@dataclass(eq=False)
class FakePlayout:
    stopped: bool = False

    def stop(self) -> None:
        self.stopped = True


@dataclass(eq=False)
class FakeLeg:
    """The media leg of a call: in which room it is, and what plays."""

    room: object = None
    lost: bool = False
    muted: str = ""
    played: list[FakePlayout] = field(default_factory=list)
    final: asyncio.Future[object] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def play(self, clips: object, *, loop: bool = False, urgent: bool = False) -> FakePlayout:
        self.played.append(FakePlayout())
        return self.played[-1]

    def join(self, room: object) -> None:
        if self.lost:
            raise WorkerLost("the media worker is full")
        self.room = room

    def leave(self) -> None:
        self.room = None

    def mute(self, direction: str) -> None:
        self.muted = direction

    def other_digit(self, digit: str) -> None:
        pass

    def stats(self) -> LegStats:
        return LegStats(*([0] * len(LegStats._fields)))

    @property
    def plays(self) -> bool:
        return any(not playout.stopped for playout in self.played)


class FakeSound:
    rate = 8000
    description = "an answer"
    holding = False
    agreed = None  # offers and answers are words here

    def offer(self) -> object:
        return "sendonly" if self.holding else "sendrecv"

    def __init__(self) -> None:
        self.leg = FakeLeg()

    def accept(self, answer: object, *, final: bool = True) -> None:
        pass

    def begin(self) -> None:
        pass

    def close(self) -> None:
        self.leg.room = None


class FakeMedia:
    def room(self) -> object:
        return object()

    def add_clip(self, pcm: object, rate: int) -> object:
        return object()


class FakeCore:
    """Notes orders; hanging up ends the call a moment later, as with the real core."""

    def __init__(self) -> None:
        self.told: dict[str, list[tuple[int, bool]]] = {}
        self.refused: dict[str, int] = {}
        self.offered: list[tuple[str, object]] = []
        self.names: dict[Replaces, str] = {}
        self.ended: Callable[[str], None] = lambda leg: None
        self.dialogs: dict[str, Dialog] = {}

    def dialog(self, leg: str) -> Dialog | None:
        return self.dialogs.get(leg)

    def hang_up(self, now: float, leg: str, *, cause: int, reason_text: str) -> None:
        asyncio.get_running_loop().call_soon(self.ended, leg)

    def reject(self, now: float, leg: str, status: int, reason: str | None) -> None:
        self.refused[leg] = status
        asyncio.get_running_loop().call_soon(self.ended, leg)

    def answer(self, now: float, leg: str, sdp: object) -> None:
        pass

    def ring(self, now: float, leg: str) -> None:
        pass

    def offer(self, now: float, leg: str, sdp: object) -> None:
        self.offered.append((leg, sdp))

    def notify_transfer(self, now: float, leg: str, status: int, reason: str, *, final: bool) -> None:
        self.told.setdefault(leg, []).append((status, final))

    def leg_of(self, replaces: Replaces) -> str | None:
        return self.names.get(replaces)


class FakeEndpoint:
    def __init__(self) -> None:
        self.core = FakeCore()

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def flush(self) -> None:
        pass


@dataclass(eq=False)
class Ring:
    """One target that is rung."""

    targets: Sequence[Target]
    originator: Originator
    destination: Address
    rang: Callable[[OutgoingSession, Progress], None]
    outcome: asyncio.Future[Dialled]

    def fail(self, status: int) -> None:
        self.outcome.set_result(Dialled(None, "failed", status, "no"))

    def answer(self, session: CallSession) -> None:
        self.outcome.set_result(Dialled(cast(OutgoingSession, session), "answered"))


class Exchange:
    """All of it. Numbers: 700 runs a flow, 999 nobody may call, 404 is nothing; everything else is an extension."""

    def __init__(self) -> None:
        self.endpoint = FakeEndpoint()
        self.core = self.endpoint.core
        self.core.ended = self.end
        self.calls: dict[str, CallSession] = {}
        self.rings: list[Ring] = []
        self.diverted: list[tuple[CallSession, Meaning]] = []
        self.seated: list[tuple[CallSession, str]] = []
        media: Any = FakeMedia()
        self.media = media
        self.rooms = Rooms(media)
        self.bridges = Bridges(self.rooms, Tone(media, _no_sound))
        self.places = Places(
            self.bridges,
            self.rooms,
            session=self.calls.get,
            enter_room=lambda session, room: self.seated.append((session, room)),
        )
        this: Any = self
        self.transfers = Transfers(
            cast(Any, self.endpoint),
            self.bridges,
            self.places,
            this,
            this,
            session=self.calls.get,
            meaning=_meaning,
            divert=lambda session, meaning: self.diverted.append((session, meaning)),
            ringback=Tone(media, _no_sound),
            domain="voipbin.test",
        )

    def phone(self, name: str, *, called: bool = False, transfers: bool = True) -> CallSession:
        """Return an answered call of extension `name`, one that we have placed if `called`."""
        there, other = Address("extension", name), Address("extension", "9")
        direction = Direction.OUTGOING if called else Direction.INCOMING
        call = Call(
            name,
            other if called else there,
            there if called else other,
            direction=direction,
            status=Status.PROGRESSING,
            payer="" if called else f"extension:{name}",
            transfers=transfers,
        )
        kind = OutgoingSession if called else IncomingSession
        session = self.calls[name] = kind(call, cast(Any, self.endpoint), CallLimits())
        session.sound = cast(Any, FakeSound())
        session._media_ready.set()
        return session

    def new_call(self, name: str) -> IncomingSession:
        """Return a call that rings here."""
        session = self.phone(name)
        assert isinstance(session, IncomingSession)
        session.call.status = Status.RINGING
        return session

    def end(self, leg: str) -> None:
        """Let a call be over; nothing if it is."""
        session = self.calls.pop(leg, None)
        if session is not None:
            session.ended(Ended(leg, "remote", 200, "BYE"))

    def refer(
        self, session: CallSession, to: str, *, replaces: CallSession | Replaces | None = None, by: str = ""
    ) -> None:
        """Let a phone send a REFER to sip:TO@voipbin.test."""
        if isinstance(replaces, CallSession):
            named = Replaces(replaces.call.leg, "ours", "theirs")
            self.core.names[named] = replaces.call.leg
            replaces = named
        self.transfers.begin(session, Transfer(session.call.leg, f"sip:{to}@voipbin.test", replaces, by))

    def told(self, session: CallSession) -> list[tuple[int, bool]]:
        """Return what a transferor was told: statuses, and whether they were final."""
        return self.core.told.get(session.call.leg, [])

    def room(self, session: CallSession) -> object:
        """Return the media room that a call is in."""
        return leg(session).room

    # What transfers ask of the destinations and of the dialer

    async def targets(self, address: Address, originator: Originator) -> list[Target]:
        if address.target == "999":
            raise NotReachable("refused", "not allowed", 403)
        return [Target(f"sip:{address.target}@192.0.2.2", (HOP,), headers=(("X-Kept", "yes"),))]

    async def ring_all(
        self,
        targets: Sequence[Target],
        originator: Originator,
        destination: Address,
        *,
        beside: CallSession | None = None,
        master: Call | None = None,
        rang: Callable[[OutgoingSession, Progress], None],
    ) -> Dialled:
        ring = Ring(targets, originator, destination, rang, asyncio.get_running_loop().create_future())
        self.rings.append(ring)
        return await ring.outcome


def leg(session: CallSession) -> FakeLeg:
    """Return the fake media leg of a call that is not over."""
    assert session.sound is not None
    return cast(FakeLeg, session.sound.leg)


async def settle() -> None:
    """Let everything happen that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def _meaning(uri: Uri) -> Meaning | None:
    user = uri.user or ""
    if user == "404":
        return None
    there = Address("extension", user)
    return Meaning(there, flow="reception") if user == "700" else Meaning(there, connect=there)


def _no_sound(rate: int) -> Any:
    return None
