"""Whether the server does its work: what `/health` and `/ready` answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from voipbin_sip.observe.sources import Sources

LAG = 1.0  # seconds that the event loop may be late
FULL = 0.98  # share of a media worker's time
NAMED = 3  # receivers of webhooks


@dataclass(frozen=True, slots=True)
class Health:
    """What was found. A fault needs somebody; a server that is not ready shall get no new calls."""

    ready: bool
    faults: Mapping[str, str]  # what is wrong, by part

    @property
    def word(self) -> str:
        """One word for it."""
        if not self.ready:
            return "unavailable"
        return "degraded" if self.faults else "ok"


def health(found: Sources) -> Health:
    """Look at all parts; nothing is asked of anybody, so it is answered at once."""
    faults: dict[str, str] = {}
    alive = found.media.alive
    if not all(alive):
        faults["media"] = f"{alive.count(False)} of {len(alive)} media workers are down"
    elif all(load.busy >= FULL for load in found.media.load):
        faults["media"] = "all media workers are at their limit"
    if found.store.in_trouble:
        faults["database"] = f"nothing can be written, {found.store.waiting} rows wait; calls go on"
    if not found.reloading.last.ok:
        faults["configuration"] = "the last reload was refused; see GET /v1.0/reload"
    if found.webhooks.in_trouble:
        faults["webhooks"] = "; ".join([*found.webhooks.troubles()][:NAMED])
    if found.mail.now is not None:
        faults["mail"] = str(found.mail.now)
    down = [name for name in found.carriers.names() if not found.carriers.usable(name)]
    if down:
        faults["providers"] = f"out of reach: {', '.join(sorted(down))}"
    if found.lag.worst > LAG:
        faults["event_loop"] = f"it was {found.lag.worst:.1f} s late within the last minute"
    if found.switchboard.draining:
        faults["draining"] = "the server ends and takes no more calls"
    return Health(ready=any(alive) and not found.switchboard.draining, faults=faults)
