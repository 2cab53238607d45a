"""The call detail record: one value and one log line for each leg that is over."""

from __future__ import annotations

from typing import Any

import structlog

from voipbin_sip.calls.call import Call, Change
from voipbin_sip.calls.quality import Quality
from voipbin_sip.calls.states import Status
from voipbin_sip.observe.emodel import scores
from voipbin_sip.observe.ends import why_ended


def quality_fields(call: Call) -> dict[str, Any]:
    """Return how a call sounded, flat: losses in per cent, times in ms, scores by the E-model. Empty: no sound."""
    quality: Quality | None = call.quality
    if quality is None or not quality.has_sound:
        return {}
    return {"codec": call.codec, **judged(quality)}


def judged(quality: Quality) -> dict[str, Any]:
    """Return a quality with its scores, flat."""
    found = scores(quality)
    return {**quality.fields(), "heard_mos": found.heard, "sent_mos": found.sent}


def detail(call: Call) -> dict[str, Any]:
    """Return the record of an ended call. Numbers of people are not in it: logs are read by many."""
    answered, ended = call.times.get(Status.PROGRESSING), call.times.get(Status.HANGUP)
    seconds = (ended - answered).total_seconds() if answered is not None and ended is not None else 0.0
    setup = (answered - call.began).total_seconds() if answered is not None else None
    return {
        "direction": str(call.direction),
        "peer": call.peer,
        "host": call.peer_host,
        "sip_call_id": call.sip_call_id,
        "setup_seconds": None if setup is None else round(setup, 3),
        "seconds": round(seconds, 3),
        "by": call.hangup_by,
        "reason": call.hangup_reason,
        "sip_status": call.sip_status,
        "why": why_ended(call),
        **quality_fields(call),
    }


class DetailLog:
    """Writes the line; watches calls (calls.live.CallWatcher)."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("cdr")

    def call_began(self, call: Call) -> None:
        """Take a new call."""

    def call_changed(self, call: Call, change: Change) -> None:
        """Take a change of a call."""
        if change is Change.STATUS and call.is_over:
            ids = {"call": str(call.id), **({"run": call.run_id} if call.run_id else {})}
            self._log.info("call detail", **ids, **detail(call))

    def call_digit(self, call: Call, digit: str) -> None:
        """Take a digit, which is nobody's business."""
