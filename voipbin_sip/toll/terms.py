"""Which limits hold for an account: those of its directory entry, else those of `outbound.limits`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voipbin_sip.directory import Directory, ExtensionEntry, TrunkEntry
from voipbin_sip.toll.account import TOTAL, VIA
from voipbin_sip.toll.limits import CallLimits, CallLimitsEntry, OutboundLimitsSection

_UNSAID = CallLimitsEntry()


@dataclass(frozen=True, slots=True)
class Terms:
    """Looks limits up in a directory that may be swapped."""

    section: OutboundLimitsSection
    directory: Callable[[], Directory]

    def limits(self, account: str) -> CallLimits:
        """Return the limits of an account of the guard."""
        directory = self.directory()
        kind, _, name = account.partition(":")
        if kind == TOTAL:
            return self.section.total.limits()
        if kind == VIA:
            provider = directory.providers.get(name)
            return (provider.limits if provider else _UNSAID).over(self.section.provider.limits())
        entry: ExtensionEntry | TrunkEntry | None
        if kind == "extension":
            entry = directory.extensions.get(name)
        elif kind == "trunk":
            entry = directory.trunks.get(name)
        else:  # nobody whose password could be stolen: a flow of ours, for whoever calls it
            return CallLimits()
        return (entry.limits if entry else _UNSAID).over(self.section.limits())
