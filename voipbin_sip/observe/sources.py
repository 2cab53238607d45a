"""What is looked at for metrics and health: the parts of a running server, read and never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from media.client import MediaClient
from voipbin_sip.calls.live import LiveCalls
from voipbin_sip.calls.switchboard import Switchboard
from voipbin_sip.carriers import Carriers
from voipbin_sip.mail.faults import MailFaults
from voipbin_sip.observe.lag import LoopLag
from voipbin_sip.observe.refused import RefusedAttempts
from voipbin_sip.observe.reloads import Reloading
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.transport.certificate import Certificates
from voipbin_sip.transport.limits import SourceLimits


class Stored(Protocol):
    """The database, as seen from outside."""

    @property
    def waiting(self) -> int:
        """Return how many rows are yet to be written."""
        ...

    @property
    def lost(self) -> int:
        """Return how many were given up."""
        ...

    @property
    def in_trouble(self) -> bool:
        """Return whether the last attempt to write has failed."""
        ...


class Delivering(Protocol):
    """The webhooks, as seen from outside."""

    @property
    def waiting(self) -> int:
        """Return how many deliveries lie in memory."""
        ...

    @property
    def in_trouble(self) -> int:
        """Return how many receivers do not take what they are sent."""
        ...

    def troubles(self) -> Sequence[str]:
        """Return in words which ones, since when and why."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """The parts."""

    switchboard: Switchboard
    live: LiveCalls
    media: MediaClient
    sip_counters: Mapping[str, int]
    limits: SourceLimits
    locations: Locations
    carriers: Carriers
    store: Stored
    webhooks: Delivering
    reloading: Reloading
    certificates: Sequence[Certificates]
    refused: RefusedAttempts = field(default_factory=RefusedAttempts)
    mail: MailFaults = field(default_factory=MailFaults)
    lag: LoopLag = field(default_factory=LoopLag)
