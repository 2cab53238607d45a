"""Re-INVITE and UPDATE of the peer (RFC 3261 section 14.2, RFC 3311)."""

import pytest

from tests.sip.core_harness import ANSWER, OFFER, Net, Phone, Text, description
from voipbin_sip.sip.events import Confirmed, Ended, Offer, OfferAnswered
from voipbin_sip.sip.sdp import SessionDescription

HOLDS = {
    "sendonly": OFFER + "a=sendonly\r\n",
    "inactive": OFFER + "a=inactive\r\n",
    "zero address": OFFER.replace("c=IN IP4 203.0.113.7", "c=IN IP4 0.0.0.0"),
}


def offered(net: Net) -> SessionDescription:
    offer = net.of(Offer)[-1].offer
    assert offer is not None
    return offer


def accepted(net: Net, leg: str) -> Text:
    net.core.accept_offer(net.now, leg, description())
    net.collect()
    return net.last


@pytest.mark.parametrize("form", HOLDS)
def test_hold_comes_up_as_an_offer_and_its_answer_goes_out_in_the_200(form: str) -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.send("INVITE", body=HOLDS[form])
    offer = offered(net)
    if form == "zero address":
        connection = offer.connection_of(offer.media[0])
        assert connection is not None
        assert connection.host == "0.0.0.0"
    else:
        assert offer.direction_of(offer.media[0]) == form
    answer = accepted(net, leg)
    assert (answer.status, answer.method, answer.body) == (200, "INVITE", ANSWER)
    assert answer.to_tag == phone.to_tag
    phone.ack()
    net.run(40)
    assert net.of(Ended) == []
    assert len(net.of(Confirmed)) == 1


def test_a_repeated_reinvite_asks_the_user_once() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    again = phone.text("INVITE", body=OFFER)
    phone.give(again)
    phone.give(again)
    accepted(net, leg)
    phone.give(again)
    assert len(net.of(Offer)) == 1
    phone.ack()
    phone.give(again)
    assert net.responses("INVITE")[2:] == [100, 100, 200]


def test_the_200_to_a_reinvite_is_repeated_and_without_ack_the_call_ends() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.send("INVITE", body=OFFER)
    accepted(net, leg)
    net.run(33)
    assert net.responses("INVITE").count(200) == 1 + 11
    assert net.one(Ended).reason == "no ACK"
    assert net.last.method == "BYE"


def test_a_refused_offer_leaves_the_call_as_it_was() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.send("INVITE", body=OFFER, contact="<sip:alice@203.0.113.99>")
    net.core.refuse_offer(net.now, leg, 488, "No Such Codec")
    net.collect()
    assert net.last.start == "SIP/2.0 488 No Such Codec"
    phone.give(phone.text("ACK", cseq=phone.cseq, branch=f"z9hG4bK-alice-{phone.branches}"))
    net.run(40)
    assert net.responses("INVITE").count(488) == 1
    assert net.of(Ended) == []
    net.core.hang_up(net.now, leg)
    net.collect()
    assert net.last.uri == phone.contact.strip("<>")


def test_a_second_reinvite_while_one_is_pending_gets_500_with_retry_after() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.send("INVITE", body=OFFER)
    phone.send("INVITE", body=OFFER)
    assert net.last.status == 500
    assert 0 <= int(net.last["Retry-After"]) <= 10
    answer = accepted(net, leg)
    assert answer["CSeq"] == "2 INVITE"
    assert len(net.of(Offer)) == 1


def test_a_reinvite_before_the_first_answer_gets_500_with_retry_after() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.ring(net.now, leg)
    net.collect()
    phone.to_tag = net.last.to_tag
    phone.send("INVITE", body=OFFER)
    assert net.last.status == 500
    assert "Retry-After" in net.last


def test_a_reinvite_with_a_lower_or_equal_cseq_gets_500() -> None:
    net = Net()
    phone = Phone(net, cseq=10)
    phone.establish()
    assert phone.send("INVITE", cseq=5, body=OFFER).status == 500
    assert phone.send("INFO", cseq=11).status == 500
    assert net.of(Offer) == []
    assert phone.send("INFO", cseq=12).status == 200


def test_glare_their_reinvite_meets_ours() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    net.core.offer(net.now, leg, description())
    phone.send("INVITE", body=OFFER)
    assert net.last.status == 491
    assert phone.send("UPDATE", body=OFFER).status == 491
    assert net.of(Offer) == []


def test_an_offerless_reinvite_asks_for_our_offer() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.send("INVITE")
    assert net.one(Offer).offer is None
    assert accepted(net, leg).body == ANSWER
    assert phone.send("UPDATE", body=OFFER).status == 491
    phone.ack(OFFER, cseq=2)
    answered = net.one(OfferAnswered)
    assert answered.answer.media[0].port == 40000


