"""In whose name the target of a transfer is called, at whose cost, and what its INVITE says of the transfer."""

from __future__ import annotations

from dataclasses import replace

from voipbin_sip.calls.call import Address, Call, Originator
from voipbin_sip.calls.outgoing import Target
from voipbin_sip.calls.states import Direction
from voipbin_sip.sip.name_addr import NameAddr
from voipbin_sip.sip.replaces import Replaces
from voipbin_sip.sip.uri import Uri


def referral(transferee: Call, transferor: Call) -> Originator:
    """Return for whom the target is called: the transferee is shown, the transferor answers for it."""
    private = _is_private(transferee)
    return Originator(_far_end(transferee), payer(transferor), private, transferor.max_forwards - 1)


def payer(transferor: Call) -> str:
    """Return who answers for what a transferor causes: the caller that it is, or our phone that was called."""
    if transferor.direction is Direction.INCOMING:
        return transferor.payer
    phone = transferor.destination
    return f"extension:{phone.target}" if phone.type == "extension" else transferor.payer


def referred(target: Target, transferor: Call, replaces: Replaces | None, domain: str) -> Target:
    """Return a target that is told who sends it the call (RFC 3892), and which one of its own to give up for it.

    `domain` is of our addresses.
    """
    headers = list(target.headers)
    if not _is_private(transferor):
        user, _, host = _far_end(transferor).target.partition("@")
        headers.append(("Referred-By", str(NameAddr("", Uri("sip", user=user, host=host or domain)))))
    if replaces is not None:
        headers += [("Replaces", str(replaces)), ("Require", "replaces")]
    onward = tuple(referred(way, transferor, replaces, domain) for way in target.onward)
    return replace(target, headers=tuple(headers), onward=onward)


def _far_end(call: Call) -> Address:
    """Return who is at the other end of a call."""
    return call.source if call.direction is Direction.INCOMING else call.destination


def _is_private(call: Call) -> bool:
    """Return whether the other end of a call is not to be shown; `private` of a call of ours is about its caller."""
    return call.private and call.direction is Direction.INCOMING
