"""Why an attempt was refused, in full: what was probably meant, and what to do; for who runs the server."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from flows.findings import did_you_mean
from voipbin_sip.calls.verdict import Ground
from voipbin_sip.domain import trunk_label
from voipbin_sip.explain.missing import missing
from voipbin_sip.explain.question import NOWHERE, BadQuestion, read_question
from voipbin_sip.explain.view import View
from voipbin_sip.observe.attempt import Attempt, Cause, in_words, span
from voipbin_sip.sip.uri import Uri

_BY_RULE = frozenset(
    {
        Cause.NO_PASSWORD,
        Cause.WRONG_PASSWORD,
        Cause.NO_SUCH_USER,
        Cause.NO_SUCH_NUMBER,
        Cause.NOT_FOR_STRANGERS,
        Cause.NOT_OUR_DOMAIN,
    }
)  # those that `explain` can tell
_NUMBERS = frozenset({Cause.NO_SUCH_NUMBER, Cause.NOT_FOR_STRANGERS})


@dataclass(frozen=True, slots=True)
class Refusal:
    """What there is to say of a refused attempt."""

    why: str
    advice: tuple[str, ...]  # what to do, one step each


def refusal(view: View, attempt: Attempt) -> Refusal:
    """Return why an attempt was refused, by the directory of now, and what to do about it."""
    return Refusal(_why(view, attempt), tuple(_advice(view, attempt)))


def _why(view: View, attempt: Attempt) -> str:
    said = in_words(attempt)
    if attempt.cause is Cause.NO_SUCH_USER:
        return f"{said}{did_you_mean(attempt.claimed, view.directory.extensions)}"
    if attempt.method != "INVITE" or (uri := _dialled(view, attempt)) is None:
        return said
    if attempt.cause in _NUMBERS and attempt.ground is not Ground.PROVIDER:
        if attempt.peer and view.plan.meaning(uri) is not None:
            return f"{said}; it is by now"
        return _small(missing(view, uri))
    if attempt.ground is Ground.TRUNK_PASSWORD:
        label = trunk_label(view.domain, uri) or ""
        if label not in view.directory.trunks:
            return f"{said}; there is no trunk {label}{did_you_mean(label, view.directory.trunks) or '.'}"
    elif attempt.cause is Cause.NO_PASSWORD and attempt.ground is Ground.EXTENSION:
        return f"{said}. {missing(view, uri)}"
    return said


def _dialled(view: View, attempt: Attempt) -> Uri | None:
    try:
        return read_question(attempt.callee).request_uri(view.domain or NOWHERE)
    except BadQuestion:
        return None


def _small(text: str) -> str:
    return f"{text[:1].lower()}{text[1:].rstrip('.')}"


def _advice(view: View, attempt: Attempt) -> Iterator[str]:
    """Yield what to do."""
    who = attempt.claimed or attempt.caller
    registers = attempt.method == "REGISTER"
    match attempt.cause:
        case Cause.NO_PASSWORD:
            yield (
                f"Give the phone the password of extension {who}."
                if who in view.directory.extensions
                else "Give the phone the name and password of an extension."
            )
            if not registers and who not in view.directory.extensions:
                yield (
                    f"Is it a carrier or PBX of yours? Name its address {attempt.source[0]} under allowed_ips of its "
                    "provider or trunk in the directory."
                )
            if not registers:
                yield "Or let anybody call the number: `public: true` in the directory."
        case Cause.WRONG_PASSWORD if attempt.ground is Ground.TRUNK_PASSWORD:
            yield "Compare the name and password of the other side with those of the trunk in the directory."
        case Cause.WRONG_PASSWORD:
            where = view.places.entry("extension", attempt.claimed)
            yield f"Compare the password in the phone with that of extension {attempt.claimed} ({where})."
        case Cause.NO_SUCH_USER:
            yield f"Add the extension {attempt.claimed} to the directory, or correct the name in the phone."
            yield "If you do not know this source, nothing is to be done: it was let in nowhere."
        case Cause.OTHER_EXTENSION:
            yield "Give the phone one and the same extension as user name and as authentication name."
        case Cause.NOT_OUR_DOMAIN:
            yield f"Let the phone use {view.config.domain} or an address of this server as its domain."
        case Cause.DRAINING:
            yield "Start the server again; it takes no new calls until then."
        case Cause.NO_MEDIA:
            yield "Give media.ports a wider range, and see `voipbin-sip doctor`."
        case Cause.FULL:
            yield "See how many calls there are: `voipbin-sip calls`."
        case _:
            pass
    if attempt.ban:
        host = attempt.source[0]
        left = view.standing(host).banned
        yield (
            f"{host} is banned for {span(left)} more: nothing that it sends is answered. protection.exempt in "
            "voipbin.yaml names sources that are never banned."
            if left
            else f"{host} was banned for a while, and is not any more."
        )
    if not registers and attempt.cause in _BY_RULE and attempt.callee:
        yield f"Ask again at any time: {_command(attempt)}"


def _command(attempt: Attempt) -> str:
    """Return the command that explains such a call."""
    words = ["voipbin-sip", "explain", "--to", attempt.callee, "--source", attempt.source[0]]
    if attempt.caller:
        words += ["--from", attempt.claimed or attempt.caller]
    if attempt.transport != "UDP":
        words += ["--transport", attempt.transport.lower()]
    return shlex.join(words)
