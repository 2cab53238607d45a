"""What the API shows of the server itself: made by the app, handed to the routes."""

from __future__ import annotations

from dataclasses import dataclass

from voipbin_sip.observe.reloads import Reloading


@dataclass(frozen=True, slots=True)
class Observed:
    """The parts of a server that are looked at."""

    reloading: Reloading
    own_key: str  # token of the commands on this machine
