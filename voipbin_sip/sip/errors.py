"""The two ways in which SIP goes wrong: we were about to break the protocol, or the peer did."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voipbin_sip.sip.model import Request


class SipError(Exception):
    """Anything that the SIP core raises."""


class LocalProtocolError(SipError):
    """Our side asked for something that would break the protocol; nothing was sent."""


class RemoteProtocolError(SipError):
    """The peer broke the protocol.

    `status` and `reason` are for the answer. `request` is what could be understood of the request, enough for
    `make_response`; None if no answer can be built (a response, or bytes that are not SIP): drop those.
    An ACK is never answered, whatever is wrong with it.
    """

    def __init__(self, status: int, reason: str, request: Request | None = None) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.request = request

    def for_request(self, request: Request | None) -> RemoteProtocolError:
        """Return the same error with the request that it was found in."""
        return RemoteProtocolError(self.status, self.reason, request)
