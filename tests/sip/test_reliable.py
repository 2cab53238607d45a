"""Reliable provisional responses and PRACK, as callee and as caller (RFC 3262)."""

import pytest

from tests.sip.core_harness import ANSWER, OFFER, Net, Phone, Text, description
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.events import Answered, Confirmed, Ended, Offer, OfferAnswered, Progress

REQUIRE = "Require: 100rel\r\n"
SUPPORT = "Supported: 100rel\r\n"
CONTACT = "Contact: <sip:bob@203.0.113.7>\r\n"


def early(net: Net, extra: str, body: str = OFFER) -> tuple[Phone, str, Text]:
    """Let a phone call and give it early media; return the phone, its leg and the 183."""
    phone = Phone(net)
    leg = phone.invite(body, extra=extra)
    net.core.progress(net.now, leg, description())
    net.collect()
    phone.to_tag = net.last.to_tag
    return phone, leg, net.last


def prack(phone: Phone, response: Text, body: str = "", off: int = 0) -> Text:
    """Acknowledge a provisional response; return what comes of it."""
    since = len(phone.net.sent)
    rack = f"RAck: {int(response['RSeq']) + off} {response['CSeq']}\r\n"
    phone.give(phone.text("PRACK", extra=rack, body=body))
    return phone.net.sent[since]


@pytest.mark.parametrize("extra", [REQUIRE, SUPPORT])
def test_early_media_are_repeated_until_the_prack(extra: str) -> None:
    net = Net()
    phone, leg, first = early(net, extra)
    assert first.status == 183
    assert first["Require"] == "100rel"
    start = net.now
    net.run(8)
    times = [text.at - start for text in net.sent if text.status == 183]
    assert times == [0, 0.5, 1.5, 3.5, 7.5]
    assert prack(phone, first).status == 200
    net.run(40)
    assert net.responses("INVITE").count(183) == 5
    net.core.answer(net.now, leg, description())
    net.collect()
    assert net.last.status == 200
    assert net.last.body == ""  # offer and answer are complete
    phone.ack(cseq=1)
    assert net.one(Confirmed).leg == leg


def test_a_183_that_nobody_acknowledges_ends_the_call() -> None:
    net = Net()
    phone, leg, _ = early(net, REQUIRE)
    net.run(31.9)
    assert net.of(Ended) == []
    net.run(0.2)
    assert net.last.status == 504
    assert net.one(Ended) == Ended(leg, "local", 504, "no PRACK", 102)
    phone.ack_failure()
    net.run(100)
    assert net.empty


def test_ringing_is_reliable_only_where_the_caller_insists() -> None:
    for extra, reliable in ((REQUIRE, True), (SUPPORT, False), ("", False)):
        net = Net()
        leg = Phone(net).invite(extra=extra)
        net.core.ring(net.now, leg)
        net.collect()
        assert net.last.status == 180
        assert ("RSeq" in net.last) is reliable


def test_one_at_a_time_and_the_200_waits_for_the_prack_of_its_description() -> None:
    net = Net()
    phone, leg, first = early(net, REQUIRE)
    net.core.ring(net.now, leg)
    net.core.answer(net.now, leg, description())
    net.collect()
    assert net.last is first
    with pytest.raises(LocalProtocolError):
        net.core.answer(net.now, leg, description())
    assert prack(phone, first).method == "PRACK"
    assert net.last.status == 200
    assert net.last.method == "INVITE"
    phone.ack(cseq=1)
    assert net.one(Confirmed).leg == leg
    phone.send("BYE")
    net.run(100)
    assert net.empty


def test_numbers_go_up_by_one() -> None:
    net = Net()
    phone, leg, first = early(net, REQUIRE)
    net.core.ring(net.now, leg)
    net.collect()
    prack(phone, first)
    second = net.last
    assert second.status == 180
    assert int(second["RSeq"]) == int(first["RSeq"]) + 1
    net.core.answer(net.now, leg, description())  # the 180 carries nothing that must arrive first
    net.run(5)
    assert net.last.status == 200
    assert net.responses("INVITE").count(180) == 1
    assert prack(phone, second).status == 200


def test_a_prack_of_something_else_gets_481() -> None:
    net = Net()
    phone, _, first = early(net, REQUIRE)
    assert prack(phone, first, off=1).status == 481
    assert phone.send("PRACK").status == 481
    assert phone.send("PRACK", extra="RAck: nonsense\r\n").status == 481
    assert prack(phone, first).status == 200
    assert prack(phone, first).status == 481
    assert Phone(net, call_id="other").send("PRACK").status == 481


def test_a_cancel_or_a_rejection_ends_the_waiting() -> None:
    net = Net()
    phone, leg, _ = early(net, REQUIRE)
    net.core.answer(net.now, leg, description())
    net.core.hang_up(net.now, leg, cause=17)
    net.collect()
    assert net.last.status == 486
    phone.ack_failure()
    net.run(100)
    assert net.empty
    assert net.responses("INVITE") == [100, 183, 486]


