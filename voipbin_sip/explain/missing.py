"""Why what was dialled leads nowhere, with what was probably meant."""

from __future__ import annotations

from voipbin_sip.calls.dialplan import Reading
from voipbin_sip.calls.numbering import dialled_number
from voipbin_sip.explain.near import near
from voipbin_sip.explain.view import View
from voipbin_sip.sip.uri import Uri


def missing(view: View, uri: Uri) -> str:
    """Return why what was dialled leads nowhere for a caller who has proved nothing, with what was probably meant."""
    text = dialled_number(uri)
    meaning = view.plan.meaning(uri)
    if meaning is not None and meaning.number is not None:
        entry = meaning.number
        where = view.places.entry("number", entry.number)
        return (
            f"{entry.number} is a number of ours ({where}) and runs the flow {entry.flow}, but only phones and "
            "trunks of ours may call it: it is not public."
        )
    if meaning is not None and meaning.reading is Reading.OUTSIDE:
        hint = near(text, view.directory) or "."
        return f"{text} is no number of ours{hint} Only phones and trunks of ours may call numbers outside."
    if meaning is not None:
        return f"Only phones and trunks of ours may call {meaning.called.type} {meaning.called.target}."
    entry_ = view.directory.numbers.get(text)
    if entry_ is not None:
        return f"{text} is ours ({view.places.entry('number', text)}), but has no flow."
    why = f"There is no number, extension or conference '{text}'{near(text, view.directory) or '.'}"
    if text.isdigit() and len(text) > 5 and not view.plan.home:
        why += (
            " Numbers without + or 00 in front are read as national ones where "
            "outbound.default_outgoing_source_number says of which country; it is not set."
        )
    return why
