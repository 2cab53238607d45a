"""Calls that leave: what is allowed, and does a way lead there; what would a stolen password cost."""

from __future__ import annotations

from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import Patient
from voipbin_sip.toll.allowed import read_entry


async def outbound(patient: Patient, notes: Notes) -> None:
    """Look at outbound, providers, routes and numbers together."""
    _ways(patient, notes)
    _callers(patient, notes)
    _limits(patient, notes)


def _ways(patient: Patient, notes: Notes) -> None:
    directory, allow = patient.directory, patient.config.outbound.allow
    where = patient.key("outbound", "allow")
    prefixes = [entry for entry in map(read_entry, allow) if isinstance(entry, str)]
    routed = {route.provider_id for route in directory.routes}
    for provider in directory.providers:
        if provider.id not in routed:
            notes.warning(
                f"no route leads to provider {provider.id}: no call goes out by it",
                f"under routes in the directory: {{provider_id: {provider.id}, target: all}}",
                where=patient.entry("providers", "id", provider.id),
            )
    for prefix in prefixes:
        if not any(_meets(prefix, route.target) for route in directory.routes):
            notes.error(
                f"outbound.allow opens {prefix}, but no route leads there: these calls fail",
                "add a route (and a provider) in the directory, or close it again",
                where=where,
            )
    if directory.routes and not prefixes:
        notes.warning(
            "there are routes to providers, and outbound.allow opens no numbers: every call outside is refused",
            'outbound.allow: ["+49"], for example; see docs/toll.md',
            where=where,
        )
    for route in directory.routes if prefixes else ():
        if not any(_meets(prefix, route.target) for prefix in prefixes):
            notes.info(
                f"the route to {route.target} by {route.provider_id} is never taken: outbound.allow does not open it",
                where=patient.entry("routes", "provider_id", route.provider_id),
            )
    if not directory.providers and not prefixes:
        hosts = f"; SIP hosts: {', '.join(allow)}" if allow else ""
        notes.ok(f"no calls to the telephone network{hosts}")
    elif prefixes and not notes.found:
        notes.ok(f"calls to {', '.join(prefixes)} are allowed and have a route")


def _meets(prefix: str, target: str) -> bool:
    """Return whether a route may take numbers of a prefix."""
    return target == "all" or target.startswith(prefix) or prefix.startswith(target)


def _callers(patient: Patient, notes: Notes) -> None:
    """See whether calls show a number."""
    directory = patient.directory
    ours = [entry.number for entry in directory.numbers if entry.number.startswith("+")]
    default = patient.config.outbound.default_outgoing_source_number
    bare = [entry.id for entry in directory.providers if not entry.caller_id.number]
    if bare and not ours:
        notes.warning(
            f"no number in the directory is one of the telephone network: calls by {', '.join(bare)} show none of ours",
            "carriers refuse those (403): enter the numbers that you have got under numbers, with their +",
            where=patient.entry("providers", "id", bare[0]),
        )
    elif bare and not default:
        notes.info(
            "phones without a number of their own show none outside: outbound.default_outgoing_source_number is empty",
            f"set it to one of {', '.join(ours[:3])}; national numbers (0301234567) are then understood too",
            where=patient.key("outbound", "default_outgoing_source_number"),
        )


def _limits(patient: Patient, notes: Notes) -> None:
    if not any(entry.startswith("+") for entry in patient.config.outbound.allow):
        return
    limits = patient.config.outbound.limits
    where = patient.key("outbound", "limits")
    for name, one in (("outbound.limits", limits), ("outbound.limits.total", limits.total)):
        off = [key for key in ("concurrent", "per_minute", "minutes_per_day") if not getattr(one, key)]
        if off:
            notes.warning(
                f"{name} has no limit for {', '.join(off)}",
                "a stolen password calls all night: set what you use on a busy day; see docs/toll.md",
                where=where,
            )
    if limits.total.minutes_per_day:
        notes.ok(f"at most {limits.total.minutes_per_day:g} minutes a day leave this server")
