"""Session timers as refresher and as peer (RFC 4028)."""

import pytest

from tests.sip.core_harness import ANSWER, OFFER, Net, Phone, Text, description
from voipbin_sip.sip.events import Answered, Ended, Incoming, Limits, Offer, OfferAnswered

ALLOW = "Allow: INVITE, ACK, BYE, UPDATE\r\n"
TIMER = "Supported: timer\r\n"
CONTACT = "Contact: <sip:bob@203.0.113.7>\r\n"


def incoming(net: Net, extra: str) -> tuple[Phone, Text]:
    """Answer and confirm a call whose INVITE says this; return our 200 too."""
    phone = Phone(net)
    leg = phone.invite(extra=extra)
    net.core.answer(net.now, leg, description())
    net.collect()
    answer = net.last
    phone.to_tag = answer.to_tag
    phone.ack()
    return phone, answer


def outgoing(net: Net, extra: str) -> Phone:
    phone = Phone(net)
    phone.picks_up(extra=CONTACT + extra)
    return phone


@pytest.mark.parametrize(
    ("asked", "said", "required"),
    [
        ("Supported: timer\r\nSession-Expires: 600\r\n", "600;refresher=uac", True),
        ("k: 100rel, Timer\r\nx: 600 ; refresher=uas\r\n", "600;refresher=uas", True),
        ("Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n", "600;refresher=uac", True),
        ("Supported: timer\r\nSession-Expires: 600\r\nMin-SE: 900\r\n", "900;refresher=uac", True),
        ("Session-Expires: 600\r\n", "600;refresher=uas", False),  # a proxy wants it
        ("Supported: timer\r\n", "1800;refresher=uas", True),
        ("Supported: timer\r\nSession-Expires: nonsense\r\n", "1800;refresher=uas", True),
        ("Session-Expires: 20\r\n", "90;refresher=uas", False),
    ],
)
def test_what_we_answer(asked: str, said: str, required: bool) -> None:
    net = Net()
    _, answer = incoming(net, asked)
    assert answer["Session-Expires"] == said
    assert ("Require" in answer) is required
    if required:
        assert answer["Require"] == "timer"


@pytest.mark.parametrize(
    ("extra", "limits"), [("", Limits()), ("Supported: timer\r\n", Limits(session_expires=0))]
)
def test_a_caller_who_does_not_want_timers_gets_none(extra: str, limits: Limits) -> None:
    net = Net(limits=limits)
    _, answer = incoming(net, extra)
    assert "Session-Expires" not in answer
    net.run(100_000)
    assert net.of(Ended) == []
    assert len(net.sent) == 2


def test_an_interval_that_is_too_short_gets_422() -> None:
    net = Net(limits=Limits(min_se=120))
    answer = Phone(net).send("INVITE", body=OFFER, extra=TIMER + "Session-Expires: 90\r\n")
    assert answer.status == 422
    assert answer["Min-SE"] == "120"
    assert net.of(Incoming) == []
    assert net.empty


def test_the_peer_refreshes_by_update() -> None:
    net = Net()
    phone, _ = incoming(net, f"{TIMER}Session-Expires: 90;refresher=uac\r\n")
    for _ in range(10):
        net.run(45)
        answer = phone.send("UPDATE", extra=f"{TIMER}Session-Expires: 90;refresher=uac\r\n")
        assert answer.status == 200
        assert answer["Session-Expires"] == "90;refresher=uac"
        assert answer["Require"] == "timer"
    assert net.of(Offer) == []
    assert net.of(Ended) == []


def test_the_peer_refreshes_by_reinvite() -> None:
    net = Net()
    phone, _ = incoming(net, f"{TIMER}Session-Expires: 90;refresher=uac\r\n")
    for _ in range(3):
        net.run(45)
        phone.send("INVITE", body=OFFER, extra=f"{TIMER}Session-Expires: 90;refresher=uac\r\n")
        net.core.accept_offer(net.now, net.of(Offer)[-1].leg, description())
        net.collect()
        assert net.last["Session-Expires"] == "90;refresher=uac"
        phone.ack()
    assert net.of(Ended) == []


