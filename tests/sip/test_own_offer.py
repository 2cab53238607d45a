"""Re-INVITEs and INFOs of ours (RFC 3261 sections 13.2.2.4 and 14.1)."""

import pytest

from tests.sip.core_harness import ANSWER, OFFER, Net, Phone, Text, description
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.events import Ended, OfferAnswered, OfferRefused


def reinvited(net: Net, leg: str) -> Text:
    net.core.offer(net.now, leg, description())
    net.collect()
    return net.last


def test_our_reinvite_is_answered_and_acknowledged() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    invite = reinvited(net, leg)
    assert invite.start == "INVITE sip:alice@203.0.113.7:5060 SIP/2.0"
    assert invite.body == ANSWER
    assert invite["Contact"] == "<sip:100@198.51.100.1:5060>"
    phone.reply(invite, 100)
    phone.reply(invite, 200, body=OFFER, extra="Contact: <sip:alice@203.0.113.7:5080>\r\n")
    ack = net.last
    assert ack.start == "ACK sip:alice@203.0.113.7:5080 SIP/2.0"
    assert ack["CSeq"] == "1 ACK"
    assert ack["Via"].split("branch=")[1] != invite["Via"].split("branch=")[1]
    assert net.one(OfferAnswered).answer.media[0].port == 40000
    net.core.hang_up(net.now, leg)
    net.collect()
    assert net.last["CSeq"] == "2 BYE"


def test_each_repeated_200_is_acknowledged_again_with_the_same_ack() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    invite = reinvited(net, leg)
    for _ in range(4):
        phone.reply(invite, 200, body=OFFER)
    acks = net.requests("ACK")
    assert len(acks) == 4
    assert len({ack["Via"] for ack in acks}) == 1
    assert len(net.of(OfferAnswered)) == 1


def test_our_reinvite_is_repeated_with_doubling_intervals_until_a_provisional() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    start = net.now
    invite = reinvited(net, leg)
    net.run(4)
    assert [text.at - start for text in net.requests("INVITE")] == [0, 0.5, 1.5, 3.5]
    phone.reply(invite, 100)
    net.run(60)
    assert len(net.requests("INVITE")) == 4
    assert net.of(Ended) == []


def test_a_failure_of_our_reinvite_is_acknowledged_in_its_transaction() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    invite = reinvited(net, leg)
    phone.reply(invite, 488, extra="")
    phone.reply(invite, 488, extra="")
    acks = net.requests("ACK")
    assert len(acks) == 2
    assert acks[0]["Via"] == invite["Via"]
    assert acks[0]["CSeq"] == "1 ACK"
    assert net.one(OfferRefused).status == 488
    assert net.of(Ended) == []
    assert reinvited(net, leg)["CSeq"] == "2 INVITE"


def test_after_491_we_try_again_within_two_seconds_as_the_call_id_is_theirs() -> None:
    for attempt in range(5):
        net = Net()
        phone = Phone(net, call_id=f"call-{attempt}")
        leg = phone.establish()
        start = net.now
        phone.reply(reinvited(net, leg), 491)
        net.run(2.01)
        second = net.requests("INVITE")[1]
        assert second.at - start <= 2.0
        assert round((second.at - start) * 100) == pytest.approx((second.at - start) * 100)
        assert second["CSeq"] == "2 INVITE"
        phone.reply(second, 200, body=OFFER)
        net.one(OfferAnswered)


def test_a_bye_during_the_back_off_ends_it() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.reply(reinvited(net, leg), 491)
    phone.send("BYE")
    net.run(100)
    assert len(net.requests("INVITE")) == 1
    assert net.empty


def test_our_offer_waits_until_their_reinvite_is_settled() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.send("INVITE", body=OFFER)
    net.core.offer(net.now, leg, description())
    net.run(1)
    assert net.requests("INVITE") == []
    net.core.accept_offer(net.now, leg, description())
    net.run(1)
    assert net.requests("INVITE") == []
    phone.ack()
    net.run(1)
    assert len(net.requests("INVITE")) == 2  # the second is its first repetition


@pytest.mark.parametrize("status", [408, 481])
def test_a_peer_that_does_not_know_the_call_any_more_ends_it(status: int) -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.reply(reinvited(net, leg), status)
    assert net.one(Ended) == Ended(leg, "remote", status, "re-INVITE failed", 102)
    assert net.last.method == "BYE"


def test_a_silent_peer_ends_the_call_after_64_t1() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    reinvited(net, leg)
    net.run(32.5)
    assert len(net.requests("INVITE")) == 7
    assert net.one(Ended).status == 408
    net.run(200)
    assert net.empty


def test_a_200_after_our_bye_is_still_acknowledged() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    invite = reinvited(net, leg)
    net.core.hang_up(net.now, leg)
    net.collect()
    bye = net.last
    phone.reply(bye, 200)
    phone.reply(invite, 200, body=OFFER)
    assert net.last.method == "ACK"
    assert net.of(OfferAnswered) == []


def test_a_200_without_an_answer_ends_the_call() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.reply(reinvited(net, leg), 200)
    assert [text.method for text in net.sent[-2:]] == ["ACK", "BYE"]
    assert net.one(Ended) == Ended(leg, "local", 488, "200 without answer", 111)


def test_a_peer_that_says_100_and_vanishes_is_given_up() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.reply(reinvited(net, leg), 100)
    net.run(400)
    assert net.one(Ended).status == 408
    assert net.empty


def test_an_offer_needs_an_answered_call_and_no_other_offer() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    with pytest.raises(LocalProtocolError):
        net.core.offer(net.now, leg, description())
    net.core.answer(net.now, leg, description())
    net.core.offer(net.now, leg, description())
    with pytest.raises(LocalProtocolError):
        net.core.offer(net.now, leg, description())


def test_responses_to_nothing_of_ours_are_dropped() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    invite = reinvited(net, leg)
    before = len(net.sent)
    forged = [(name, value.replace("branch=z9hG4bK", "branch=z9hG4bKx")) for name, value in invite.headers]
    phone.reply(Text(invite.start, tuple(forged), "", net.now, invite.hop), 200, body=OFFER)
    doubled = (*invite.headers, ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"))
    phone.reply(Text(invite.start, doubled, "", net.now, invite.hop), 200, body=OFFER)
    assert net.sent[before:] == []
    assert net.of(OfferAnswered) == []


def test_our_digit_goes_out_by_info() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    net.core.info_digit(net.now, leg, "#", 200)
    net.collect()
    info = net.last
    assert (info.method, info.body) == ("INFO", "Signal=#\r\nDuration=200\r\n")
    assert info["Content-Type"] == "application/dtmf-relay"
    phone.reply(info, 200)
    with pytest.raises(LocalProtocolError):
        net.core.info_digit(net.now, leg, "55")
    net.run(100)
    assert len(net.requests("INFO")) == 1


def test_a_481_to_our_info_ends_the_call() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    net.core.info_digit(net.now, leg, "1")
    net.collect()
    phone.reply(net.last, 481)
    assert net.one(Ended) == Ended(leg, "remote", 481, "INFO failed", 102)
