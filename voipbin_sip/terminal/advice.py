"""What to do about a call that went wrong, for people who know no SIP: by the words that its page says it with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from voipbin_sip.terminal.descriptions import told_address
from voipbin_sip.terminal.story import CallStory, Leg
from voipbin_sip.terminal.words import SOUNDLESS, troubles, verdict

# By words of the verdict or of what went wrong on the way; what stands in (…) is filled in.
_KNOWN: Sequence[tuple[str, str]] = (
    (
        r"the caller offers",
        "Choose PCMU, PCMA or G722 among the codecs of the phone or PBX that called.",
    ),
    (
        r"media\.srtp demands it",
        "Turn on SRTP in the phone (often called encrypted media, with keys by SDES), or set media.srtp: optional in "
        "voipbin.yaml; see docs/tls.md.",
    ),
    (
        r"which media\.srtp turns off",
        "Turn off SRTP in the phone, or set media.srtp: optional in voipbin.yaml; see docs/tls.md.",
    ),
    (
        r"no codec in common with us.* encrypted\)",
        "The other side may not encrypt its sound: `srtp` of the provider in directory.yaml says what it is offered.",
    ),
    (
        r"no codec in common with us",
        "Ask the other side which codecs it takes; `codecs` of a provider in directory.yaml says what it is offered.",
    ),
    (
        r"no phone is registered for extension (\S+?)(?=[;,]|$)",
        "Is the phone of {0} on, and are its server, user and password right? `voipbin-sip calls` lists phones "
        "whose password was refused.",
    ),
    (
        r"outbound\.allow names no beginning",
        "If such calls shall go out, add the beginning of the number to outbound.allow in voipbin.yaml (docs/toll.md).",
    ),
    (
        r"is not in outbound\.countries",
        "If such calls shall go out, add the country to outbound.countries in voipbin.yaml (docs/toll.md).",
    ),
    (
        r"has begun \S+ calls? within a minute|calls? already|has used its \S+ minutes of today",
        "`voipbin-sip explain --to NUMBER` shows what the limits leave; they are outbound.limits in voipbin.yaml, and "
        "`limits` of an extension, trunk or provider.",
    ),
    (
        r"(provider|trunk) (\S+) refused: 403",
        "A 403 is mostly a number shown that the carrier does not know as ours, or a kind of call that it does not "
        "allow: `voipbin-sip explain --to NUMBER` tells which number is shown; compare it with the carrier's contract.",
    ),
    (
        r"is not ours, and there is no outbound\.default_outgoing_source_number",
        "Set outbound.default_outgoing_source_number in voipbin.yaml to one of your numbers; calls show it then.",
    ),
    (
        r"does not accept our name and password",
        "Check username and password of the provider or trunk in directory.yaml.",
    ),
    (
        r"(?:provider|trunk) (\S+) did not answer: nothing came back",
        "`voipbin-sip doctor` tries {0} out: its address, port, transport, and the firewall between.",
    ),
    (
        r"is in a private range",
        "If the web server is yours, add its name to http.allow_private in voipbin.yaml.",
    ),
    (
        r"steps without waiting",
        "The flow goes round in a circle: let it wait for the caller, or end. `voipbin-sip check` and "
        "`voipbin-sip flow graph FILE` show the circle.",
    ),
    (r"the mail server", "`voipbin-sip doctor` tries the mail server out: address, password, sender."),
    (
        r"the disk is full",
        "Make room on the disk of the data folder: `voipbin-sip doctor` says how much is left.",
    ),
)


def advice(story: CallStory) -> Sequence[str]:
    """Return what to do, a sentence or two for each fault; empty where nothing is known to help."""
    said = [verdict(story), *troubles(story)]
    found: list[str] = []
    for pattern, words in _KNOWN:
        matches = (re.search(pattern, line) for line in said)
        found += [words.format(*match.groups()) for match in matches if match is not None]
    for leg in story.all_legs:
        found += _about_sound(leg)
    return list(dict.fromkeys(found))


def _about_sound(leg: Leg) -> Iterator[str]:
    sound = leg.sound
    if sound is None or sound.heard or sound.foreign or sound.sent < SOUNDLESS * 50:
        return
    told = told_address(leg)
    if told is None:
        yield "Open UDP of media.ports in the firewalls on the way; see docs/nat.md."
    elif told.is_ours:
        yield (
            f"A firewall between the phone and this server drops UDP to port {told.port}: open media.ports in it. "
            "`voipbin-sip doctor` tries the one on this machine; see docs/nat.md."
        )
    else:
        yield (
            f"Is {told.host} the router in front of this server? If not, correct sip.advertise in voipbin.yaml; if so, "
            "let it forward UDP of media.ports to this machine. See docs/nat.md."
        )
