"""What the page of a call says is to be done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.terminal.stories import GOOD, INCOMING, REFUSED, ended_by_us, message, step, story
from voipbin_sip.terminal.advice import advice
from voipbin_sip.terminal.descriptions import told_address
from voipbin_sip.terminal.story import CallStory, Leg, Recording, Sound
from voipbin_sip.terminal.words import troubles, verdict

UNHEARD = replace(GOOD, heard=0, heard_lost=None)
OURS = ended_by_us("this server refused the call: 480 rejected")


def unreached(why: str) -> CallStory:
    connect = step("connect", 4, why, voipbin__connect__result="refused")
    return story(replace(OURS, answered=None), steps=[connect])


def placed(end: str) -> CallStory:
    return story(replace(OURS, answered=None), legs=[replace(REFUSED, end_reason=end)])


def listening(host: str, sound: Sound = UNHEARD) -> Leg:
    """Return a call that was told to send its sound to a host, while it talks SIP with 192.0.2.1."""
    body = f"v=0\r\nc=IN IP4 {host}\r\nm=audio 20282 RTP/AVP 0\r\n"
    offer = message("INVITE sip:100@x SIP/2.0", more=body.replace(host, "198.51.100.7"))
    return replace(
        INCOMING, sound=sound, messages=[offer, message("SIP/2.0 200 OK", incoming=False, more=body)]
    )


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (unreached("unreachable: no phone is registered for extension 1001"), "Is the phone of 1001 on"),
        (unreached("refused: outbound.allow names no beginning of +1555…23"), "outbound.allow"),
        (unreached("refused: the country FR is not in outbound.countries"), "outbound.countries"),
        (
            placed("this server placed no call: the server has begun 2 calls within a minute"),
            "outbound.limits",
        ),
        (placed("the provider carrier refused: 403 from 127.0.0.9, caller id not owned"), "number is shown"),
        (
            placed("the provider carrier did not answer: nothing came back from 192.0.2.9"),
            "tries carrier out",
        ),
        (
            placed("the provider carrier does not accept our name and password: 407"),
            "password of the provider",
        ),
        (placed("the provider carrier has no codec in common with us: 488"), "which codecs it takes"),
        (
            story(steps=[step("fetch", 5, "the host 'x' is in a private range", "failed")]),
            "http.allow_private",
        ),
        (story(steps=[step("branch", 5, "more than 200 steps without waiting", "failed")]), "in a circle"),
        (replace(story(), notes=["the mail server refused a mail: 550 no"]), "tries the mail server"),
        (replace(story(), recordings=[Recording("1", "ended", 1.0, "disk full", (), 0.0)]), "Make room"),
        (story(listening("203.0.113.9")), "Is 203.0.113.9 the router in front of this server?"),
        (story(listening("192.0.2.1")), "drops UDP to port 20282"),
        (story(replace(INCOMING, sound=UNHEARD)), "Open UDP of media.ports"),
    ],
)
def test_what_helps(what: CallStory, words: str) -> None:
    (told,) = advice(what)
    assert words in told


@pytest.mark.parametrize(
    "what",
    [
        story(),
        story(ended_by_us()),
        story(replace(INCOMING, ended=None, status="progressing")),
        story(listening("203.0.113.9", GOOD)),
        placed("the provider carrier is busy: 486 from 127.0.0.9"),
    ],
)
def test_where_nothing_is_wrong_nothing_is_said(what: CallStory) -> None:
    assert advice(what) == []


def test_the_same_is_said_once() -> None:
    why = "unreachable: no phone is registered for extension 1001"
    found = advice(
        replace(
            unreached(why), legs=[replace(REFUSED, end_reason="no phone is registered for extension 1001")]
        )
    )
    assert len(found) == 1


def test_an_address_that_is_not_ours_is_named() -> None:
    leg = listening("203.0.113.9")
    told = told_address(leg)
    assert told is not None
    assert (told.host, told.port, told.own) == ("203.0.113.9", 20282, "192.0.2.1")
    (words,) = troubles(story(leg))
    assert "told to send its sound to 203.0.113.9:20282" in words
    (words,) = troubles(story(listening("192.0.2.1")))
    assert "though it was told to send its sound to 192.0.2.1:20282, which is here" in words
    assert told_address(replace(leg, messages=[])) is None


def offering(protocol: str, end: str = "Incompatible transport protocol") -> CallStory:
    offer = message("INVITE sip:100@x SIP/2.0", more=f"m=audio 4000 {protocol} 0\r\n")
    why = f"this server refused the call: {end}"
    return story(replace(ended_by_us(why), answered=None, sip_status=488, sound=None, messages=[offer]))


@pytest.mark.parametrize(
    ("protocol", "words", "help_"),
    [
        ("RTP/AVP", "the caller does not encrypt its sound, and media.srtp demands it", "Turn on SRTP"),
        ("RTP/SAVP", "the caller wants its sound encrypted, which media.srtp turns off", "Turn off SRTP"),
        ("UDP/TLS/RTP/SAVPF", "as browsers do (DTLS-SRTP)", ""),
    ],
)
def test_encryption_is_not_taken_for_a_codec(protocol: str, words: str, help_: str) -> None:
    assert words in verdict(offering(protocol))
    assert [told[: len(help_)] for told in advice(offering(protocol))] == ([help_] if help_ else [])


def test_a_codec_is_one() -> None:
    told = verdict(offering("RTP/AVP", "Incompatible media format"))
    assert told.startswith("no codec in common, the caller offers PCMU")


def test_an_offer_of_ours_that_is_encrypted() -> None:
    offer = message("INVITE sip:1@x SIP/2.0", incoming=False, more="m=audio 4000 RTP/SAVP 0\r\n")
    end = "the provider carrier has no codec in common with us: 488 from 192.0.2.9"
    leg = replace(REFUSED, sip_status=488, end_reason=end, messages=[offer])
    whole = story(replace(OURS, answered=None), legs=[leg])
    assert any("(we offer PCMU, encrypted)" in words for words in troubles(whole))
    assert any("may not encrypt" in words for words in advice(whole))
