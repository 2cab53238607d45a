"""What a call came to, in words: why it ended, and what went wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from voipbin_sip.terminal.descriptions import Offer, offer_of, told_address
from voipbin_sip.terminal.story import CallStory, Leg, Sound, Step

BARS = "▁▂▃▄▅▆▇█"
NOTICED_LOSS = 2.0  # %: from here on, people hear it
NOTICED_JITTER = 60.0  # ms
NOTICED_TRIP = 400.0  # ms: people begin to talk into each other's words (ITU-T G.114)
AT_ONCE = timedelta(seconds=1)  # between the ends of two sides that talked
DISK_FULL = "disk full"  # why a recording ended
DIRECT = "direct"  # the flow of a call to another phone, see `flowhost/direct.py`
NO_CODEC = 488  # Not Acceptable Here
PROTOCOL = "Incompatible transport protocol"  # warning 302 of RFC 3261 section 20.43: plain RTP or SRTP
_NOT_CALLED = re.compile(r" \((not called: .+)\)$")  # the end of a connect's detail
SOUNDLESS = 2.0  # seconds of an answered call within which something has to be heard


def verdict(story: CallStory) -> str:
    """Return in one line what became of a call, and why."""
    call = story.call
    if call.goes_on:
        return f"goes on: {_doing(story)}"
    said = call.end_reason or "it ended, nobody has written down why"
    if call.hangup_by == "remote":
        return said
    if (reason := _reason(story)) is not None:
        return f"{reason}; so {said}"
    if call.answered is not None and ": " not in said and story.steps:
        return f"{said}: {_last_word(story.steps[-1])}"
    return said


def _doing(story: CallStory) -> str:
    call = story.call
    if call.status in ("dialing", "ringing"):
        return "it rings, nobody has answered yet"
    if call.status != "progressing":
        return "it is being ended"
    if call.step:
        return f"at {call.step}"
    return f"in flow {story.flow}" if story.flow else "the two sides talk"


def _reason(story: CallStory) -> str | None:
    """Return why the server may have ended a call by itself: no codec, nobody was reached, or else a step failed."""
    if story.call.sip_status == NO_CODEC and (offer := offer_of(story.call)) is not None:
        return _not_acceptable(offer, story.call.end_reason)
    if (first := _hung_up_before(story)) is not None:
        return first.end_reason
    legs = [leg for leg in story.legs if leg.relation == "placed for it"]
    connect = _last_connect(story.steps)
    if legs and not any(leg.answered for leg in legs):
        ends = [_end(leg) for leg in legs if _has_failed(leg) and leg.end_reason]
        if ends:
            others = _NOT_CALLED.findall(connect.detail) if connect is not None else []
            return "; ".join([*dict.fromkeys(ends[-3:]), *others])
    if connect is not None and not legs:
        if connect.flow == DIRECT:  # the caller dialled that phone: no file has the step
            return connect.detail.partition(": ")[2] or connect.detail
        return f"{place(connect)} reached nobody: {connect.detail}"
    failed = [step for step in story.steps if step.outcome == "failed"]
    return f"{place(failed[-1])} failed: {failed[-1].detail}" if failed else None


def _not_acceptable(offer: Offer, end: str) -> str:
    """Return why we could not accept an offer."""
    if PROTOCOL not in end:
        return f"no codec in common, the caller offers {', '.join(offer.codecs)}"
    if offer.is_webrtc:
        return "the caller encrypts its sound as browsers do (DTLS-SRTP), which is not spoken here"
    if offer.is_encrypted:
        return "the caller wants its sound encrypted, which media.srtp turns off"
    return "the caller does not encrypt its sound, and media.srtp demands it"


def _last_word(step: Step) -> str:
    return place(step) if step.type in ("hangup", "stop") else f"the flow was at its end, after {place(step)}"


def _last_connect(steps: Sequence[Step]) -> Step | None:
    found = [step for step in steps if step.type == "connect"]
    result = found[-1].values.get("voipbin.connect.result", "") if found else ""
    return found[-1] if result not in ("", "answered", "canceled") else None


def _hung_up_before(story: CallStory) -> Leg | None:
    """Return the side that hung up a moment before the server ended this one, having talked with it."""
    call = story.call
    if call.ended is None or call.answered is None:
        return None
    for leg in story.legs:
        talked = leg.answered is not None and leg.ended is not None and leg.relation != "rang beside it"
        if talked and leg.hangup_by == "remote" and abs(call.ended - (leg.ended or call.ended)) <= AT_ONCE:
            return leg
    return None


def troubles(story: CallStory) -> Sequence[str]:
    """Return what went wrong on the way, one line each; the verdict may name some of it too."""
    found = [f"{place(step)} failed: {step.detail}" for step in story.steps if step.outcome == "failed"]
    found += [
        f"{place(step)} was skipped: {step.detail}" for step in story.steps if step.outcome == "skipped"
    ]
    found += [f"the call to {leg.destination}: {_end(leg)}" for leg in story.legs if _has_failed(leg)]
    found += story.notes
    found += [
        f"the recording ended after {length(one.seconds)}: the disk is full"
        for one in story.recordings
        if one.end_reason == DISK_FULL
    ]
    for leg in story.all_legs:
        found += [f"{far_end(leg)}: {words}" for words in sound_troubles(leg)]
    return list(dict.fromkeys(found))


def _end(leg: Leg) -> str:
    offer = offer_of(leg) if leg.sip_status == NO_CODEC else None
    if offer is None:
        return leg.end_reason
    kind = ", encrypted" if offer.is_encrypted else ""
    return f"{leg.end_reason} (we offer {', '.join(offer.codecs)}{kind})"


def _has_failed(leg: Leg) -> bool:
    own = leg.end_reason.startswith("this server cancelled")
    return leg.direction == "outgoing" and not leg.goes_on and leg.answered is None and not own


def far_end(leg: Leg) -> str:
    """Return whom a leg leads to."""
    return leg.source if leg.direction == "incoming" else leg.destination


def sound_troubles(leg: Leg) -> Iterator[str]:
    """Yield what people will have noticed of a leg's sound."""
    sound, answered = leg.sound, leg.answered
    if sound is None:
        if (
            answered is not None
            and leg.ended is not None
            and (leg.ended - answered).total_seconds() > SOUNDLESS
        ):
            yield "no sound at all, neither way"
        return
    if not sound.heard and sound.sent >= SOUNDLESS * 50:  # packets of 20 ms
        yield _unheard(leg, sound)
    if sound.heard and sound.sent and sound.sent_lost is not None and sound.sent_lost >= 90:
        yield "it heard nothing: our sound did not arrive there"
    elif sound.sent_lost is not None and sound.sent_lost >= NOTICED_LOSS:
        yield f"it missed {sound.sent_lost:g} % of our sound"
    if sound.heard_lost is not None and sound.heard and sound.heard_lost >= NOTICED_LOSS:
        yield f"{sound.heard_lost:g} % of its sound was lost on the way"
    if max(sound.heard_jitter or 0.0, sound.sent_jitter or 0.0) >= NOTICED_JITTER:
        yield f"its sound came unevenly (jitter {max(sound.heard_jitter or 0, sound.sent_jitter or 0):.0f} ms)"
    if (sound.round_trip or 0.0) >= NOTICED_TRIP:
        yield f"long delay: {sound.round_trip:.0f} ms there and back"


