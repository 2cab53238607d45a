"""CANCEL (RFC 3261 section 9) and BYE (section 15), with all that they can cross."""

import pytest

from tests.sip.core_harness import OFFER, Net, Phone, description
from voipbin_sip.sip.events import Confirmed, Ended, Offer


def test_cancel_while_ringing() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.ring(net.now, leg)
    net.collect()
    tag = net.last.to_tag
    phone.cancel('Reason: Q.850;cause=16;text="Terminated"\r\n')
    cancel_answer, invite_answer = net.sent[-2:]
    assert (cancel_answer.method, cancel_answer.status, cancel_answer.to_tag) == ("CANCEL", 200, tag)
    assert (invite_answer.method, invite_answer.status, invite_answer.to_tag) == ("INVITE", 487, tag)
    assert net.one(Ended) == Ended(leg, "remote", 487, "CANCEL", 16)
    phone.ack_failure()
    net.run(100)
    assert net.responses("INVITE") == [100, 180, 487]
    assert net.empty


def test_a_cancel_that_comes_again_gets_its_200_again() -> None:
    net = Net()
    phone = Phone(net)
    phone.invite()
    phone.cancel()
    phone.cancel()
    assert net.responses("CANCEL") == [200, 200]
    assert net.responses("INVITE") == [100, 487]
    assert len(net.of(Ended)) == 1


def test_a_cancel_of_nothing_gets_481() -> None:
    net = Net()
    phone = Phone(net)
    phone.invite()
    phone.cancel(branch="z9hG4bK-other")
    assert net.last.status == 481
    assert net.of(Ended) == []


def test_a_cancel_after_the_200_changes_nothing() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.answer(net.now, leg, description())
    net.collect()
    phone.cancel()
    assert net.responses("CANCEL") == [200]
    assert net.responses("INVITE") == [100, 200]
    phone.to_tag = net.last.to_tag
    phone.ack()
    assert net.one(Confirmed).leg == leg
    assert net.of(Ended) == []


def test_bye_of_the_peer_with_a_reason() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    phone.send("BYE", extra='Reason: SIP;cause=200;text="a, b", Q.850 ;cause=17\r\n')
    assert net.one(Ended) == Ended(leg, "remote", 200, "BYE", 17)


@pytest.mark.parametrize(
    "reason", ["Q.850", 'Q.850;cause="', "Q.850;cause=-1", "Q.850;cause=999", ";;", "Q.850;cause=x"]
)
def test_an_odd_reason_does_not_keep_a_bye_from_working(reason: str) -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    phone.send("BYE", extra=f"Reason: {reason}\r\nRequire: what-ever\r\n")
    assert net.last.status == 200
    assert net.one(Ended).cause == 0


def test_a_repeated_bye_is_answered_again_and_a_new_one_gets_481() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    bye = phone.text("BYE")
    phone.give(bye)
    phone.give(bye)
    phone.send("BYE")
    assert net.responses("BYE") == [200, 200, 481]
    assert len(net.of(Ended)) == 1


def test_our_bye_is_repeated_until_it_is_answered() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    start = net.now
    net.core.hang_up(net.now, leg, cause=16)
    net.run(6)
    byes = net.requests("BYE")
    assert [bye.at - start for bye in byes] == [0, 0.5, 1.5, 3.5]
    bye = byes[0]
    assert bye.uri == "sip:alice@203.0.113.7:5060"
    assert bye["From"] == f"<sip:100@example.com>;tag={phone.to_tag}"
    assert bye["To"] == "<sip:alice@example.com>;tag=from1"
    assert bye["Reason"] == 'Q.850;cause=16;text="Normal call clearing"'
    assert bye["CSeq"] == "1 BYE"
    assert net.one(Ended) == Ended(leg, "local", 200, "BYE", 16)
    phone.reply(bye, 200)
    net.run(100)
    assert len(net.requests("BYE")) == 4
    assert net.empty


def test_our_bye_to_a_dead_peer_is_given_up_after_64_t1() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    net.core.hang_up(net.now, leg)
    net.run(100)
    assert len(net.requests("BYE")) == 11
    assert len(net.of(Ended)) == 1
    assert net.empty


def test_byes_that_cross_are_both_answered() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    net.core.hang_up(net.now, leg)
    net.collect()
    bye = net.last
    phone.send("BYE")
    assert net.responses("BYE") == [200]
    phone.reply(bye, 481)
    net.run(4.9)
    assert phone.send("BYE").status == 200
    assert net.one(Ended).by == "local"
    net.run(0.2)
    assert phone.send("BYE").status == 481
    net.run(100)
    assert net.empty


def test_hanging_up_before_the_ack_waits_for_it() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.answer(net.now, leg, description())
    net.core.hang_up(net.now, leg)
    net.core.hang_up(net.now, leg)
    net.collect()
    phone.to_tag = net.last.to_tag
    net.run(3)
    assert net.requests("BYE") == []
    assert len(net.of(Ended)) == 1
    phone.ack()
    assert len(net.requests("BYE")) == 1
    assert net.of(Confirmed) == []
    phone.reply(net.last, 200)
    net.run(100)
    assert net.empty


def test_hanging_up_before_an_ack_that_never_comes_says_bye_after_64_t1() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    start = net.now
    net.core.answer(net.now, leg, description())
    net.core.hang_up(net.now, leg)
    net.run(33)
    assert net.requests("BYE")[0].at - start == 32
    assert len(net.of(Ended)) == 1


def test_bye_of_the_peer_before_the_ack() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.answer(net.now, leg, description())
    net.collect()
    phone.to_tag = net.last.to_tag
    phone.send("BYE", cseq=2)
    assert net.responses("BYE") == [200]
    assert net.one(Ended) == Ended(leg, "remote", 200, "BYE")
    net.run(100)
    assert net.responses("INVITE") == [100, 200]
    assert net.empty


def test_bye_in_an_early_dialog_ends_the_invite_with_487() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.ring(net.now, leg)
    net.collect()
    phone.to_tag = net.last.to_tag
    phone.give(phone.text("BYE"))
    assert net.responses("BYE") == [200]
    assert net.responses("INVITE") == [100, 180, 487]
    assert net.one(Ended) == Ended(leg, "remote", 487, "BYE")


def test_bye_while_a_reinvite_is_pending_ends_that_with_487() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    phone.send("INVITE", body=OFFER)
    net.one(Offer)
    phone.send("BYE")
    assert net.responses("BYE") == [200]
    assert net.responses("INVITE")[-1] == 487
    assert len(net.of(Ended)) == 1


def test_requests_after_our_bye_get_481_but_a_bye_gets_200() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    net.core.hang_up(net.now, leg)
    net.collect()
    assert phone.send("INFO").status == 481
    assert phone.send("INVITE", body=OFFER).status == 481
    assert phone.send("BYE").status == 200


def test_a_request_in_a_dialog_that_nobody_knows_gets_481() -> None:
    net = Net()
    phone = Phone(net, to_tag="unknown")
    for method in ("INVITE", "BYE", "INFO", "UPDATE", "OPTIONS"):
        assert phone.send(method).status == 481
    before = len(net.sent)
    phone.ack()
    assert len(net.sent) == before
    assert net.core.sizes["transactions"] == 0
