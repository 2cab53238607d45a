"""Answering INVITEs (RFC 3261 section 13.3)."""

import pytest

from tests.sip.core_harness import ANSWER, OFFER, SERVER, Net, Phone, description
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.events import Confirmed, Ended, Incoming, Refused


def test_a_call_from_invite_to_bye() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    incoming = net.one(Incoming)
    assert incoming.offer is not None
    assert incoming.offer.media[0].port == 40000
    assert net.responses("INVITE") == [100]
    assert net.last.to_tag == ""
    net.core.ring(net.now, leg)
    net.core.progress(net.now, leg, description())
    net.core.answer(net.now, leg, description())
    net.collect()
    assert net.responses("INVITE") == [100, 180, 183, 200]
    ringing, progress, answer = net.sent[1:]
    assert ringing.body == ""
    assert progress.body == ANSWER
    assert answer.body == ANSWER
    assert ringing.to_tag == progress.to_tag == answer.to_tag != ""
    assert answer["Contact"] == f"<sip:100@{SERVER[0]}:{SERVER[1]}>"
    assert answer["Content-Type"] == "application/sdp"
    assert "INVITE" in answer["Allow"]
    phone.to_tag = answer.to_tag
    phone.ack()
    assert net.one(Confirmed).answer is None
    phone.send("BYE")
    assert net.last.status == 200
    assert net.one(Ended) == Ended(leg, "remote", 200, "BYE")
    net.run(100)
    assert net.empty


def test_the_200_is_repeated_from_t1_to_t2_until_the_ack_comes() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    start = net.now
    net.core.answer(net.now, leg, description())
    net.run(16)
    times = [text.at - start for text in net.sent if text.status == 200]
    assert times == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5]
    phone.to_tag = net.last.to_tag
    phone.ack()
    net.run(30)
    assert len([text for text in net.sent if text.status == 200]) == 7
    assert net.of(Ended) == []


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_without_an_ack_the_call_is_ended_by_bye_after_64_t1(transport: str) -> None:
    net = Net()
    phone = Phone(net, transport=transport, connection=7 if transport == "TCP" else 0)
    leg = phone.invite()
    start = net.now
    net.core.answer(net.now, leg, description())
    net.run(31.9)
    assert len([text for text in net.sent if text.status == 200]) == 11
    assert net.requests("BYE") == []
    net.run(0.1)
    bye = net.requests("BYE")[0]
    assert bye.at - start == 32
    assert "cause=102" in bye["Reason"]
    assert net.one(Ended) == Ended(leg, "local", 408, "no ACK", 102)
    phone.reply(bye, 200)
    net.run(100)
    assert net.empty


def test_an_ack_that_comes_twice_confirms_once() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    phone.ack()
    assert len(net.of(Confirmed)) == 1


def test_an_ack_under_the_branch_of_the_invite_confirms_too() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.answer(net.now, leg, description())
    net.collect()
    phone.to_tag = net.last.to_tag
    phone.give(phone.text("ACK", cseq=1, branch=phone.invite_branch))
    assert net.one(Confirmed).leg == leg


def test_an_ack_under_the_branch_of_the_invite_confirms_whatever_its_to_tag() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.answer(net.now, leg, description())
    net.collect()
    phone.give(phone.text("ACK", cseq=1, branch=phone.invite_branch, to_tag="invented"))
    assert net.one(Confirmed).leg == leg
    phone.to_tag = "invented"
    phone.give(phone.text("ACK", cseq=1))
    assert len(net.of(Confirmed)) == 1


def test_an_ack_with_another_cseq_number_confirms_nothing() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.answer(net.now, leg, description())
    net.collect()
    phone.to_tag = net.last.to_tag
    phone.ack(cseq=2)
    assert net.of(Confirmed) == []


def test_a_retransmitted_invite_gets_the_last_provisional_again() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    phone.give(phone.invite_text)
    net.core.ring(net.now, leg)
    net.collect()
    phone.give(phone.invite_text)
    assert net.responses("INVITE") == [100, 100, 180, 180]
    assert len(net.of(Incoming)) == 1


