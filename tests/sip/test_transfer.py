"""REFER and what follows, asked of us and by us (RFC 3515, RFC 5589); INVITE with Replaces (RFC 3891)."""

import pytest

from tests.sip.core_harness import OFFER, Net, Phone, Text
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.events import Ended, Incoming, Transfer, TransferProgress
from voipbin_sip.sip.replaces import Replaces

TO_BOB = "Refer-To: Bob <sip:bob@example.com;user=phone>\r\n"


def established() -> tuple[Net, Phone, str]:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    return net, phone, leg


def test_a_blind_transfer_is_accepted_and_told_about() -> None:
    net, phone, leg = established()
    phone.send("REFER", extra=TO_BOB + "Referred-By: <sip:alice@example.com>\r\n")
    accepted, trying = net.sent[-2:]
    assert (accepted.status, accepted.method) == (202, "REFER")
    assert accepted["Contact"] == "<sip:100@198.51.100.1:5060>"
    event = Transfer(leg, "sip:bob@example.com;user=phone", None, "<sip:alice@example.com>")
    assert net.one(Transfer) == event
    assert trying.start.startswith("NOTIFY sip:alice@203.0.113.7")
    assert trying["Event"] == "refer"
    assert trying["Contact"] == accepted["Contact"]
    assert trying["Subscription-State"] == "active;expires=180"
    assert trying["Content-Type"] == "message/sipfrag;version=2.0"
    assert trying.body == "SIP/2.0 100 Trying\r\n"
    phone.reply(trying, 200)
    net.core.notify_transfer(net.now, leg, 180, "Ringing", final=False)
    net.core.notify_transfer(net.now, leg, 200, "OK", final=True)
    net.core.notify_transfer(net.now, leg, 200, "OK", final=True)
    net.collect()
    told = [(text.body, text["Subscription-State"]) for text in net.requests("NOTIFY")[1:]]
    assert told == [
        ("SIP/2.0 180 Ringing\r\n", "active;expires=180"),
        ("SIP/2.0 200 OK\r\n", "terminated;reason=noresource"),
    ]
    for notify in net.requests("NOTIFY"):
        phone.reply(notify, 200)
    phone.send("BYE")
    net.run(100)
    assert net.empty


def test_an_attended_transfer_names_the_call_to_replace() -> None:
    net, phone, leg = established()
    other = Phone(net, call_id="call-2", name="alice2", from_tag="f2")
    other_leg = other.establish()
    dialog = f"call-2%3Bto-tag%3D{other.to_tag}%3Bfrom-tag%3Df2"
    phone.send("REFER", extra=f"Refer-To: <sip:100@198.51.100.1?Replaces={dialog}>\r\n")
    event = net.one(Transfer)
    assert event.refer_to == "sip:100@198.51.100.1"
    assert event.replaces == Replaces(other.call_id, other.to_tag, "f2")
    assert net.core.leg_of(event.replaces) == other_leg
    assert net.core.leg_of(Replaces(other.call_id, other.to_tag, "f3")) is None
    assert net.core.leg_of(Replaces("other", other.to_tag, "f2")) is None
    assert event.leg == leg


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ("", 400),
        (TO_BOB + TO_BOB, 400),
        ("Refer-To: <sip:;;>\r\n", 400),
        ("Refer-To: <mailto:a@b.example>\r\n", 416),
        ("Refer-To: <sip:a@b.example;method=BYE>\r\n", 501),
        ("Refer-To: <sip:a@b.example?Replaces=nothing>\r\n", 400),
    ],
)
def test_a_refer_that_says_nothing_usable_is_refused(extra: str, status: int) -> None:
    net, phone, _ = established()
    assert phone.send("REFER", extra=extra).status == status
    assert net.of(Transfer) == []
    assert net.requests("NOTIFY") == []


def test_one_transfer_at_a_time_and_the_second_has_an_id() -> None:
    net, phone, leg = established()
    phone.send("REFER", extra=TO_BOB)
    phone.reply(net.last, 200)
    assert phone.send("REFER", extra=TO_BOB).status == 491
    net.core.notify_transfer(net.now, leg, 486, "Busy Here", final=True)
    net.collect()
    phone.reply(net.last, 200)
    phone.send("REFER", extra=TO_BOB)
    assert net.last["Event"] == f"refer;id={phone.cseq}"
    assert len(net.of(Transfer)) == 2


def test_a_refer_before_the_call_is_answered() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.ring(net.now, leg)
    net.collect()
    phone.to_tag = net.last.to_tag
    assert phone.send("REFER", extra=TO_BOB).status == 491


def test_a_transfer_that_nobody_follows_up_is_given_up() -> None:
    net, phone, _ = established()
    phone.send("REFER", extra=TO_BOB)
    phone.reply(net.last, 200)
    net.run(180)
    assert net.last.body == "SIP/2.0 408 Request Timeout\r\n"
    assert net.last["Subscription-State"].startswith("terminated")
    phone.reply(net.last, 200)
    phone.send("REFER", extra=TO_BOB)
    assert len(net.of(Transfer)) == 2


def test_a_transfer_of_ours_that_is_never_heard_of_again_is_given_up() -> None:
    net, phone, leg = established()
    net.core.refer(net.now, leg, "sip:bob@example.com")
    net.collect()
    phone.reply(net.last, 202)
    net.run(180)
    assert net.one(TransferProgress) == TransferProgress(leg, 408, "nothing was heard of it", True)
    net.core.refer(net.now, leg, "sip:bob@example.com")