def test_a_peer_that_forgets_to_refresh_gets_a_bye_before_the_end() -> None:
    net = Net()
    phone, _ = incoming(net, f"{TIMER}Session-Expires: 90;refresher=uac\r\n")
    start = net.now
    net.run(59.9)
    assert net.of(Ended) == []
    net.run(0.2)
    assert net.last.method == "BYE"
    assert net.last.at - start == 60
    leg = net.one(Incoming).leg
    assert net.one(Ended) == Ended(leg, "local", 408, "session expired", 102)
    phone.reply(net.last, 200)
    net.run(100)
    assert net.empty


def test_we_refresh_by_update_at_half_time_where_the_peer_allows_it() -> None:
    net = Net()
    phone, _ = incoming(net, f"{ALLOW}{TIMER}Session-Expires: 90;refresher=uas\r\n")
    start = net.now
    for turn in range(1, 8):
        net.run(45)
        update = net.last
        assert update.method == "UPDATE"
        assert update.at - start == 45 * turn
        assert update.body == ""
        assert update["Session-Expires"] == "90;refresher=uac"
        assert update["Supported"] == "timer, replaces"
        assert update["Contact"] == "<sip:100@198.51.100.1:5060>"
        phone.reply(update, 200, extra="Require: timer\r\nSession-Expires: 90;refresher=uac\r\n")
    assert net.of(Ended) == []


def test_we_refresh_by_a_reinvite_that_changes_nothing() -> None:
    net = Net()
    phone, answer = incoming(net, f"{TIMER}Session-Expires: 90;refresher=uas\r\n")
    for _ in range(3):
        net.run(45)
        invite = net.last
        assert invite.method == "INVITE"
        assert invite.body == answer.body
        phone.reply(invite, 200, body=OFFER, extra="Session-Expires: 90;refresher=uac\r\n")
        assert net.last.method == "ACK"
    assert net.of(OfferAnswered) == []
    net.run(45)
    moved = OFFER.replace("o=- 10 1", "o=- 10 2").replace("40000", "41000")
    phone.reply(net.last, 200, body=moved, extra="Session-Expires: 90;refresher=uac\r\n")
    assert net.one(OfferAnswered).answer.media[0].port == 41000
    assert net.of(Ended) == []


def test_an_offer_of_the_user_waits_for_the_refresh_and_is_made_then() -> None:
    net = Net()
    phone, _ = incoming(net, f"{TIMER}Session-Expires: 90;refresher=uas\r\n")
    leg = net.one(Incoming).leg
    net.run(45)
    refresh = net.last
    mine = description(ANSWER.replace("10000", "12000"))
    net.core.offer(net.now, leg, mine)
    net.run(0.1)
    phone.reply(refresh, 200, body=OFFER, extra="Session-Expires: 90;refresher=uac\r\n")
    net.run(0)
    assert "m=audio 12000" in net.last.body
    assert net.last["Session-Expires"] == "90;refresher=uac"
    assert net.of(OfferAnswered) == []
    phone.reply(net.last, 200, body=OFFER, extra="Session-Expires: 90;refresher=uac\r\n")
    net.one(OfferAnswered)


@pytest.mark.parametrize("status", [405, 501])
def test_a_peer_that_does_not_do_updates_after_all_gets_a_reinvite(status: int) -> None:
    net = Net()
    phone, _ = incoming(net, f"{ALLOW}{TIMER}Session-Expires: 90;refresher=uas\r\n")
    net.run(45)
    phone.reply(net.last, status)
    assert net.last.method == "INVITE"
    phone.reply(net.last, 200, body=OFFER, extra="Session-Expires: 90;refresher=uac\r\n")
    net.run(45)
    assert net.last.method == "INVITE"
    assert net.of(Ended) == []


def test_a_refresh_that_meets_trouble_is_tried_again() -> None:
    net = Net()
    phone, _ = incoming(net, f"{ALLOW}{TIMER}Session-Expires: 90;refresher=uas\r\n")
    net.run(45)
    phone.reply(net.last, 491)
    net.run(2)
    assert net.last["CSeq"] == "2 UPDATE"
    phone.reply(net.last, 500)
    net.run(10)
    assert net.last["CSeq"] == "3 UPDATE"
    phone.reply(net.last, 200, extra="Session-Expires: 90;refresher=uac\r\n")
    net.run(44)
    assert net.of(Ended) == []


