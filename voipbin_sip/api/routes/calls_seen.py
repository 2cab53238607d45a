"""`/timelines/calls-live`, `/calls-found`, `/calls/{id}/quality`: what operators look at when asked about a call."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from voipbin_sip import __version__
from voipbin_sip.api.auth import MANAGERS, Asker, Asking, With
from voipbin_sip.api.errors import invalid
from voipbin_sip.api.living import Calling
from voipbin_sip.api.services import Services
from voipbin_sip.observe.detail import judged
from voipbin_sip.observe.series import EVERY, Point
from voipbin_sip.platform.overview import overview
from voipbin_sip.resources.kinds.call import CallResource
from voipbin_sip.resources.kinds.fields import AddressField
from voipbin_sip.resources.stamps import Stamp

router = APIRouter(tags=["timelines"])
MAX_FOUND = 20
MIN_BEGINNING = 4  # characters of a UUID
_BEGINNING = re.compile(r"[0-9A-Fa-f-]{1,36}")


class Sound(BaseModel):
    """How a call sounds. Losses in per cent, times in ms, scores from 1 to 4.5; null: nobody knows."""

    heard: int = 0  # packets that came, and that should have
    heard_lost: float | None = None
    heard_jitter: float = 0.0
    heard_mos: float | None = None
    sent: int = 0
    sent_lost: float | None = None
    sent_jitter: float = 0.0
    sent_mos: float | None = None
    round_trip: float | None = None
    late: int = 0
    foreign: int = 0


class LiveCall(BaseModel):
    """A call that goes on."""

    id: UUID
    direction: str
    status: str
    source: AddressField
    destination: AddressField
    tm_create: Stamp
    tm_progressing: Stamp | None
    peer: str  # "trunk:office", "extension:1000", "provider:carrier", or empty
    master_call_id: UUID | None
    confbridge_id: UUID | None
    flow: str
    step: str  # the id of the step, where it has one
    type: str  # of the step
    at: str  # "reception.yaml:12"
    action_id: UUID | None  # of the step, as `action` of the call has it
    codec: str
    quality: Sound | None  # since the call began; null: no sound yet
    recent: Sound | None  # of the last seconds


class ServerNow(BaseModel):
    """The server that they go on in."""

    version: str
    tm_start: Stamp
    tm_now: Stamp  # by its clock
    calls: int  # that began since its start
    status: str  # of its health: ok, degraded or unavailable
    faults: dict[str, str]


class LiveCalls(BaseModel):
    """All calls that go on, the newest first."""

    result: list[LiveCall]
    server: ServerNow | None  # null: there is none around this API


class SoundPoint(Sound):
    """How a call sounded for a while."""

    timestamp: Stamp  # the end of that while
    seconds: float  # the same, since the call began


class SoundSeries(BaseModel):
    """How a call sounded over time."""

    step_seconds: float  # from point to point
    points: list[SoundPoint]  # the oldest first; none are kept after a restart


class FoundCalls(BaseModel):
    """Calls that fit, the newest first."""

    result: list[CallResource]
    turned_away: str  # where nothing fits: how a request with this Call-ID was answered that became no call


@router.get("/timelines/calls-live")
async def list_live_calls(found: With, who: Asking, live: Calling) -> LiveCalls:
    """Show all calls that go on, with their step, codec and quality, in one answer."""
    rows = overview(live.means, recent_sound(found))
    return LiveCalls.model_validate({"result": rows, "server": _server_now(found, who)})


def recent_sound(found: Services) -> Callable[[UUID], Point | None]:
    """Return what gives the last stretch of sound of a call."""
    series = found.observed.series if found.observed is not None else None

    def recent(call_id: UUID) -> Point | None:
        of_call = series.of(call_id) if series is not None else None
        return of_call.last if of_call is not None else None

    return recent


@router.get("/timelines/calls-found")
async def find_calls(
    found: With,
    who: Asking,
    name: Annotated[str, Query(description="the beginning of an id, or a SIP Call-ID", max_length=255)],
) -> FoundCalls:
    """Find calls by the beginning of their id, or by a SIP Call-ID that is still in memory."""
    name = name.strip()
    calls = [await found.history.get(CallResource, id_) for id_ in _by_call_id(found, name)]
    if not calls and len(name) < MIN_BEGINNING:
        raise invalid(f"give at least {MIN_BEGINNING} characters", "INVALID_REQUEST_PARAMETER")
    if not calls and _BEGINNING.fullmatch(name):
        calls = [*await found.history.beginning(CallResource, name.lower(), MAX_FOUND)]
    away = _turned_away(found, name) if not calls else ""
    return FoundCalls(result=sorted(calls, key=_created, reverse=True), turned_away=away)


@router.get("/timelines/calls/{call_id}/quality")
async def get_quality(found: With, who: Asking, call_id: UUID) -> SoundSeries:
    """Show how a call has sounded over time."""
    call = await found.history.get(CallResource, call_id)
    series = found.observed.series.of(call_id) if found.observed is not None else None
    if series is None:
        return SoundSeries(step_seconds=EVERY, points=[])
    began = _created(call)
    return SoundSeries(
        step_seconds=EVERY * series.stretch, points=[_point(began, point) for point in series.points]
    )


def _server_now(found: Services, who: Asker) -> ServerNow | None:
    if (observed := found.observed) is None:
        return None
    state = observed.health()
    return ServerNow(
        version=__version__,
        tm_start=observed.began,
        tm_now=datetime.now(UTC),
        calls=observed.metrics.begun,
        status=state.word,
        faults=dict(state.faults) if who.may(MANAGERS) else {},
    )


def _by_call_id(found: Services, name: str) -> list[UUID]:
    return [] if found.observed is None else [*found.observed.ring.calls_of(name)][:MAX_FOUND]


def _turned_away(found: Services, name: str) -> str:
    seen = found.observed.ring.answered(name) if found.observed is not None else None
    if seen is None:
        return ""
    status = seen.data.partition(b"\r\n")[0].decode("utf-8", "replace").removeprefix("SIP/2.0 ")
    return f"{status} to {seen.hop.remote[0]}"


def _created(call: CallResource) -> datetime:
    assert call.tm_create is not None  # all that are kept have one
    return call.tm_create


def _point(began: datetime, point: Point) -> SoundPoint:
    return SoundPoint(
        timestamp=began + timedelta(seconds=point.until),
        seconds=round(point.until, 1),
        **judged(point.quality()),
    )