def test_a_peer_that_does_not_want_to_know_is_not_told_more_and_the_call_goes_on() -> None:
    net, phone, leg = established()
    phone.send("REFER", extra=TO_BOB)
    phone.reply(net.last, 481)
    net.core.notify_transfer(net.now, leg, 200, "OK", final=True)
    net.collect()
    assert len(net.requests("NOTIFY")) == 1
    assert net.of(Ended) == []


def notify(phone: Phone, line: str, state: str = "active", event: str = "refer") -> Text:
    extra = f"Event: {event}\r\nSubscription-State: {state}\r\n"
    phone.cseq += 1
    return phone.send(
        "NOTIFY", extra=extra, body=line, content_type="message/sipfrag;version=2.0", cseq=phone.cseq
    )


def test_we_ask_for_a_transfer_and_hear_how_it_goes() -> None:
    net, phone, leg = established()
    net.core.refer(net.now, leg, "sip:bob@example.com")
    net.collect()
    refer = net.last
    assert refer.method == "REFER"
    assert refer["Refer-To"] == "<sip:bob@example.com>"
    assert refer["Referred-By"] == "<sip:100@198.51.100.1:5060>"
    with pytest.raises(LocalProtocolError):
        net.core.refer(net.now, leg, "sip:bob@example.com")
    phone.reply(refer, 202)
    assert notify(phone, "SIP/2.0 100 Trying\r\n").status == 200
    assert notify(phone, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource").status == 200
    assert notify(phone, "SIP/2.0 200 OK\r\n").status == 481
    assert net.of(TransferProgress) == [
        TransferProgress(leg, 100, "Trying", False),
        TransferProgress(leg, 200, "OK", True),
    ]
    net.run(100)
    assert net.of(Ended) == []


def test_we_ask_for_a_transfer_that_replaces_another_leg() -> None:
    net, _, leg = established()
    other = Phone(net, call_id="other", name="bob", from_tag="f2")
    other_leg = other.establish()
    net.core.refer(net.now, leg, "sip:bob@203.0.113.8", replaces=other_leg)
    net.collect()
    assert net.last["Refer-To"] == (
        f"<sip:bob@203.0.113.8?Replaces=other%3Bto-tag%3Df2%3Bfrom-tag%3D{other.to_tag}>"
    )
    with pytest.raises(LocalProtocolError):
        net.core.refer(net.now, other_leg, "sip:bob@203.0.113.8", replaces="nobody")


def test_a_transfer_that_the_peer_refuses_or_leaves_unanswered() -> None:
    for status in (0, 603):
        net, phone, leg = established()
        net.core.refer(net.now, leg, "sip:bob@example.com")
        net.collect()
        if status:
            phone.reply(net.last, status)
        net.run(40)
        assert net.one(TransferProgress).status == (status or 408)
        assert net.one(TransferProgress).final
        assert net.of(Ended) == []
        net.core.refer(net.now, leg, "sip:bob@example.com")


def test_notifys_that_nobody_has_asked_for() -> None:
    net, phone, leg = established()
    assert notify(phone, "SIP/2.0 100 Trying\r\n").status == 481
    assert notify(phone, "", event="message-summary").status == 489
    net.core.refer(net.now, leg, "sip:bob@example.com")
    net.collect()
    assert notify(phone, "nonsense").status == 400
    assert net.of(TransferProgress) == []


@pytest.mark.parametrize("uri", ["bob", "sip:", "sip:a@b.example\r\nX: y"])
def test_a_transfer_to_what_is_no_uri(uri: str) -> None:
    net, _, leg = established()
    with pytest.raises(LocalProtocolError):
        net.core.refer(net.now, leg, uri)


def replacing(net: Net, value: str) -> Text:
    """Call with a Replaces header; return what comes of it."""
    caller = Phone(net, call_id="third", name="carol", from_tag="f3")
    return caller.send("INVITE", body=OFFER, extra=f"Require: replaces\r\nReplaces: {value}\r\n")


def test_an_invite_that_replaces_a_call_names_its_leg() -> None:
    net, phone, leg = established()
    assert replacing(net, f"{phone.call_id};from-tag=from1;to-tag={phone.to_tag}").status == 100
    assert net.of(Incoming)[-1].replaces == leg
    assert net.of(Incoming)[0].replaces == ""


def test_an_early_call_of_ours_can_be_replaced() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    phone.reply(net.last, 180, tag="b1")
    value = f"{phone.call_id};to-tag={phone.to_tag};from-tag=b1;early-only"
    assert replacing(net, value).status == 100
    assert net.one(Incoming).replaces == leg


def test_what_cannot_be_replaced() -> None:
    net, phone, leg = established()
    dialog = f"{phone.call_id};to-tag={phone.to_tag};from-tag=from1"
    assert replacing(net, "other;to-tag=a;from-tag=b").status == 481
    assert replacing(net, f"{phone.call_id};to-tag={phone.to_tag};from-tag=x").status == 481
    assert replacing(net, "nonsense").status == 400
    assert replacing(net, f"{dialog}\r\nReplaces: {dialog}").status == 400
    assert replacing(net, f"{dialog};early-only").status == 486
    net.core.hang_up(net.now, leg)
    net.collect()
    assert replacing(net, dialog).status == 603
    ringing = Phone(net, call_id="r")
    ringing.invite()
    tag = net.of(Incoming)[-1].leg
    assert replacing(net, f"r;to-tag={tag};from-tag=from1").status == 481