def test_a_retransmitted_invite_after_the_ack_neither_rings_nor_answers_again() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    before = len(net.sent)
    phone.give(phone.invite_text)
    net.run(31)
    phone.give(phone.invite_text)
    assert net.sent[before:] == []
    net.run(100)
    phone.give(phone.invite_text)  # its transaction is forgotten, the call is not
    assert [text.status for text in net.sent[before:]] == [482]
    assert len(net.of(Incoming)) == 1


def test_a_retransmitted_invite_after_the_call_does_not_open_another() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    phone.send("BYE")
    net.run(20)
    phone.give(phone.invite_text)
    assert len(net.of(Incoming)) == 1
    assert net.last.method == "BYE"


def test_a_merged_invite_is_refused() -> None:
    net = Net()
    phone = Phone(net)
    phone.invite()
    phone.send("INVITE", cseq=phone.cseq, body=OFFER)
    assert net.last.status == 482
    assert net.one(Refused).status == 482


def test_an_invite_with_credentials_under_the_old_branch_is_a_new_one() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.reject(net.now, leg, 401, headers=(("WWW-Authenticate", 'Digest realm="x", nonce="n"'),))
    net.collect()
    assert net.last["WWW-Authenticate"] == 'Digest realm="x", nonce="n"'
    phone.ack_failure()
    phone.give(phone.text("INVITE", branch=phone.invite_branch, body=OFFER))
    assert len(net.of(Incoming)) == 2


@pytest.mark.parametrize("status", [401, 407])
def test_a_challenge_is_sent_once_and_keeps_no_state(status: int) -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.reject(net.now, leg, status)
    net.collect()
    assert net.empty
    phone.ack_failure()
    assert net.one(Ended) == Ended(leg, "local", status, "rejected")
    phone.give(phone.invite_text)  # the challenge was lost
    again = net.of(Incoming)[1].leg
    net.core.reject(net.now, again, status)
    net.run(10)
    assert net.responses("INVITE") == [100, status, 100, status]
    assert net.empty


def test_a_rejection_is_repeated_until_its_ack() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    start = net.now
    net.core.reject(net.now, leg, 486, "Busy Just Now")
    net.run(4)
    assert [text.at - start for text in net.sent[1:]] == [0, 0.5, 1.5, 3.5]
    assert net.last.start == "SIP/2.0 486 Busy Just Now"
    phone.ack_failure()
    net.run(60)
    assert net.responses("INVITE") == [100, 486, 486, 486, 486]
    assert net.one(Ended) == Ended(leg, "local", 486, "rejected")
    assert net.empty


def test_a_rejection_that_nobody_acknowledges_is_given_up() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.reject(net.now, leg, 404)
    net.run(200)
    assert net.responses("INVITE") == [100] + [404] * 11
    assert net.empty


def test_rejections_on_reliable_transports_are_not_repeated() -> None:
    net = Net()
    phone = Phone(net, transport="TCP", connection=3)
    leg = phone.invite()
    net.core.reject(net.now, leg, 404)
    net.run(10)
    assert net.responses("INVITE") == [100, 404]


@pytest.mark.parametrize(
    ("cause", "status"), [(16, 480), (17, 486), (18, 408), (19, 480), (21, 403), (3, 404)]
)
def test_hanging_up_an_unanswered_call_rejects_it(cause: int, status: int) -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.ring(net.now, leg)
    net.core.hang_up(net.now, leg, cause=cause, reason_text="flow ended")
    net.collect()
    assert net.last.status == status
    assert net.last["Reason"] == f'Q.850;cause={cause};text="flow ended"'
    assert net.one(Ended) == Ended(leg, "local", status, "flow ended", cause)


