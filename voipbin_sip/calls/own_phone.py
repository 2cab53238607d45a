"""Keeps a call from ringing the phone that it comes from: who calls a group of phones means the others."""

from __future__ import annotations

from collections.abc import Sequence

from voipbin_sip.calls.outgoing import Target
from voipbin_sip.calls.ringing import Wanted
from voipbin_sip.calls.session import CallSession
from voipbin_sip.sip.dialog import Dialog, cached_uri
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.name_addr import parse_name_addr


def without_own_phone(caller: CallSession, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Return whom to ring without the caller's own phone; who calls that alone wants it to ring."""
    dialog = caller.dialog
    if dialog is None or not any(_is_own(caller, dialog, target) for _, ways in wanted for target in ways):
        return list(wanted)
    others: list[Wanted] = [
        (destination, [target for target in ways if not _is_own(caller, dialog, target)])
        for destination, ways in wanted
    ]
    if len(wanted) == 1 and not others[0][1]:
        return list(wanted)
    return others


def _extension(caller: CallSession, dialog: Dialog) -> str:
    """Return whose phone a call is with; of who was not asked for a password, From tells. "" = no phone of ours."""
    if peer := caller.call.peer:
        return peer.removeprefix("extension:") if peer.startswith("extension:") else ""
    try:
        return parse_name_addr(dialog.remote_party).uri.user or ""
    except RemoteProtocolError:
        return ""


def _is_own(caller: CallSession, dialog: Dialog, target: Target) -> bool:
    """Tell whether a target is the phone that a call is with; an extension may have other phones."""
    if not target.extension or target.extension != _extension(caller, dialog):
        return False
    there, here = cached_uri(target.uri), cached_uri(dialog.remote_target)
    if (there.user, there.host.lower(), there.port) == (here.user, here.host.lower(), here.port):
        return True
    # Behind a proxy (Path) all phones share an address; elsewhere it is the phone's own, or its NAT's for it.
    return not target.route and any(hop.remote == dialog.hop.remote for hop in target.hops)
