"""What a request must satisfy before anyone looks at what it wants (RFC 3261 section 8.2), and who we are."""

from __future__ import annotations

from voipbin_sip.sip.body import SDP
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import Limits
from voipbin_sip.sip.message import Request
from voipbin_sip.sip.session_timer import screen_interval
from voipbin_sip.sip.wire import SUPPORTED

ACCEPT = f"{SDP}, application/dtmf-relay, application/dtmf"
_SCHEMES = frozenset(("sip", "sips", "tel"))
_OPTIONS = frozenset(SUPPORTED.split(", "))
_SDP_RANGES = frozenset((SDP, "application/*", "*/*"))


def screen(request: Request, limits: Limits) -> None:
    """Check method, Request-URI scheme, Require and Accept, in the order of RFC 3261 section 8.2; session timers last.

    Raises RemoteProtocolError with 405, 416, 420, 406 or 422.
    """
    if request.method not in limits.allow:
        raise RemoteProtocolError(405, "Method Not Allowed", request)
    if request.uri.scheme not in _SCHEMES:
        raise RemoteProtocolError(416, "Unsupported URI Scheme", request)
    if "require" in request.headers and unsupported(request):
        raise RemoteProtocolError(420, "Bad Extension", request)
    if request.method == "INVITE" and "accept" in request.headers:
        ranges = {value.partition(";")[0].strip().lower() for value in request.headers.values("accept")}
        if ranges and not ranges & _SDP_RANGES:
            raise RemoteProtocolError(406, "Not Acceptable", request)
    if request.method in ("INVITE", "UPDATE") and "session-expires" in request.headers:
        screen_interval(request, limits)


def unsupported(request: Request) -> list[str]:
    """Return the required extensions (RFC 3261 20.32) that we lack."""
    return [option for option in request.headers.values("require") if option.lower() not in _OPTIONS]


def capabilities(limits: Limits) -> tuple[tuple[str, str], ...]:
    """Return the headers that tell what we can (RFC 3261 11.2)."""
    return (("Allow", ", ".join(limits.allow)), ("Accept", ACCEPT), ("Supported", SUPPORTED))


def refusal_headers(status: int, request: Request, limits: Limits) -> tuple[tuple[str, str], ...]:
    """Return the headers that must go with a refusal of this status."""
    if status == 405:
        return (("Allow", ", ".join(limits.allow)),)
    if status == 415:
        if "content-encoding" in request.headers:
            return (("Accept-Encoding", "identity"),)
        return (("Accept", SDP),)
    if status == 422:
        return (("Min-SE", str(limits.min_se)),)
    if status == 420:
        return (("Unsupported", ", ".join(unsupported(request))),)
    return ()
