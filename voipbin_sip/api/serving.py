"""All that is needed to serve the API, in one module that can be loaded in a thread."""

from __future__ import annotations

from voipbin_sip.api.app import make_api
from voipbin_sip.api.links import Links
from voipbin_sip.api.server import ApiServer
from voipbin_sip.api.services import Services
from voipbin_sip.api.tokens import Tokens

__all__ = ["ApiServer", "Links", "Services", "Tokens", "make_api"]
