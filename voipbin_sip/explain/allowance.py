"""What the toll guard says of a call: which entry lets it out, or which rule keeps it in, and what the limits leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voipbin_sip.calls.call import Address
from voipbin_sip.directory import ExtensionEntry, ProviderEntry, TrunkEntry
from voipbin_sip.explain.explanation import Story
from voipbin_sip.explain.view import View
from voipbin_sip.toll.account import TOTAL, VIA
from voipbin_sip.toll.allowed import ALLOW, COUNTRIES
from voipbin_sip.toll.guard import Use
from voipbin_sip.toll.numbers import read_number
from voipbin_sip.toll.refused import Refused

_PAYERS = ("extension:", "trunk:")  # those that have limits


def tell_allowed(view: View, story: Story, outside: Address) -> None:
    """Add by which entry of `outbound.allow` an address may be called. Raises Refused where it may not."""
    entry = view.toll.allowed.entry(outside)
    named = entry if isinstance(entry, str) else (f"{entry[0]}:{entry[1]}" if entry[1] else entry[0])
    where = [view.settings.allowed(entry)]
    number = read_number(outside.target) if outside.type == "tel" else None
    of_country = ""
    if number is not None and number.region and view.config.outbound.countries:
        of_country = f", and its country {number.region} is one of outbound.countries"
        where.append(view.settings.key("outbound", "countries"))
    story.tell("allowed", f"The call may leave the server: outbound.allow has '{named}'{of_country}.", *where)


def tell_refused(view: View, story: Story, refused: Refused) -> None:
    """Add which rule keeps a call in."""
    where = {
        ALLOW: (view.settings.key("outbound", "allow"),),
        COUNTRIES: (view.settings.key("outbound", "countries"),),
        "outbound_config": ("the outbound config, made by the API",),
    }.get(refused.rule, ())
    hint = {
        ALLOW: " Add it there if such calls shall go out.",
        COUNTRIES: " Add the country there if such calls shall go out.",
    }.get(refused.rule, "")
    story.tell("allowed", f"The call may not leave the server: {refused}.{hint}", *where)


def tell_uses(view: View, story: Story, uses: Sequence[Use]) -> str:
    """Add what the limits leave to a call; returns why it may not begin, "" if it may."""
    if not uses:
        story.tell("limits", "The call counts for no limit: it does not go to the telephone network.")
        return ""
    refusals = [use.refusal for use in uses if use.refusal]
    counted = [use for use in uses if use.account]
    limited = "; ".join(refusals)
    text = f"The limits are reached: {limited}." if refusals else "The limits leave room for the call."
    if not any(use.account.startswith(_PAYERS) for use in uses):
        text += " No phone or trunk pays for it, so that only the limits of the whole server and of providers hold."
    story.tell(
        "limits",
        text,
        *(_place(view, use) for use in counted),
        lines=[line for use in counted for line in _used(view, use)],
    )
    return refusals[0] if refusals else ""


def _used(view: View, use: Use) -> Iterator[str]:
    limits = use.limits
    parts = [
        _part(use.running if view.live else None, limits.concurrent, "calls at once"),
        _part(use.begun if view.live else None, limits.per_minute, "calls begun within a minute"),
        _part(use.minutes if view.live else None, limits.minutes_per_day, "minutes of today"),
    ]
    told = ", ".join(part for part in parts if part)
    yield f"{_name(use.account)}: {told or 'no limits'}"


def _part(used: float | None, limit: float, what: str) -> str:
    if not limit:
        return ""
    return f"up to {limit:g} {what}" if used is None else f"{used:.4g} of {limit:g} {what}"


def _name(account: str) -> str:
    kind, _, name = account.partition(":")
    if kind == TOTAL:
        return "the whole server"
    if kind == VIA:
        return f"through provider {name}"
    return f"what comes from provider {name}" if kind == "provider" else f"{kind} {name}"


def _place(view: View, use: Use) -> str:
    """Return where the limits of an account stand."""
    kind, _, name = use.account.partition(":")
    keys: tuple[str, ...] = ("outbound", "limits")
    if kind == TOTAL:
        return view.settings.key(*keys, "total")
    entry: ExtensionEntry | TrunkEntry | ProviderEntry | None = None
    if kind == VIA:
        entry = view.directory.providers.get(name)
    elif kind == "extension":
        entry = view.directory.extensions.get(name)
    elif kind == "trunk":
        entry = view.directory.trunks.get(name)
    if entry is not None and entry.limits.model_fields_set:
        return view.places.entry("provider" if kind == VIA else kind, name)
    return view.settings.key(*keys, "provider") if kind == VIA else view.settings.key(*keys)
