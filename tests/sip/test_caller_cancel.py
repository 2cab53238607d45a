"""Our CANCEL and all that crosses it (RFC 3261 sections 9.1 and 15)."""

from tests.sip.core_harness import OFFER, Net, Phone
from voipbin_sip.sip.events import Answered, Ended

CONTACT = "Contact: <sip:bob@203.0.113.7:5070>\r\n"


def test_hanging_up_while_it_rings_cancels() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called(route=("<sip:203.0.113.7;lr>",))
    invite = net.last
    phone.reply(invite, 180, tag="b1")
    net.core.hang_up(net.now, leg, cause=26)
    net.core.hang_up(net.now, leg)
    net.collect()
    cancel = net.last
    assert net.one(Ended) == Ended(leg, "local", 487, "CANCEL", 26)
    assert cancel.start == "CANCEL sip:bob@203.0.113.7 SIP/2.0"
    for name in ("Via", "From", "To", "Call-ID", "Route"):
        assert cancel[name] == invite[name]
    assert cancel["CSeq"] == "1 CANCEL"
    assert cancel["Reason"] == (
        'SIP;cause=200;text="Call completed elsewhere", Q.850;cause=26;text="Non-selected user clearing"'
    )
    phone.reply(cancel, 200)
    phone.reply(invite, 487, tag="b1")
    assert net.last.method == "ACK"
    assert len(net.requests("CANCEL")) == 1
    assert len(net.of(Ended)) == 1
    net.run(100)
    assert net.empty


def test_a_cancel_for_another_reason_does_not_speak_of_an_answer_elsewhere() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    phone.reply(net.last, 180, tag="b1")
    net.core.hang_up(net.now, leg, cause=19)
    net.collect()
    assert net.last["Reason"] == 'Q.850;cause=19;text="No answer from user"'


def test_a_cancel_is_held_back_until_the_first_provisional() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    invite = net.last
    net.core.hang_up(net.now, leg)
    net.run(1)
    assert net.requests("CANCEL") == []
    assert net.one(Ended).status == 487
    phone.reply(invite, 100)
    assert net.last.method == "CANCEL"
    phone.reply(invite, 180, tag="b1")
    assert len(net.requests("CANCEL")) == 1
    phone.reply(invite, 487, tag="b1")
    net.run(100)
    assert net.empty
    assert len(net.events) == 1


def test_a_cancelled_call_to_nobody_ends_with_timer_b() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    net.core.hang_up(net.now, leg)
    net.run(100)
    assert net.requests("CANCEL") == []
    assert net.one(Ended).status == 487
    assert net.empty


def test_a_200_that_crosses_our_cancel_is_acknowledged_and_hung_up() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    invite = net.last
    phone.reply(invite, 180, tag="b1")
    net.core.hang_up(net.now, leg)
    net.collect()
    phone.reply(invite, 200, tag="b1", body=OFFER, extra=CONTACT)
    assert [text.method for text in net.sent[-3:]] == ["CANCEL", "ACK", "BYE"]
    phone.reply(invite, 200, tag="b1", body=OFFER, extra=CONTACT)
    assert net.last.method == "ACK"
    assert len(net.requests("BYE")) == 1
    phone.reply(net.requests("CANCEL")[0], 481)
    phone.reply(net.requests("BYE")[0], 200)
    assert len(net.of(Ended)) == 1
    assert net.of(Answered) == []
    net.run(100)
    assert net.empty


def test_all_forked_200s_that_cross_our_cancel_are_hung_up() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    invite = net.last
    phone.reply(invite, 180, tag="b1")
    net.core.hang_up(net.now, leg)
    net.collect()
    for tag in ("b1", "b2", "b3"):
        phone.reply(invite, 200, tag=tag, body=OFFER, extra=CONTACT)
    byes = net.requests("BYE")
    assert [bye.to_tag for bye in byes] == ["b1", "b2", "b3"]
    for bye in byes:
        phone.reply(bye, 200)
    net.run(100)
    assert net.empty


def test_a_200_before_any_provisional_releases_no_cancel() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    net.core.hang_up(net.now, leg)
    net.collect()
    phone.reply(net.requests("INVITE")[0], 200, tag="b1", body=OFFER, extra=CONTACT)
    assert [text.method for text in net.sent] == ["INVITE", "ACK", "BYE"]


def test_after_a_cancel_nothing_is_waited_for_longer_than_64_t1() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    invite = net.last
    phone.reply(invite, 180, tag="b1")
    net.core.hang_up(net.now, leg)
    net.collect()
    phone.reply(net.last, 200)
    for _ in range(3):
        net.run(10)
        phone.reply(invite, 180, tag="b1")
    assert net.core.sizes["legs"] == 1
    net.run(2.1)
    assert net.empty


def test_a_bye_in_the_early_dialog_ends_the_call_and_cancels_the_rest() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    invite = net.last
    phone.reply(invite, 180, tag="b1")
    phone.give(phone.text("BYE", cseq=1))
    assert net.responses("BYE") == [200]
    assert net.last.method == "CANCEL"
    assert net.one(Ended) == Ended(leg, "remote", 487, "BYE")
    phone.reply(invite, 200, tag="b1", body=OFFER, extra=CONTACT)
    assert [text.method for text in net.sent[-2:]] == ["ACK", "BYE"]
    phone.reply(net.last, 481)
    net.run(100)
    assert net.empty
