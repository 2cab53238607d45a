"""The life of a call as a table, and the words for its end (VoIPBIN's names and rules)."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a call is."""

    DIALING = "dialing"
    RINGING = "ringing"
    PROGRESSING = "progressing"
    TERMINATING = "terminating"  # we are hanging up
    CANCELING = "canceling"  # we are hanging up an unanswered outgoing call
    HANGUP = "hangup"


class Direction(StrEnum):
    """Who called whom."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


ALLOWED: dict[Status, frozenset[Status]] = {
    Status.DIALING: frozenset(set(Status) - {Status.DIALING}),
    Status.RINGING: frozenset(
        {Status.PROGRESSING, Status.TERMINATING, Status.CANCELING, Status.HANGUP},
    ),
    Status.PROGRESSING: frozenset({Status.TERMINATING, Status.HANGUP}),
    Status.TERMINATING: frozenset({Status.HANGUP}),
    Status.CANCELING: frozenset({Status.HANGUP}),
    Status.HANGUP: frozenset(),
}

# Q.850 cause and SIP status for each reason of the hangup action. `amd` has no cause of its own on the wire.
CAUSES = {
    "normal": 16,
    "cancel": 16,
    "timeout": 16,
    "amd": 16,
    "busy": 17,
    "failed": 18,
    "noanswer": 19,
    "dialout": 19,
}

STATUS_OF_CAUSE = {
    1: 404, 2: 404, 3: 404, 16: 480, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 27: 502, 28: 484,
    29: 501, 31: 480, 34: 503, 38: 500, 41: 500, 42: 503, 58: 488, 66: 503, 127: 500,
}  # fmt: skip

# The way back, for a callee that gives no cause (RFC 3398 section 8.2.6.1; 480 as no answer, which it mostly is).
CAUSE_OF_STATUS = {
    400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127,
    415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 19, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17,
    487: 16, 488: 31, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1,
    606: 31, 607: 21, 608: 21,
}  # fmt: skip


def hangup_reason(direction: Direction, last: Status, cause: int, *, duration_over: bool) -> str:
    """Return the reason that a call's record shows, from the status before its end and the Q.850 cause.

    The table is the one of VoIPBIN: what counts is how far the call had come and who was dialling.
    """
    before_answer = last in (Status.DIALING, Status.RINGING)
    if duration_over:
        return "timeout"
    if direction is Direction.INCOMING:
        if before_answer:
            return {19: "noanswer", 17: "busy"}.get(cause, "normal")
        return "normal"
    if before_answer:
        return {19: "noanswer", 21: "noanswer", 17: "busy", 16: "normal", 26: "normal", 0: "dialout"}.get(
            cause, "failed"
        )
    return "cancel" if last is Status.CANCELING else "normal"
