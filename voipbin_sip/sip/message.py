"""SIP messages: the face of the message layer, which the rest of the server imports."""

from __future__ import annotations

from voipbin_sip.sip.build import make_request, make_response
from voipbin_sip.sip.headers import Headers
from voipbin_sip.sip.model import Request, Response
from voipbin_sip.sip.parse import parse_message

__all__ = ["Headers", "Request", "Response", "make_request", "make_response", "parse_message"]
