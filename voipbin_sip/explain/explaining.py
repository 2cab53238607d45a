"""Answers a question: in which direction the call goes, and what then becomes of it."""

from __future__ import annotations

from dataclasses import replace

from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.dialplan import Reading
from voipbin_sip.calls.numbering import dialled_number, international, own_number
from voipbin_sip.domain import serves
from voipbin_sip.explain.explanation import Decision, Explanation, Story
from voipbin_sip.explain.incoming import Incoming
from voipbin_sip.explain.outgoing import Outgoing
from voipbin_sip.explain.question import ANONYMOUS, Question
from voipbin_sip.explain.view import View
from voipbin_sip.masking import unmasked
from voipbin_sip.values import E164

OFFLINE = (
    "no server runs with this configuration, so only the files were looked at: which phones are registered, how "
    "providers are, what is used of limits, who is banned and what the API made is not known"
)


async def explain(view: View, question: Question) -> Explanation:
    """Return what would happen to a call. Raises BadQuestion."""
    story = Story()
    placed = _placed(view, question)
    if placed is not None:
        address, originator = placed
        who = _who(view, question, originator)
        story.tell("caller", who)
        end = await Outgoing(view, story, resolve=question.resolve).reach(address, originator)
    else:
        end = await Incoming(view, question, story).come()
    asked = f"{question.to} {question.caller} {_international(view, question)}"
    return Explanation(
        _title(question),
        end.result,
        unmasked(end.summary, asked),
        end.status,
        end.target,
        tuple(replace(one, refused=unmasked(one.refused, asked)) for one in story.sent),
        tuple(_whole(decision, asked) for decision in story.decisions),
        view.live,
        () if view.live else (OFFLINE,),
    )


def _whole(decision: Decision, asked: str) -> Decision:
    """Return a decision with the numbers whole that were asked about; reasons of refusals are made for logs too."""
    lines = tuple(unmasked(line, asked) for line in decision.lines)
    return replace(decision, text=unmasked(decision.text, asked), lines=lines)


def _international(view: View, question: Question) -> str:
    """Return both numbers of a question as they are dialled outside."""
    texts = (
        dialled_number(uri) for uri in (question.request_uri(view.domain), question.from_uri(view.domain))
    )
    return " ".join(international(text, view.plan.home) for text in texts)


def _placed(view: View, question: Question) -> tuple[Address, Originator] | None:
    """Return what a flow or the API would call, and for whom; None for calls that come in.

    A call comes in where it is said where from, or where its caller is a phone or somebody else's number.
    """
    caller = question.from_uri(view.domain)
    meaning = view.plan.meaning(question.request_uri(view.domain))
    if question.source or meaning is None or meaning.reading not in (Reading.OUTSIDE, Reading.ELSEWHERE):
        return None
    if not question.caller or question.caller == ANONYMOUS:
        number = ""
    else:
        name = dialled_number(caller)
        own = (
            own_number(view.directory.numbers, name, view.plan.home) if serves(view.domain, caller) else None
        )
        if own is None or name in view.directory.extensions:
            return None
        number = own.number
    assert meaning.connect is not None
    kind = "tel" if E164.fullmatch(number) or not number else "extension"
    return meaning.connect, Originator(Address(kind, number), private=question.caller == ANONYMOUS)


def _who(view: View, question: Question, originator: Originator) -> str:
    number = originator.address.target
    named = f"with our number {number}" if number else "without a number of its own"
    hidden = ", hidden" if originator.private else ""
    return (
        f"A flow or the API places this call, {named}{hidden}. (A phone's call is asked about with --from EXTENSION, "
        "one that comes in with --source.)"
    )


def _title(question: Question) -> str:
    who = question.caller or (f"a caller at {question.source}" if question.source else "somebody")
    at = f" from {question.source}" if question.source and question.caller else ""
    return f"{who}{at} calls {question.to}"
