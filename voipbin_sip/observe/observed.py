"""What the API shows of the server itself: made by the app, handed to the routes."""

from __future__ import annotations

from datetime import UTC, datetime

from voipbin_sip.mail.faults import MailFaults
from voipbin_sip.observe.detail import DetailLog
from voipbin_sip.observe.health import Health, health
from voipbin_sip.observe.metrics import Metrics
from voipbin_sip.observe.reloads import Reloading
from voipbin_sip.observe.ring import SipRing
from voipbin_sip.observe.series import QualitySeries
from voipbin_sip.observe.sources import Sources


class Observed:
    """The parts of a server that are looked at, and who looks.

    Attributes:
        own_key: the token of commands on this machine.
        began: when the server did.
    """

    def __init__(self, sources: Sources, own_key: str, ring: SipRing) -> None:
        self._sources = sources
        self.own_key = own_key
        self.began = datetime.now(UTC)
        self.ring = ring
        self.metrics = Metrics(sources)
        self.series = QualitySeries(sources.live, ring.age)
        sources.live.watchers += [self.metrics, DetailLog(), ring, self.series]
        self.refused = sources.refused
        sources.switchboard.door = self.refused
        sources.lag.start()
        self.series.start()

    @property
    def reloading(self) -> Reloading:
        """What reads the configuration again."""
        return self._sources.reloading

    @property
    def mail_faults(self) -> MailFaults:
        """What the mail server did not take."""
        return self._sources.mail

    def health(self) -> Health:
        """Return whether the server does its work."""
        return health(self._sources)

    async def close(self) -> None:
        """Stop measuring."""
        await self._sources.lag.close()
        await self.series.close()