def test_the_prack_brings_the_answer_to_an_offer_in_the_183() -> None:
    net = Net()
    phone, leg, first = early(net, REQUIRE, body="")
    assert prack(phone, first, body=OFFER).status == 200
    assert net.one(OfferAnswered).answer.media[0].port == 40000
    net.core.answer(net.now, leg, description())
    net.collect()
    assert net.last.body == ""
    phone.ack(cseq=1)
    assert net.one(Confirmed).answer is None
    assert net.of(Ended) == []


def test_a_caller_who_wants_our_offer_in_a_reliable_response_is_not_told_of_ringing_without() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite("", extra=REQUIRE)
    net.core.ring(net.now, leg)
    net.collect()
    assert net.responses("INVITE") == [100]
    net.core.answer(net.now, leg, description())
    net.collect()
    assert (net.last.status, net.last.body) == (200, ANSWER)
    phone.to_tag = net.last.to_tag
    phone.ack(cseq=1, body=OFFER)
    assert net.one(Confirmed).answer is not None


def test_an_update_may_change_early_media_once_they_are_agreed() -> None:
    net = Net()
    phone, leg, first = early(net, SUPPORT)
    assert phone.send("UPDATE", body=OFFER).status == 500
    prack(phone, first)
    phone.send("UPDATE", body=OFFER)
    assert net.one(Offer).leg == leg
    net.core.accept_offer(net.now, leg, description())
    net.collect()
    assert net.last.status == 200
    assert net.last.method == "UPDATE"


def test_an_offer_in_a_prack_is_refused() -> None:
    net = Net()
    phone, _, first = early(net, REQUIRE)
    assert prack(phone, first, body=OFFER).status == 488
    net.run(40)
    assert net.of(Ended) == []


def ringing(number: int, extra: str = "") -> str:
    return f"Require: 100rel\r\nRSeq: {number}\r\n{CONTACT}{extra}"


def test_as_caller_we_acknowledge_each_reliable_response_once_and_in_order() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    invite = net.last
    assert "100rel" in invite["Supported"]
    phone.reply(invite, 183, tag="b1", body=OFFER, extra=ringing(700))
    first = net.last
    assert first.start == "PRACK sip:bob@203.0.113.7 SIP/2.0"
    assert first["RAck"] == "700 1 INVITE"
    assert first["CSeq"] == "2 PRACK"
    assert first.to_tag == "b1"
    phone.reply(invite, 183, tag="b1", body=OFFER, extra=ringing(700))
    phone.reply(invite, 180, tag="b1", extra=ringing(702))
    assert net.last is first
    assert len(net.of(Progress)) == 1
    phone.reply(first, 200)
    phone.reply(invite, 180, tag="b1", extra=ringing(701))
    assert net.last["RAck"] == "701 1 INVITE"
    assert net.last["CSeq"] == "3 PRACK"
    phone.reply(net.last, 200)
    phone.reply(invite, 200, tag="b1", extra=CONTACT)
    assert net.last["CSeq"] == "1 ACK"
    assert net.one(Answered).sdp.media[0].port == 40000
    net.core.hang_up(net.now, leg)
    net.collect()
    assert net.last["CSeq"] == "4 BYE"


def test_each_fork_counts_for_itself() -> None:
    net = Net()
    phone = Phone(net)
    phone.called(credentials=("carol", "secret"))
    invite = net.last
    for tag, number in (("b1", 5), ("b2", 9), ("b1", 6)):
        phone.reply(invite, 180, tag=tag, extra=ringing(number))
    pracks = net.requests("PRACK")
    assert [(text.to_tag, text["RAck"], text["CSeq"]) for text in pracks] == [
        ("b1", "5 1 INVITE", "2 PRACK"),
        ("b2", "9 1 INVITE", "2 PRACK"),
        ("b1", "6 1 INVITE", "3 PRACK"),
    ]


def test_the_callee_may_update_early_media_that_are_agreed() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    phone.reply(net.last, 183, tag="b1", body=OFFER, extra=ringing(1))
    phone.reply(net.last, 200)
    phone.send("UPDATE", cseq=1, body=OFFER)
    assert net.one(Offer).leg == leg
    net.core.accept_offer(net.now, leg, description(ANSWER))
    net.collect()
    assert (net.last.status, net.last.body) == (200, ANSWER)
    assert net.one(Offer).offer == net.of(Progress)[0].sdp


def test_what_an_update_changed_before_the_200_is_what_was_answered() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    invite = net.last
    phone.reply(invite, 183, tag="b1", body=OFFER, extra=ringing(1))
    phone.reply(net.last, 200)
    phone.send("UPDATE", cseq=1, body=OFFER.replace("40000", "41000"))
    net.core.accept_offer(net.now, leg, description())
    net.collect()
    phone.reply(invite, 200, tag="b1", extra=CONTACT)
    assert net.one(Answered).sdp.media[0].port == 41000


def test_an_offerless_call_asks_for_nothing_reliable() -> None:
    net = Net()
    Phone(net).called(sdp=None)
    assert net.last["Supported"] == "timer, replaces"
