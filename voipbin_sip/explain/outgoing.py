"""A call to somebody: to phones of ours, to a number by way of providers, to a SIP address elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.destinations import NotReachable
from voipbin_sip.calls.numbering import international
from voipbin_sip.calls.outgoing import Target
from voipbin_sip.calls.routing import Way
from voipbin_sip.explain.allowance import tell_allowed, tell_refused, tell_uses
from voipbin_sip.explain.explanation import End, Invitation, Result, Story
from voipbin_sip.explain.near import near
from voipbin_sip.explain.providers import tell_provider, tell_routes, tell_shown
from voipbin_sip.explain.sending import invitation, lines_of
from voipbin_sip.explain.view import View
from voipbin_sip.explain.writing import how_written
from voipbin_sip.toll.guard import Use
from voipbin_sip.toll.refused import Refused


class Outgoing:
    """Tells how a call would be placed; one for each place that the caller is connected with.

    Args:
        resolve: DNS may be asked.
    """

    def __init__(self, view: View, story: Story, *, resolve: bool) -> None:
        self._view = view
        self._story = story
        self._resolve = resolve

    async def reach(self, address: Address, originator: Originator) -> End:
        """Add the decisions of a call to an address; returns how it ends for who wants it."""
        if address.type == "agent":
            return await self._agent(address, originator)
        if address.type == "extension":
            return await self._phones(address, originator)
        return await self._outside(address, originator)

    async def _agent(self, address: Address, originator: Originator) -> End:
        reached = self._view.directory.agents.get(address.target)
        if reached is None:
            return self._refused(NotReachable("unreachable", f"there is no agent {address.target}", 404))
        places = [reach for reach in reached if reach.type != "agent"]
        named = ", ".join(f"{reach.type} {reach.target}" for reach in places) or "nowhere"
        self._story.tell("agent", f"The agent {address.target} is reached at {named}.", "made by the API")
        ends = [await self.reach(Address(reach.type, reach.target), originator) for reach in places]
        good = [end for end in ends if not end.status]
        return next(
            iter((*good, *ends)), End("refused", "is refused with 480: the agent has no address", 480)
        )

    async def _phones(self, address: Address, originator: Originator) -> End:
        view, name = self._view, address.target
        try:
            targets = view.destinations.ways(address, originator)
        except NotReachable as error:
            if view.live or error.status == 404:
                return self._refused(error, near(name, view.directory) if error.status == 404 else "")
            where = view.places.entry("extension", name)
            text = f"Rings the phones that are registered for extension {name}; only a running server knows them."
            self._story.tell("phones", text, where)
            return End(
                "phones", f"rings the phones of extension {name} ({where}), if any is registered", 0, name
            )
        name = targets[0].extension
        where = view.places.entry("extension", name)
        sent = [await self._invitation(target) for target in targets]
        count = f"{len(sent)} phones" if len(sent) > 1 else "one phone"
        doubtful = sum(target.doubtful for target in targets)
        doubt = f" {doubtful} of them gave no sign of life lately." if doubtful else ""
        self._story.tell(
            "phones",
            f"Rings {count} of extension {name}, registered now.{doubt}",
            where,
            lines=[line for invite in sent for line in lines_of(invite)],
        )
        return End("phones", f"rings {count} of extension {name} ({where})", 0, name)

    async def _outside(self, address: Address, originator: Originator) -> End:
        view, home = self._view, self._view.plan.home
        number = international(address.target, home) if address.type == "tel" else ""
        if number and number != address.target:
            how = how_written(address.target, number, home)
            self._story.tell("number", f"Calls {number}: {address.target} was dialled, {how}.")
        outside = Address("tel", number) if number else address
        try:
            targets = view.destinations.ways(address, originator)
        except NotReachable as error:
            return self._not_reached(error, outside, originator)
        outside = targets[0].outside or outside
        tell_allowed(view, self._story, outside)
        if address.type == "tel":
            return await self._by_providers(targets[0], number, originator)
        uses = view.toll.uses(originator.payer, "", outside, view.now)
        refusal = tell_uses(view, self._story, uses)
        sent = await self._invitation(targets[0], refusal)
        host = address.target.rpartition("@")[2]
        self._story.tell("host", f"The call goes to {host}.", lines=[*lines_of(sent)])
        if sent.refused:
            return self._end(sent.refused, 403 if refusal else 480)
        return End("outside", f"goes out to {host}", 0, address.target)

    async def _by_providers(self, first: Target, number: str, originator: Originator) -> End:
        view = self._view
        ways = view.routing.ways(number)
        tell_routes(view, self._story, number, ways)
        tell_shown(view, self._story, originator)
        targets = {target.provider: target for target in (first, *first.onward)}
        ways = [way for way in ways if way.provider.id in targets]
        uses = {
            way.provider.id: view.toll.uses(
                originator.payer, way.provider.id, Address("tel", number), view.now
            )
            for way in ways
        }
        refusals = {
            name: next((use.refusal for use in used if use.refusal), "") for name, used in uses.items()
        }
        tell_uses(view, self._story, _all(list(uses.values())))
        sent = []
        for position, way in enumerate(ways):
            name = way.provider.id
            invite = await self._invitation(targets[name], refusals[name])
            tell_provider(view, self._story, way, invite, number, position)
            sent.append(invite)
        return self._goes_out(ways, sent, refusals, number)

    def _goes_out(
        self, ways: Sequence[Way], sent: Sequence[Invitation], refusals: dict[str, str], number: str
    ) -> End:
        """Return how it ends: with all that are sent something, in their order."""
        names = [way.provider.id for way, invite in zip(ways, sent, strict=True) if not invite.refused]
        if not names:
            limited = all(refusals.values())
            return self._end(sent[0].refused, 403 if limited else 480)
        first, *others = names
        where = self._view.places.entry("provider", first)
        then = f", then by {', '.join(others)} where that fails" if others else ""
        return End("outside", f"goes out by the provider {first} ({where}){then}", 0, number)

    async def _invitation(self, target: Target, refused: str = "") -> Invitation:
        sent = await invitation(self._view, target, resolve=self._resolve, refused=refused)
        self._story.sent.append(sent)
        return sent

    def _not_reached(self, error: NotReachable, outside: Address, originator: Originator) -> End:
        """Add why nobody outside can be called, after what was decided before."""
        view = self._view
        if isinstance(error.__cause__, Refused):
            tell_refused(view, self._story, error.__cause__)
            return self._end(str(error), error.status)
        if outside.type == "tel" and international(outside.target):
            tell_allowed(view, self._story, outside)
            tell_routes(view, self._story, outside.target, view.routing.ways(outside.target))
            if error.result == "refused":
                tell_shown(view, self._story, originator)
        return self._refused(error)

    def _refused(self, error: NotReachable, hint: str = "") -> End:
        self._story.tell("refused", f"Nobody can be called: {error}{hint or '.'}")
        return self._end(f"{error}{hint}", error.status)

    def _end(self, why: str, status: int) -> End:
        return End(_REFUSED, f"is refused with {status}: {why}", status)


_REFUSED: Result = "refused"


def _all(uses: Sequence[Sequence[Use]]) -> tuple[Use, ...]:
    """Return the accounts of all ways, each once."""
    return tuple({use.account: use for used in uses for use in used}.values())
