"""Which providers carry a call, in which order and why, whom each is shown, and how it is now."""

from __future__ import annotations

from collections.abc import Sequence

from voipbin_sip.calls.call import Originator
from voipbin_sip.calls.caller_id import shown_number
from voipbin_sip.calls.routing import Way
from voipbin_sip.carriers.provider import Health, Registered
from voipbin_sip.directory import ProviderEntry
from voipbin_sip.explain.explanation import Invitation, Story
from voipbin_sip.explain.places import MADE
from voipbin_sip.explain.sending import lines_of
from voipbin_sip.explain.view import View
from voipbin_sip.explain.writing import rewriting

_ORDER = ("first", "second", "third", "fourth", "fifth")


def tell_routes(view: View, story: Story, number: str, ways: Sequence[Way]) -> None:
    """Add which routes fit a number, in the order in which they are tried."""
    if not ways:
        targets = ", ".join(sorted({route.target for route in view.directory.routes})) or "none at all"
        story.tell("routes", f"No route leads to {number}. The directory has routes to: {targets}.")
        return
    late = [way for way in ways if not way.usable]
    reason = "the longest target that fits first, then the lowest priority, then the order of the file"
    text = f"{_counted(len(ways))} to {number}: {reason}."
    if late and len(late) < len(ways):
        text += f" What does not work now comes last: {', '.join(way.provider.id for way in late)}."
    lines = [
        f"{way.provider.id}: target {way.route.target}, priority {way.route.priority} ({_place(view, way)})"
        for way in ways
    ]
    story.tell("routes", text, *(_place(view, way) for way in ways), lines=lines)


def tell_shown(view: View, story: Story, originator: Originator) -> None:
    """Add which number the called sees, and why."""
    directory, config = view.directory, view.config.outbound
    default = directory.default_number or config.default_outgoing_source_number
    caller = originator.address.target
    shown = shown_number(originator, directory.numbers, default)
    hidden = " The caller is hidden: only the provider is told the number." if originator.private else ""
    if shown and shown == caller:
        story.tell(
            "shown",
            f"Shows {shown}: the caller's number is one of ours.{hidden}",
            view.places.entry("number", shown),
        )
        return
    why = f"{caller} is no number of ours" if caller else "no number was named"
    if not shown:
        story.tell(
            "shown",
            f"No number can be shown: {why}, and there is no outbound.default_outgoing_source_number; only providers "
            "with a caller_id.number of their own take the call.",
            view.settings.key("outbound"),
        )
        return
    where = (
        f"the outbound config, {MADE}"
        if directory.default_number
        else view.settings.key("outbound", "default_outgoing_source_number")
    )
    story.tell("shown", f"Shows {shown}, the default: {why}.{hidden}", where)


def tell_provider(view: View, story: Story, way: Way, sent: Invitation, number: str, position: int) -> None:
    """Add what one provider is sent, and how it is."""
    provider = way.provider
    rank = _ORDER[position] if position < len(_ORDER) else f"as number {position + 1}"
    lines = [*lines_of(sent), *_particulars(provider, number)]
    story.tell(
        "provider",
        f"The provider {provider.id} is tried {rank}. {_state(view, way)}",
        view.places.entry("provider", provider.id),
        lines=lines,
    )


def _particulars(provider: ProviderEntry, number: str) -> list[str]:
    """Return which of a provider's keys have made the INVITE what it is."""
    found = [rewriting(number, provider.rewrite_out, "rewrite_out")]
    if provider.username:
        found.append(f"its challenges are answered as user {provider.username}")
    if provider.caller_id.number:
        found.append(f"caller_id.number is shown for all calls: {provider.caller_id.number}")
    if provider.tech_prefix or provider.tech_postfix:
        found.append(
            f"tech_prefix '{provider.tech_prefix}' and tech_postfix '{provider.tech_postfix}' are around the number"
        )
    return [line for line in found if line]


def _state(view: View, way: Way) -> str:
    provider = way.provider
    state = view.state(provider.id) if view.live else None
    if state is None:
        return "Whether it works, only a running server knows."
    words = []
    if state.health_status is Health.UNHEALTHY:
        words.append("it does not answer")
    elif state.health_status is Health.HEALTHY:
        words.append("it answers")
    if state.registration is Registered.REGISTERED:
        words.append("we are registered")
    elif state.registration is Registered.FAILED:
        words.append(f"the registration failed: {state.why}" if state.why else "the registration failed")
    elif state.registration is Registered.TRYING:
        words.append("the registration is not answered yet")
    told = ", ".join(words) or "nothing has been heard of it yet"
    return f"It is {'usable' if way.usable else 'not usable'} now: {told}."


def _place(view: View, way: Way) -> str:
    return view.places.route(way.rank, way.route)


def _counted(count: int) -> str:
    return "One route leads" if count == 1 else f"{count} routes lead"
