"""What the last calls tell: was everybody heard, who was turned away though he belongs here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import NoAnswer, Patient
from voipbin_sip.transport.address import is_local

LOOKED_AT = 50  # calls, and refused attempts
LONG = 100  # packets that we have sent: two seconds
SHOWN = 3  # phones with a wrong password


async def calls(patient: Patient, notes: Notes) -> None:
    """Look at the newest calls and refused attempts of the running server."""
    if patient.server is None:
        return
    try:
        await apart(lambda: _look(patient, notes))
    except NoAnswer:
        return  # the area "server" says so


def _look(patient: Patient, notes: Notes) -> None:
    """Raise NoAnswer."""
    size = f"page_size={LOOKED_AT}"
    _heard(patient, notes, patient.ask(f"/v1.0/calls?{size}")["result"])
    refused: Sequence[Mapping[str, Any]] = patient.ask(f"/v1.0/timelines/refused?{size}")["result"]
    _passwords(notes, [one for one in refused if one["cause"] == "wrong_password"])
    full = sum(one["count"] for one in refused if one["cause"] == "no_media")
    if full:
        notes.error(
            f"{full} call{' was' if full == 1 else 's were'} refused because no port was left for their sound",
            f"widen media.ports ({patient.config.media.ports}), and open it in the firewall",
            where=patient.key("media", "ports"),
        )


def _heard(patient: Patient, notes: Notes, found: Sequence[Mapping[str, Any]]) -> None:
    sounds = [call["quality"] for call in found if call["quality"].get("sent", 0) >= LONG]
    silent = sum(not sound["heard"] for sound in sounds)
    if not silent:
        if sounds:
            notes.ok(f"something was heard in each of the last {len(sounds)} calls")
        return
    advertise, span = patient.config.sip.advertise, patient.config.media.ports
    if advertise != "auto" and not is_local(advertise):
        advice = (
            f"they were told to send their sound to {advertise} (sip.advertise), which this machine does not have: "
            f"is it the router in front, and does it forward UDP {span}? Else change it; see docs/nat.md"
        )
        where = patient.key("sip", "advertise")
    else:
        advice = f"a firewall drops UDP {span}, here or on the way: open it; see docs/nat.md"
        where = patient.key("media", "ports")
    notes.warning(
        f"nothing was heard of the other side in {silent} of the last {len(sounds)} answered calls",
        advice,
        where=where,
    )


def _passwords(notes: Notes, refused: Sequence[Mapping[str, Any]]) -> None:
    """Tell of phones and trunks that are ours, and have a wrong password."""
    for one in refused[:SHOWN]:
        times = "once" if one["count"] == 1 else f"{one['count']} times"
        what = "could not register" if one["method"] == "REGISTER" else "could not call"
        notes.warning(
            f"{one['callee'] if one['method'] == 'REGISTER' else one['caller']} {what} from {one['source']}, "
            f"{times}: {one['why']}",
            "compare its password with that of the directory; if you do not know the address, somebody guesses",
        )
