"""The calls that go on now, in one look: what a table of them shows, from memory only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.states import Status
from voipbin_sip.flowhost import LiveRun
from voipbin_sip.observe.detail import judged
from voipbin_sip.observe.series import Point
from voipbin_sip.platform.call_records import address_field
from voipbin_sip.platform.live import Means


def overview(means: Means, recent: Callable[[UUID], Point | None]) -> list[dict[str, Any]]:
    """Return a row for each call that goes on, the newest first; `recent` gives its last stretch of sound."""
    sessions = sorted(means.live, key=lambda session: session.call.began, reverse=True)
    return _rows(means, sessions, recent)


def rows_of(
    means: Means, ids: Iterable[UUID], recent: Callable[[UUID], Point | None]
) -> list[dict[str, Any]]:
    """Return the rows of some calls, in their order, without those that are over."""
    return _rows(means, [found for id_ in ids if (found := means.live.get(id_)) is not None], recent)


def _rows(
    means: Means, sessions: Iterable[CallSession], recent: Callable[[UUID], Point | None]
) -> list[dict[str, Any]]:
    runs = {live.call.id: live for live in means.host.runs if live.call is not None and not live.is_over}
    return [_row(session, runs.get(session.call.id), recent(session.call.id)) for session in sessions]


def _row(session: CallSession, run: LiveRun | None, recent: Point | None) -> dict[str, Any]:
    call, quality = session.call, session.quality()
    agreed = session.sound.agreed if session.sound is not None else None
    return {
        "id": call.id,
        "direction": str(call.direction),
        "status": str(call.status),
        "source": address_field(call.source),
        "destination": address_field(call.destination),
        "tm_create": call.began,
        "tm_progressing": call.times.get(Status.PROGRESSING),
        "peer": call.peer,
        "master_call_id": call.master_call_id,
        "confbridge_id": call.confbridge_id,
        "codec": agreed.codec if agreed is not None else "",
        "quality": judged(quality) if quality is not None and quality.has_sound else None,
        "recent": judged(recent.quality()) if recent is not None else None,
        **_step(run),
    }


def _step(run: LiveRun | None) -> dict[str, Any]:
    if run is None:
        return {"flow": "", "step": "", "type": "", "at": "", "action_id": None}
    begun = run.current.begun if run.current is not None else None
    if begun is None:
        return {"flow": run.flow.name, "step": "", "type": "", "at": "", "action_id": None}
    action = begun.action
    return {
        "flow": begun.flow.name,
        "step": action.id if action.named else "",
        "type": action.type,
        "at": str(action.origin) if action.origin else "",
        "action_id": action.uuid,
    }
