"""A call that comes in: who it is, what was dialled, and where that leads."""

from __future__ import annotations

from datetime import UTC, datetime

from flows.actions.connecting import Connect
from flows.simulate import Caller
from voipbin_sip.calls.admission import Admission
from voipbin_sip.calls.call import Call, Originator
from voipbin_sip.calls.dialplan import Reading
from voipbin_sip.calls.identity import called_by_carrier
from voipbin_sip.calls.numbering import dialled_number, rewritten
from voipbin_sip.calls.verdict import Admitted, Ground, Turned
from voipbin_sip.explain.callers import tell_caller, users
from voipbin_sip.explain.explanation import End, Story
from voipbin_sip.explain.missing import missing
from voipbin_sip.explain.outgoing import Outgoing
from voipbin_sip.explain.places import MADE, flow_place
from voipbin_sip.explain.question import Question
from voipbin_sip.explain.supposing import Supposing, invite
from voipbin_sip.explain.view import View
from voipbin_sip.explain.walking import Walked, walk
from voipbin_sip.explain.writing import how_written, rewriting, separators
from voipbin_sip.flowhost.address import call_address
from voipbin_sip.sip.events import Incoming as Event


class Incoming:
    """Tells how one call would come in."""

    def __init__(self, view: View, question: Question, story: Story) -> None:
        self._view = view
        self._question = question
        self._story = story

    async def come(self) -> End:
        """Add the decisions of the call; returns how it ends."""
        view, question = self._view, self._question
        if (end := self._unheard()) is not None:
            return end
        event = invite(question, view.domain)
        verdict = decide(view, question, event)
        tell_caller(view, question, verdict, self._story)
        if isinstance(verdict, Turned):
            return self._turned(verdict)
        self._tell_dialled(event, verdict)
        if view.config.media.srtp == "required":
            self._story.tell(
                "sound",
                "Only encrypted sound is taken: an offer without SRTP is refused with 488.",
                view.settings.key("media", "srtp"),
            )
        return await self._lead(verdict)

    def _unheard(self) -> End | None:
        """Return the end of a call that the server does not even look at."""
        view, transport, source = self._view, self._question.transport, self._question.source
        if not any(text.startswith(f"{transport}://") for text in view.config.sip.listen):
            where = view.settings.key("sip", "listen")
            self._story.tell("transport", f"Nobody listens: sip.listen has no {transport}:// address.", where)
            return End(
                "ignored", f"does not reach the server: sip.listen has no {transport}:// address ({where})"
            )
        if not source or not view.live:
            return None
        standing = view.standing(source)
        if standing.banned:
            seconds = f"{standing.banned:.0f} s more"
            self._story.tell(
                "source",
                f"{source} is banned for {seconds}: it has sent too many wrong passwords. Nothing that it sends is "
                "answered.",
                view.settings.key("protection"),
            )
            return End("ignored", f"is not answered: {source} is banned for {seconds}")
        if standing.limited:
            self._story.tell(
                "source",
                f"{source} sends more than protection.messages_per_second allows; its next messages are not looked at.",
                view.settings.key("protection"),
            )
            return End("ignored", f"is not answered: {source} sends too much")
        return None

    def _turned(self, turned: Turned) -> End:
        ground = turned.rule.ground if turned.rule is not None else Ground.SERVER
        if turned.status != 407:
            if ground is Ground.DOMAIN:
                return End("refused", f"is refused with 404: {turned.reason}", 404)
            why = self._missing()
            self._story.tell("number", f"{why} The call is refused with {turned.status}.")
            plain = f"{why[:1].lower()}{why[1:].rstrip('.')}"
            return End("refused", f"is refused with {turned.status}: {plain}", turned.status)
        if ground is Ground.EXTENSION:
            self._story.tell("number", f"{self._missing()} The caller is not told: it is asked all the same.")
        return End("asked", "is asked for a password (407), and goes no further without one", 407)

    def _missing(self) -> str:
        return missing(self._view, self._question.request_uri(self._view.domain))

    def _tell_dialled(self, event: Event, admitted: Admitted) -> None:
        """Add as what the dialled address was understood."""
        view, rule = self._view, admitted.rule
        assert rule is not None
        if rule.number is not None:
            number = rule.number.number
            text = (
                f"{self._as_dialled(event, admitted)} is a number of ours: it runs the flow {admitted.flow}."
            )
            self._story.tell("number", text, view.places.entry("number", number))
            return
        bare = separators(self._question.request_uri(view.domain))
        target = admitted.destination.target
        match rule.reading:
            case Reading.EXTENSION:
                text, where = (
                    f"{bare} is an extension: the call stays inside.",
                    view.places.entry("extension", target),
                )
            case Reading.CONFERENCE:
                text, where = f"{bare} is a conference.", view.places.entry("conference", target)
            case Reading.OUTSIDE:
                text, where = f"{bare} is no number or extension of ours, but a telephone number outside.", ""
            case Reading.ELSEWHERE:
                text, where = f"{target} is an address on another server.", ""
            case _:
                text, where = f"{bare} is a direct hash of {admitted.destination.type} {target}.", MADE
        self._story.tell("number", text, where)

    def _as_dialled(self, event: Event, admitted: Admitted) -> str:
        """Return a number as it was dialled, and how it became the one of the directory."""
        view, rule = self._view, admitted.rule
        assert rule is not None and rule.number is not None
        number, uri = rule.number.number, event.request.uri
        told = separators(uri)
        text = dialled_number(uri)
        if rule.ground is Ground.PROVIDER:
            rules = view.directory.providers[rule.name].rewrite_in
            for place in called_by_carrier(event.request):
                dialled = dialled_number(place)
                if (changed := rewritten(dialled, rules)) != dialled and view.plan.number(
                    changed
                ) is not None:
                    told, text = f"{told} ({rewriting(dialled, rules, 'rewrite_in')})", changed
                    break
        how = how_written(text, number, view.plan.home)
        return f"{told}, {how}: {number}" if how else told if told == number else f"{told}: {number}"

    async def _lead(self, admitted: Admitted) -> End:
        """Follow the call to where it leads."""
        view = self._view
        originator = _originator(admitted)
        outgoing = Outgoing(view, self._story, resolve=self._question.resolve)
        if admitted.connect is not None:
            return await outgoing.reach(admitted.connect, originator)
        if admitted.conference:
            name = admitted.conference
            entry = view.directory.conferences[name]
            where = view.places.entry("conference", entry.id)
            first = f" after the flow {entry.pre_flow_id}" if entry.pre_flow_id else ""
            self._story.tell(
                "conference", f"The caller is answered and joins the conference {entry.id}{first}.", where
            )
            return End("conference", f"joins the conference {entry.id} ({where})", 0, entry.id)
        flow = view.flows.get(admitted.flow)
        if flow is None:
            self._story.tell(
                "flow", f"There is no flow {admitted.flow}: it was deleted. The call is refused with 404."
            )
            return End("refused", f"is refused with 404: there is no flow {admitted.flow}", 404)
        caller = Caller(admitted.source.target, admitted.destination.target, admitted.source.target_name)
        walked = await walk(view.flows, flow, caller, datetime.now(UTC).astimezone())
        where = flow_place(flow)
        self._story.tell("flow", f"The flow {flow.name}{_goes(walked)}", where, lines=walked.lines)
        await self._connects(walked, outgoing, originator)
        return End("flow", f"runs the flow {flow.name} ({where})", 0, flow.name)

    async def _connects(self, walked: Walked, outgoing: Outgoing, originator: Originator) -> None:
        """Follow the flow to those whom it calls."""
        step = walked.stop.body if walked.stop is not None else None
        if not isinstance(step, Connect):
            return
        private = {"yes": True, "no": False}.get(step.anonymous, originator.private)
        source = step.calling()
        caller = call_address(source) if source is not None else originator.address
        for address in step.called():
            self._story.tell("connect", f"The step {step.type} calls {address.type} {address.target}.")
            await outgoing.reach(
                call_address(address), Originator(caller, originator.payer, private, originator.max_forwards)
            )


def decide(view: View, question: Question, event: Event) -> Admitted | Turned:
    """Return what the gate says of an INVITE whose caller knows the password, if it is somebody who has one."""
    admission = Admission(
        domain=view.config.domain,
        directory=lambda: view.directory,
        guard=Supposing(*users(view, question)),
        clock=lambda: 0.0,
        plan=view.plan,
        carrier_at=view.carrier_at,
    )
    return admission.decide(event)


def _originator(admitted: Admitted) -> Originator:
    """Return for whom calls are placed that an incoming one causes."""
    call = Call("", admitted.source, admitted.destination, payer=admitted.payer, private=admitted.private)
    call.max_forwards = 70  # the value of a first hop (RFC 3261 section 8.1.1.6)
    return call.originator()


def _goes(walked: Walked) -> str:
    if walked.stop is not None:
        return f" goes on by itself up to the step {walked.stop.action.type}:"
    return f" goes through by itself ({walked.ended}):" if walked.ended else " begins with:"
