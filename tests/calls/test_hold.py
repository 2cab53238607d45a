"""Phones that we put on hold: what offers and answers say meanwhile, and who is not taken for gone."""

from __future__ import annotations

from media.messages import RtpTimeout
from tests.calls.exchange import Exchange
from tests.calls.test_sound import Leg, leg_sound, offer
from voipbin_sip.calls.sound import LegSound
from voipbin_sip.sip.sdp import SessionDescription, parse_sdp

PHONE = "203.0.113.7"


def direction(description: SessionDescription) -> str:
    return description.direction_of(description.media[0])


def held() -> tuple[LegSound, Leg]:
    leg = Leg()
    sound = leg_sound(leg)
    sound.answer(offer(PHONE))
    sound.holding = True
    return sound, leg


def reply(word: str) -> SessionDescription:
    return parse_sdp(
        f"v=0\r\no=- 1 2 IN IP4 {PHONE}\r\ns=-\r\nc=IN IP4 {PHONE}\r\nt=0 0\r\n"
        f"m=audio 4000 RTP/AVP 0\r\na={word}\r\n".encode()
    )


def test_a_phone_on_hold_hears_us_and_is_not_heard() -> None:
    sound, leg = held()
    assert direction(sound.offer()) == "sendonly"
    sound.accept(reply("recvonly"))
    assert (leg.streams[-1].send, leg.streams[-1].receive) == (True, False)
    sound.holding = False
    assert direction(sound.offer()) == "sendrecv"
    sound.accept(reply("sendrecv"))
    assert (leg.streams[-1].send, leg.streams[-1].receive) == (True, True)


def test_a_phone_on_hold_that_asks_for_something_else_stays_on_hold() -> None:
    sound, leg = held()
    assert direction(sound.answer(reply("sendrecv"))) == "sendonly"
    assert not leg.streams[-1].receive
    assert direction(sound.answer(reply("sendonly"))) == "inactive"  # it holds us too
    assert direction(sound.answer(reply("recvonly"))) == "sendonly"


def test_both_hold_and_one_takes_the_other_back() -> None:
    sound, leg = held()
    sound.answer(reply("sendonly"))
    sound.holding = False
    sound.offer()
    sound.accept(reply("sendonly"))  # it still holds
    assert (leg.streams[-1].send, leg.streams[-1].receive) == (False, True)


async def test_a_phone_on_hold_that_sends_nothing_is_not_gone() -> None:
    office = Exchange()
    session = office.phone("1")
    assert session.hold(True)
    session.on_rtp_timeout(RtpTimeout(1, 60.0))
    assert session.call.status == "progressing"
    session.offer_answered(reply("recvonly"))
    assert session.hold(False)
    session.on_rtp_timeout(RtpTimeout(1, 60.0))
    assert session.call.status == "terminating"


async def test_a_phone_that_does_not_ring_through_cannot_be_held() -> None:
    office = Exchange()
    assert not office.new_call("1").hold(True)
