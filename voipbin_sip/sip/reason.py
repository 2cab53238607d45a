"""The Reason header: why a request was sent, as Q.850 cause or SIP status (RFC 3326)."""

from __future__ import annotations

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Request, Response
from voipbin_sip.sip.params import find_param, parse_params, quote

# Q.850 section 2.2.7, those that a SIP server has use for.
CAUSES = {
    1: "Unallocated number",
    16: "Normal call clearing",
    17: "User busy",
    18: "No user responding",
    19: "No answer from user",
    20: "Subscriber absent",
    21: "Call rejected",
    26: "Non-selected user clearing",
    27: "Destination out of order",
    31: "Normal, unspecified",
    34: "No circuit available",
    38: "Network out of order",
    41: "Temporary failure",
    42: "Switching equipment congestion",
    65: "Bearer capability not implemented",
    88: "Incompatible destination",
    102: "Recovery on timer expiry",
    111: "Protocol error",
    127: "Interworking, unspecified",
}

_NON_SELECTED = 26
_ELSEWHERE = (
    "Call completed elsewhere"  # RFC 3326 section 2, with the SIP status of the call that was answered
)

# Q.850 cause -> status for a call that was never answered (RFC 3398 section 8.2.6.1). 16 has none there: the callee
# who clears normally without answering is unavailable.
STATUS_OF_CAUSE = {
    1: 404,
    2: 404,
    3: 404,
    16: 480,
    17: 486,
    18: 408,
    19: 480,
    20: 480,
    21: 403,
    22: 410,
    26: 404,
    27: 502,
    28: 484,
    29: 501,
    31: 480,
    34: 503,
    38: 503,
    41: 503,
    42: 503,
    47: 503,
    55: 403,
    57: 403,
    58: 503,
    65: 488,
    70: 488,
    79: 501,
    87: 403,
    88: 503,
    102: 504,
    111: 500,
    127: 500,
}


def status_of_cause(cause: int) -> int:
    """Return the status that rejects an unanswered call for a Q.850 cause."""
    return STATUS_OF_CAUSE.get(cause, 480)


def format_reason(cause: int, text: str = "") -> str:
    """Return a Reason value for a Q.850 cause (0 to 127)."""
    text = text or CAUSES.get(cause, "")
    return f"Q.850;cause={cause}" + (f";text={quote(text)}" if text else "")


def format_cancel_reason(cause: int, text: str = "") -> str:
    """Return the Reason values of a CANCEL.

    Where of several that rang another one has answered (cause 26, or a text that says so), the first value is the one
    by which phones do not list the call as missed.
    """
    reason = format_reason(cause, text)
    if cause != _NON_SELECTED and text != _ELSEWHERE:
        return reason
    return f"SIP;cause=200;text={quote(_ELSEWHERE)}, {reason}"


def q850_cause(message: Request | Response) -> int:
    """Return the Q.850 cause of a message's Reason headers, 0 if there is none that can be read."""
    try:
        for value in message.headers.values("reason"):
            protocol, semicolon, params = value.partition(";")
            if protocol.strip().lower() == "q.850":
                cause = find_param(parse_params(semicolon + params), "cause") or ""
                if cause.isascii() and cause.isdigit() and int(cause[:4]) <= 127:
                    return int(cause)
    except RemoteProtocolError:  # a Reason is a courtesy; an unreadable one must not keep a BYE from working
        return 0
    return 0