def _unheard(leg: Leg, sound: Sound) -> str:
    if sound.foreign:
        return f"nothing was heard of it; {sound.foreign} packets came from an address that it had not named"
    told = told_address(leg)
    if told is None:
        return "nothing was heard of it: its sound did not arrive (a firewall, or a wrong address in its SDP)"
    where = f"it was told to send its sound to {told.host}:{told.port}"
    if told.is_ours:
        return f"nothing was heard of it, though {where}, which is here: a firewall, or it is muted"
    other = f", while this server talks with it at {told.own}" if told.own else ""
    return f"nothing was heard of it: {where}{other}"


def place(step: Step) -> str:
    """Return where a step stands and what it is: "reception.yaml:12 talk"."""
    return f"{step.at} {step.type}" if step.at else f"{step.flow} {step.type}"


def length(seconds: float) -> str:
    """Return a time for people: "850 ms", "12.3 s", "4 min 05 s", "1 h 02 min"."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s".replace(".0 ", " ")
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"


def offset(at: datetime, began: datetime) -> str:
    """Return when something was, since a call began: "+1.250", "+2:03.4"."""
    seconds = max(timedelta(0), at - began).total_seconds()
    return f"+{seconds:.3f}" if seconds < 60 else f"+{seconds // 60:.0f}:{seconds % 60:04.1f}"


def sparkline(values: Sequence[float | None], low: float, high: float, width: int) -> str:
    """Return a row of bars, at most `width` wide; of what shares a bar the lowest is shown. None: a dot."""
    if not values or width < 1:
        return ""
    count = min(width, len(values))
    bars = []
    for at in range(count):
        part = values[at * len(values) // count : (at + 1) * len(values) // count]
        known = [value for value in part if value is not None]
        if not known:
            bars.append("·")
            continue
        share = (min(max(min(known), low), high) - low) / (high - low)
        bars.append(BARS[min(len(BARS) - 1, int(share * len(BARS)))])
    return "".join(bars)