@pytest.mark.parametrize("extra", [ALLOW, ""])
def test_a_refresh_of_a_call_that_the_peer_does_not_know_ends_it(extra: str) -> None:
    net = Net()
    phone, _ = incoming(net, f"{extra}{TIMER}Session-Expires: 90;refresher=uas\r\n")
    net.run(45)
    phone.reply(net.last, 481)
    assert net.one(Ended).status == 481
    assert net.last.method == "BYE"


def test_a_dead_peer_ends_the_call_before_the_interval_is_over() -> None:
    net = Net()
    incoming(net, f"{ALLOW}{TIMER}Session-Expires: 90;refresher=uas\r\n")
    start = net.now
    net.run(60)
    assert net.one(Ended).status == 408
    assert net.requests("BYE")[0].at - start <= 60
    net.run(100)
    assert net.empty


def test_our_invite_asks_for_a_timer_and_the_answer_decides() -> None:
    net = Net()
    phone = outgoing(net, f"{ALLOW}Require: timer\r\nSession-Expires: 120;refresher=uac\r\n")
    invite = net.requests("INVITE")[0]
    assert invite["Session-Expires"] == "1800"
    assert "timer" in invite["Supported"]
    net.run(60)
    assert net.last["Session-Expires"] == "120;refresher=uac"
    phone.reply(net.last, 200, extra="Session-Expires: 120;refresher=uas\r\n")
    net.run(61)
    assert len(net.requests("UPDATE")) == 1  # the callee has taken over
    assert phone.send("UPDATE", extra=f"{TIMER}Session-Expires: 120\r\n", cseq=1)["Session-Expires"] == (
        "120;refresher=uac"
    )
    net.core.offer(net.now, net.one(Answered).leg, description())
    net.collect()
    assert net.last["Session-Expires"] == "120;refresher=uas"


def test_a_peer_that_says_one_second_does_not_keep_us_busy() -> None:
    net = Net()
    outgoing(net, f"{ALLOW}Session-Expires: 1;refresher=uac\r\n")
    start = net.now
    net.run(15)
    assert [text.at - start for text in net.requests("UPDATE")] == [15]


def test_a_callee_without_timers_gets_none() -> None:
    net = Net()
    outgoing(net, "")
    net.run(100_000)
    assert net.of(Ended) == []
    assert net.core.deadline() is None


def test_a_422_raises_our_interval() -> None:
    net = Net(limits=Limits(session_expires=90))
    phone = Phone(net)
    leg = phone.called()
    phone.reply(net.last, 422, tag="b1", extra="Min-SE: 300\r\n")
    again = net.last
    assert again["CSeq"] == "2 INVITE"
    assert again["Session-Expires"] == "300"
    assert again["Min-SE"] == "300"
    for number in range(9):
        phone.reply(net.requests("INVITE")[-1], 422, tag="b1", extra=f"Min-SE: {400 + number}\r\n")
    assert len(net.requests("INVITE")) == 4
    assert net.one(Ended) == Ended(leg, "remote", 422, "Whatever")


def test_a_422_to_a_refresh_raises_it_too() -> None:
    net = Net()
    phone, _ = incoming(net, f"{TIMER}Session-Expires: 90;refresher=uas\r\n")
    net.run(45)
    phone.reply(net.last, 422, extra="Min-SE: 200\r\n")
    assert net.last["Session-Expires"] == "200;refresher=uac"
    phone.reply(net.last, 200, body=OFFER, extra="Session-Expires: 200;refresher=uac\r\n")
    net.run(99)
    assert net.last["CSeq"] == "2 ACK"
    net.run(1)
    assert net.last["CSeq"] == "3 INVITE"


def test_a_hold_without_a_word_on_timers_does_not_switch_them_off() -> None:
    net = Net()
    phone, _ = incoming(net, f"{ALLOW}{TIMER}Session-Expires: 90;refresher=uac\r\n")
    phone.send("INVITE", body=OFFER)
    net.core.accept_offer(net.now, net.one(Offer).leg, description())
    net.collect()
    assert net.last["Session-Expires"] == "90;refresher=uas"
    phone.ack()
    net.run(45)
    assert net.last.method == "UPDATE"
