"""Why a call ended, in words for those who are asked: "the provider carrier refused: 403 from 127.0.0.9, Forbidden"."""

from __future__ import annotations

from voipbin_sip.calls.call import Call
from voipbin_sip.calls.states import Direction, Status
from voipbin_sip.sip.status import REASONS

_KINDS = {"provider": "the provider", "trunk": "the trunk", "extension": "the phone of"}
_REFUSALS = {
    401: "does not accept our name and password",
    407: "does not accept our name and password",
    484: "says that the number is not complete",
    486: "is busy",
    600: "is busy",
    404: "says that there is nobody with this number",
    604: "says that there is nobody with this number",
    480: "did not answer",
    487: "was not reached in time",
    488: "has no codec in common with us",
    503: "cannot take calls now",
}


def other_side(call: Call) -> str:
    """Return who is at the other end of a leg, as far as we know them."""
    kind, _, name = call.peer.partition(":")
    if kind in _KINDS:
        return f"{_KINDS[kind]} {name}"
    return "the caller" if call.direction is Direction.INCOMING else "the callee"


def why_ended(call: Call) -> str:
    """Return who ended a call, and why."""
    answered = Status.PROGRESSING in call.times
    if call.hangup_by == "local":
        return _by_us(call, answered)
    who = other_side(call)
    if answered:
        return f"{who} hung up" if call.sip_status < 300 else f"{who} was lost: {_said(call)}"
    if call.direction is Direction.INCOMING:
        return (
            f"{who} gave up before the answer" if call.sip_status == 487 else f"{who} was lost: {_said(call)}"
        )
    if not call.peer_host and call.sip_status:
        return f"this server placed no call: {call.sip_reason or call.sip_status}"  # a limit, no port, no way
    return _refused(call, who)


def _by_us(call: Call, answered: bool) -> str:
    why = f": {call.why}" if call.why else ""
    if answered:
        return f"this server hung up{why}"
    if call.direction is Direction.OUTGOING:
        if call.sip_status >= 300 and call.sip_status != 487:
            return f"this server ended the attempt{why or f': {_said(call)}'}"
        return f"this server cancelled the call{why}"
    said = f"{call.sip_status} {call.sip_reason}".strip()
    return f"this server refused the call{why or f': {said}'}"


def _refused(call: Call, who: str) -> str:
    if call.sip_status == 408 or not call.sip_status:
        return f"{who} did not answer: nothing came back{_from(call)}"
    known = _REFUSALS.get(call.sip_status)
    return f"{who} {known}: {_said(call)}" if known else f"{who} refused: {_said(call)}"


def _said(call: Call) -> str:
    """Return the SIP status with where it came from, and what was said beyond the status itself."""
    words = call.sip_reason
    beyond = f", {words}" if words and words != REASONS.get(call.sip_status) else ""
    return f"{call.sip_status}{_from(call)}{beyond}"


def _from(call: Call) -> str:
    return f" from {call.peer_host}" if call.peer_host else ""