def test_an_unanswered_call_is_told_each_minute_that_it_still_rings() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.ring(net.now, leg)
    net.run(125)
    assert net.responses("INVITE") == [100, 180, 180, 180]
    net.core.reject(net.now, leg, 480)
    net.collect()
    phone.ack_failure()
    net.run(125)
    assert net.responses("INVITE")[4:] == [480]


def test_an_invite_ends_when_it_expires() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite(extra="Expires: 20\r\n")
    net.core.ring(net.now, leg)
    net.run(19.9)
    assert net.responses("INVITE") == [100, 180]
    net.run(0.2)
    assert net.responses("INVITE") == [100, 180, 487]
    assert net.one(Ended) == Ended(leg, "remote", 487, "INVITE expired")


@pytest.mark.parametrize("expires", ["20", "soon", "-1", "99999999999999"])
def test_an_answered_invite_does_not_expire(expires: str) -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite(extra=f"Expires: {expires}\r\n")
    net.core.answer(net.now, leg, description())
    net.collect()
    phone.to_tag = net.last.to_tag
    phone.ack()
    net.run(100)
    assert net.of(Ended) == []
    assert net.core.sizes["timers"] == 0


def test_an_offerless_invite_is_answered_with_an_offer_and_the_ack_brings_the_answer() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish(body="", ack_body=OFFER)
    assert net.one(Incoming).offer is None
    answer = net.one(Confirmed).answer
    assert answer is not None
    assert answer.media[0].port == 40000


@pytest.mark.parametrize("body", ["", "v=nonsense"])
def test_an_offerless_invite_whose_ack_has_no_usable_answer_is_ended(body: str) -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish(body="", ack_body=body)
    assert net.of(Confirmed) == []
    ended = net.one(Ended)
    assert (ended.leg, ended.by, ended.status) == (leg, "local", 488)
    assert net.last.method == "BYE"


def test_orders_that_contradict_an_answered_call_are_refused() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    with pytest.raises(LocalProtocolError):
        net.core.ring(net.now, leg)
    with pytest.raises(LocalProtocolError):
        net.core.answer(net.now, leg, description())
    with pytest.raises(LocalProtocolError):
        net.core.reject(net.now, leg, 486)
    with pytest.raises(LocalProtocolError):
        net.core.reject(net.now, phone.moved(("203.0.113.9", 5060)).invite(), 200)


def test_orders_on_a_leg_that_is_over_do_nothing() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    phone.cancel()
    before = len(net.sent)
    net.core.ring(net.now, leg)
    net.core.answer(net.now, leg, description())
    net.core.reject(net.now, leg, 486)
    net.core.hang_up(net.now, leg)
    net.core.accept_offer(net.now, leg, description())
    net.core.info_digit(net.now, leg, "5")
    net.collect()
    assert net.sent[before:] == []
    assert len(net.of(Ended)) == 1


def test_an_order_with_a_line_break_in_a_header_is_refused_and_the_call_stays_usable() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    with pytest.raises(LocalProtocolError):
        net.core.reject(net.now, leg, 486, headers=(("X-Note", "a\r\nb: c"),))
    with pytest.raises(LocalProtocolError):
        net.core.reject(net.now, leg, 486, "Busy\r\nX: y")
    net.core.reject(net.now, leg, 486)
    net.collect()
    assert net.responses("INVITE") == [100, 486]
    assert len(net.of(Ended)) == 1


def test_an_ack_with_a_wrong_to_tag_but_the_branch_of_the_invite_confirms_the_call() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.answer(net.now, leg, description())
    net.collect()
    phone.give(phone.text("ACK", cseq=1, branch=phone.invite_branch, to_tag="made-up"))
    assert net.one(Confirmed).leg == leg
    net.run(40)
    assert net.responses("INVITE") == [100, 200]


def test_an_ack_with_a_wrong_to_tag_and_a_branch_of_its_own_confirms_nothing() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.answer(net.now, leg, description())
    net.collect()
    phone.give(phone.text("ACK", cseq=1, to_tag="made-up"))
    assert net.of(Confirmed) == []