def test_an_offerless_reinvite_whose_ack_has_no_answer_ends_the_call() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.send("INVITE")
    accepted(net, leg)
    phone.ack()
    assert net.one(Ended) == Ended(leg, "local", 488, "ACK without answer", 111)
    assert net.last.method == "BYE"


def test_a_reinvite_with_a_body_that_may_be_ignored_is_offerless() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.send(
        "INVITE",
        body="<x/>",
        content_type="text/xml",
        extra="Content-Disposition: info;handling=optional\r\n",
    )
    assert net.one(Offer).offer is None
    accepted(net, leg)
    phone.ack(OFFER)
    net.one(OfferAnswered)


def test_a_reinvite_before_the_ack_is_taken_and_both_acks_count() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.answer(net.now, leg, description())
    net.collect()
    phone.to_tag = net.last.to_tag
    phone.send("INVITE", body=OFFER)
    accepted(net, leg)
    phone.ack(cseq=2)
    phone.ack(cseq=1)
    net.run(40)
    assert len(net.of(Confirmed)) == 1
    assert net.of(Ended) == []


def test_the_ack_for_a_later_reinvite_makes_up_for_a_lost_one() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.answer(net.now, leg, description())
    net.collect()
    phone.to_tag = net.last.to_tag
    phone.send("INVITE", body=OFFER)
    accepted(net, leg)
    phone.ack(cseq=2)
    net.one(Confirmed)
    net.run(40)
    assert net.of(Ended) == []
    assert net.responses("INVITE").count(200) == 2


def test_a_cancel_of_a_settled_reinvite_does_not_touch_the_next_one() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.give(phone.text("INVITE", body=OFFER, branch="z9hG4bK-re"))
    cancel = phone.text("CANCEL", cseq=phone.cseq, branch="z9hG4bK-re", to_tag="")
    accepted(net, leg)
    phone.ack()
    phone.send("INVITE", body=OFFER)
    phone.give(cancel)
    assert net.last.method == "CANCEL"
    assert accepted(net, leg)["CSeq"] == "3 INVITE"


def test_a_cancelled_reinvite_leaves_the_call_alone_and_a_late_answer_does_nothing() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.give(phone.text("INVITE", body=OFFER, branch="z9hG4bK-re"))
    phone.cancel(branch="z9hG4bK-re")
    assert net.responses("CANCEL") == [200]
    assert net.responses("INVITE")[-1] == 487
    before = len(net.sent)
    net.core.accept_offer(net.now, leg, description())
    net.core.refuse_offer(net.now, leg)
    net.collect()
    assert net.sent[before:] == []
    assert net.of(Ended) == []


def test_a_reinvite_with_an_unreadable_body_is_refused_without_asking() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    assert phone.send("INVITE", body="v=nonsense").status == 400
    assert phone.send("INVITE", body="hello", content_type="text/plain").status == 415
    assert net.last["Accept"] == "application/sdp"
    assert net.of(Offer) == []


def test_update_with_an_offer_is_answered_without_ack() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.send("UPDATE", body=HOLDS["sendonly"])
    assert net.one(Offer).request.method == "UPDATE"
    answer = accepted(net, leg)
    assert (answer.status, answer.method, answer.body) == (200, "UPDATE", ANSWER)
    assert "Contact" in answer
    net.run(40)
    assert net.responses("UPDATE") == [200]
    assert net.of(Ended) == []


def test_update_without_an_offer_only_refreshes_the_target() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    assert phone.send("UPDATE", contact="<sip:alice@203.0.113.8:5070>").status == 200
    assert net.of(Offer) == []
    net.core.hang_up(net.now, leg)
    net.collect()
    assert net.last.uri == "sip:alice@203.0.113.8:5070"
    assert net.last.hop.remote == ("203.0.113.8", 5070)


def test_update_with_an_offer_before_the_answer_must_come_later() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.ring(net.now, leg)
    net.collect()
    phone.to_tag = net.last.to_tag
    assert phone.send("UPDATE", body=OFFER).status == 500
    assert "Retry-After" in net.last
    assert net.of(Offer) == []


def test_an_accepted_reinvite_refreshes_the_target() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.send("INVITE", body=OFFER, contact="<sip:alice@203.0.113.8:5070>")
    accepted(net, leg)
    phone.ack()
    net.core.hang_up(net.now, leg)
    net.collect()
    assert net.last.uri == "sip:alice@203.0.113.8:5070"


def test_hanging_up_while_an_offer_waits_for_us_refuses_it_and_says_bye() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.send("INVITE", body=OFFER)
    net.core.hang_up(net.now, leg)
    net.collect()
    assert [text.status or text.method for text in net.sent[-2:]] == [487, "BYE"]
    net.core.accept_offer(net.now, leg, description())
    net.collect()
    assert net.last.method == "BYE"
