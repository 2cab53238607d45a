"""What is needed to look at a server, in one module that can be loaded in a thread."""

from __future__ import annotations

from voipbin_sip.observe.observed import Observed
from voipbin_sip.observe.sources import Sources

__all__ = ["Observed", "Sources"]
