"""What is needed to look at a server, in one module that can be loaded in a thread."""

from __future__ import annotations

from voipbin_sip.app.errors import StartError
from voipbin_sip.explain.places import SettingPlaces
from voipbin_sip.explain.view import View
from voipbin_sip.observe.hep import HepSender
from voipbin_sip.observe.observed import Observed
from voipbin_sip.observe.refused import RefusedAttempts
from voipbin_sip.observe.ring import SipRing
from voipbin_sip.observe.sources import Sources
from voipbin_sip.platform.explaining import CataloguePlaces, Explaining

__all__ = [
    "CataloguePlaces",
    "Explaining",
    "Observed",
    "RefusedAttempts",
    "SettingPlaces",
    "SipRing",
    "Sources",
    "View",
    "hep_sender",
]


def hep_sender(address: tuple[str, int] | None) -> HepSender | None:
    """Return what copies SIP messages to a capture server, None where none is named. Raises StartError."""
    if address is None:
        return None
    try:
        return HepSender(*address)
    except OSError as error:
        raise StartError(f"cannot send to {address[0]}:{address[1]}: {error}; change trace.hep") from error
