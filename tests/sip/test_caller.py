"""Calls of ours: the INVITE, its provisional and final answers, its ACKs (RFC 3261 sections 13.2 and 17.1.1)."""

from typing import Any

import pytest

from tests.sip.core_harness import ANSWER, OFFER, Net, Phone, Text, description
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.events import (
    Answered,
    Ended,
    Hop,
    InfoDigit,
    Limits,
    Offer,
    OfferAnswered,
    Progress,
)

CONTACT = "Contact: <sip:bob@203.0.113.7:5070>\r\n"


def invites(net: Net) -> list[Text]:
    return net.requests("INVITE")


def test_the_invite_says_all_that_it_must() -> None:
    net = Net()
    phone = Phone(net)
    phone.called(
        to='"Bob" <sip:bob@example.com>',
        headers=(("P-Asserted-Identity", "<sip:100@example.com>"),),
        call_id="call-of-ours",
        max_forwards=42,
    )
    invite = net.last
    assert invite.start == "INVITE sip:bob@203.0.113.7 SIP/2.0"
    assert invite["Via"].startswith("SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK")
    assert invite["Via"].endswith(";rport")
    assert invite["From"].startswith("<sip:100@example.com>;tag=k")
    assert invite["To"] == '"Bob" <sip:bob@example.com>'
    assert invite["Call-ID"] == "call-of-ours"
    assert invite["CSeq"] == "1 INVITE"
    assert invite["Contact"] == "<sip:100@198.51.100.1:5060>"
    assert invite["Max-Forwards"] == "42"
    assert "UPDATE" in invite["Allow"]
    assert invite["P-Asserted-Identity"] == "<sip:100@example.com>"
    assert invite.body == ANSWER
    assert invite.hop == phone.hop


def test_a_call_rings_is_answered_and_is_hung_up_by_us() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    invite = net.last
    phone.reply(invite, 100)
    assert net.events == []
    phone.reply(invite, 180, tag="b1")
    assert net.one(Progress) == Progress(leg, 180, "Whatever", None, "b1")
    phone.reply(invite, 200, tag="b1", body=OFFER, extra=CONTACT)
    answered = net.one(Answered)
    assert (answered.leg, answered.fork, answered.sdp.media[0].port) == (leg, "b1", 40000)
    ack = net.last
    assert ack.start == "ACK sip:bob@203.0.113.7:5070 SIP/2.0"
    assert ack["CSeq"] == "1 ACK"
    assert ack["To"] == "<sip:bob@203.0.113.7>;tag=b1"
    assert ack["From"] == invite["From"]
    assert ack["Via"] != invite["Via"]
    net.core.hang_up(net.now, leg)
    net.collect()
    bye = net.last
    assert bye.start == "BYE sip:bob@203.0.113.7:5070 SIP/2.0"
    assert bye["CSeq"] == "2 BYE"
    phone.reply(bye, 200)
    assert net.one(Ended) == Ended(leg, "local", 200, "BYE", 16)
    net.run(100)
    assert net.empty


def test_the_callee_hangs_up() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.picks_up()
    assert phone.send("BYE", cseq=0, extra="Reason: Q.850;cause=17\r\n").status == 200
    assert net.one(Ended) == Ended(leg, "remote", 200, "BYE", 17)
    net.run(100)
    assert net.empty


def test_the_invite_is_repeated_until_a_provisional_and_then_ringing_may_last() -> None:
    net = Net()
    phone = Phone(net)
    phone.called()
    start = net.now
    net.run(4)
    assert [text.at - start for text in invites(net)] == [0, 0.5, 1.5, 3.5]
    for _ in range(10):
        phone.reply(invites(net)[0], 180, tag="b1")
        net.run(170)
    assert net.of(Ended) == []
    assert len(invites(net)) == 4


def test_timer_b_ends_a_call_that_nobody_answers() -> None:
    net = Net()
    leg = Phone(net).called()
    net.run(31.9)
    assert net.of(Ended) == []
    net.run(0.2)
    assert net.one(Ended) == Ended(leg, "remote", 408, "no response", 102)
    assert len(invites(net)) == 7
    assert net.requests("CANCEL") == []
    net.run(100)
    assert net.empty


def test_timer_c_cancels_a_call_that_rings_for_too_long() -> None:
    net = Net(limits=Limits(timer_c=90))
    phone = Phone(net)
    leg = phone.called()
    phone.reply(net.last, 180, tag="b1")
    net.run(89)
    phone.reply(invites(net)[0], 180, tag="b1")
    net.run(89)
    assert net.of(Ended) == []
    net.run(2)
    assert net.one(Ended) == Ended(leg, "remote", 408, "no answer", 102)
    assert net.last.method == "CANCEL"
    phone.reply(net.last, 200)
    phone.reply(invites(net)[0], 487, tag="b1")
    net.run(100)
    assert net.empty


def test_timer_c_of_a_peer_that_is_dead_ends_all_the_same() -> None:
    net = Net()
    phone = Phone(net)
    phone.called()
    phone.reply(net.last, 100)
    net.run(400)
    assert net.one(Ended).status == 408
    assert net.empty


@pytest.mark.parametrize("status", [404, 486, 503, 603])
def test_a_failure_is_acknowledged_and_ends_the_call(status: int) -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    invite = net.last
    for _ in range(3):
        phone.reply(invite, status, tag="b1", extra='Reason: Q.850;cause=21;text="no"\r\n')
    acks = net.requests("ACK")
    assert len(acks) == 3
    assert {ack["Via"] for ack in acks} == {invite["Via"]}
    assert {ack["To"] for ack in acks} == {"<sip:bob@203.0.113.7>;tag=b1"}
    assert {ack.start for ack in acks} == {"ACK sip:bob@203.0.113.7 SIP/2.0"}
    assert net.one(Ended) == Ended(leg, "remote", status, "Whatever", 21)
    net.run(100)
    assert net.empty


def test_each_repeated_200_is_acknowledged_again_even_after_the_call() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.picks_up()
    for _ in range(3):
        phone.reply(invites(net)[0], 200, tag="b1", body=OFFER, extra=CONTACT)
    net.core.hang_up(net.now, leg)
    net.collect()
    phone.reply(net.last, 200)
    phone.reply(invites(net)[0], 200, tag="b1", body=OFFER, extra=CONTACT)
    acks = net.requests("ACK")
    assert len(acks) == 5
    assert len({(ack["Via"], ack["CSeq"], ack.start) for ack in acks}) == 1
    assert len(net.of(Answered)) == 1
    assert len(net.requests("BYE")) == 1


def test_early_media_of_forks_carry_their_tag_and_the_answer_may_have_come_early() -> None:
    net = Net()
    phone = Phone(net)
    phone.called()
    invite = net.last
    other = OFFER.replace("40000", "41000")
    phone.reply(invite, 183, tag="b1", body=OFFER)
    phone.reply(invite, 180, tag="b2")
    phone.reply(invite, 183, tag="b2", body=other)
    phone.reply(invite, 199, tag="b1")
    told = [(progress.status, progress.fork, progress.sdp is not None) for progress in net.of(Progress)]
    assert told == [(183, "b1", True), (180, "b2", False), (183, "b2", True), (199, "b1", False)]
    phone.reply(invite, 200, tag="b2", extra=CONTACT)
    answered = net.one(Answered)
    assert (answered.fork, answered.sdp.media[0].port) == ("b2", 41000)
    assert net.of(Ended) == []


def test_a_provisional_without_tag_or_with_a_broken_description_is_progress_all_the_same() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    phone.reply(net.last, 180)
    phone.reply(net.last, 183, tag="b1", body="v=1\r\n")
    assert net.events == [
        Progress(leg, 180, "Whatever", None, ""),
        Progress(leg, 183, "Whatever", None, "b1"),
    ]


def test_forked_200s_the_first_is_kept_and_the_others_are_acknowledged_and_hung_up() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    invite = net.last
    phone.reply(invite, 180, tag="b1")
    phone.reply(invite, 180, tag="b2")
    phone.reply(invite, 200, tag="b2", body=OFFER, extra="Contact: <sip:two@203.0.113.8>\r\n")
    for _ in range(2):
        phone.reply(invite, 200, tag="b1", body=OFFER, extra="Contact: <sip:one@203.0.113.9>\r\n")
    assert net.one(Answered).fork == "b2"
    strays = [text for text in net.sent if text.to_tag == "b1"]
    assert [text.method for text in strays] == ["ACK", "BYE", "ACK"]
    assert {text.uri for text in strays} == {"sip:one@203.0.113.9"}
    assert [text["CSeq"] for text in strays] == ["1 ACK", "2 BYE", "1 ACK"]
    assert strays[0].hop.remote == ("203.0.113.9", 5060)
    phone.reply(strays[1], 200)
    assert net.of(Ended) == []
    net.core.hang_up(net.now, leg)
    net.collect()
    assert net.last.uri == "sip:two@203.0.113.8"


@pytest.mark.parametrize(
    ("body", "extra", "why"),
    [
        ("", CONTACT, "200 without session description"),
        ("v=1\r\n", CONTACT, "unusable session description: SDP Without v=0"),
        (OFFER, CONTACT + "Record-Route: <sip:;lr>\r\n", "unusable response: Bad URI"),
    ],
)
def test_a_200_that_is_of_no_use_is_acknowledged_and_hung_up(body: str, extra: str, why: str) -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    phone.reply(net.last, 200, tag="b1", body=body, extra=extra)
    assert [text.method for text in net.sent[-2:]] == ["ACK", "BYE"]
    assert net.one(Ended) == Ended(leg, "local", 488, why, 111)
    assert net.of(Answered) == []


def test_the_route_set_is_the_record_route_reversed() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called(route=("<sip:198.51.100.9;lr>",))
    invite = net.last
    assert invite["Route"] == "<sip:198.51.100.9;lr>"
    phone.reply(
        invite,
        200,
        tag="b1",
        body=OFFER,
        extra=f"{CONTACT}Record-Route: <sip:203.0.113.20;lr>\r\nRecord-Route: <sip:203.0.113.21;lr>\r\n",
    )
    ack = net.last
    assert ack.uri == "sip:bob@203.0.113.7:5070"
    assert ack.all("Route") == ["<sip:203.0.113.21;lr>", "<sip:203.0.113.20;lr>"]
    assert ack.hop.remote == ("203.0.113.21", 5060)
    net.core.hang_up(net.now, leg)
    net.collect()
    assert net.last.all("Route") == ack.all("Route")


def test_a_callee_with_a_private_contact_is_reached_where_its_answer_came_from() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.picks_up(extra="Contact: <sip:bob@10.0.0.9:5099>\r\n")
    assert net.last.uri == "sip:bob@10.0.0.9:5099"
    assert net.last.hop == phone.hop
    net.core.hang_up(net.now, leg)
    net.collect()
    assert net.last.hop == phone.hop


def test_over_tcp_the_call_stays_on_its_connection() -> None:
    net = Net()
    phone = Phone(net, transport="TCP", connection=7)
    leg = phone.picks_up(hop=Hop("TCP", ("198.51.100.1", 5060), phone.address))
    assert invites(net)[0]["Via"].startswith("SIP/2.0/TCP ")
    assert invites(net)[0]["Contact"] == "<sip:100@198.51.100.1:5060;transport=tcp>"
    net.core.hang_up(net.now, leg)
    net.collect()
    assert net.last.hop == phone.hop


def test_a_redirect_ends_the_call_and_tells_where_to_try() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called()
    extra = (
        "Contact: <sip:low@h.example>;q=0.2, <sip:first@h.example>, <sip:odd@h.example>;q=x\r\n"
        "Contact: <sip:mid@h.example>;q=0.7\r\n"
    )
    phone.reply(net.last, 302, tag="b1", extra=extra)
    contacts = tuple(f"sip:{name}@h.example" for name in ("first", "odd", "mid", "low"))
    assert net.one(Ended) == Ended(leg, "remote", 302, "Whatever", 0, contacts)
    assert net.last.method == "ACK"


def test_orders_and_requests_within_an_answered_call() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.picks_up()
    net.core.info_digit(net.now, leg, "7")
    net.collect()
    assert net.last["CSeq"] == "2 INFO"
    phone.reply(net.last, 200)
    net.core.offer(net.now, leg, description())
    net.collect()
    assert net.last["CSeq"] == "3 INVITE"
    phone.reply(net.last, 200, body=OFFER, extra="Contact: <sip:bob@203.0.113.7:5099>\r\n")
    assert net.last.uri == "sip:bob@203.0.113.7:5099"
    assert net.one(OfferAnswered).leg == leg
    assert phone.send("INFO", body="5", content_type="application/dtmf", cseq=0).status == 200
    assert net.one(InfoDigit).digit == "5"
    phone.send("INVITE", body=OFFER, cseq=1)
    assert net.one(Offer).leg == leg
    net.core.accept_offer(net.now, leg, description())
    net.collect()
    assert net.last.status == 200
    phone.ack(cseq=1)
    assert phone.send("INFO", cseq=1).status == 500
    net.run(100)
    assert net.of(Ended) == []


def test_after_491_we_wait_longer_as_the_call_id_is_ours() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.picks_up()
    net.core.offer(net.now, leg, description())
    net.collect()
    phone.reply(net.last, 491)
    start = net.now
    net.run(4.01)
    assert 2.1 <= invites(net)[2].at - start <= 4.0


def test_requests_of_the_callee_before_its_200() -> None:
    net = Net()
    phone = Phone(net)
    phone.called()
    phone.reply(net.last, 183, tag="b1", body=OFFER)
    assert phone.send("INFO", cseq=1, body="5", content_type="application/dtmf").status == 200
    assert phone.send("UPDATE", cseq=2, body=OFFER).status == 491
    phone.from_tag = "other"
    assert phone.send("INFO", cseq=3).status == 481
    net.one(InfoDigit)


def test_an_offerless_call_sends_our_answer_in_the_ack() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.picks_up(sdp=None)
    assert invites(net)[0].body == ""
    assert net.one(Answered).sdp.media[0].port == 40000
    phone.reply(invites(net)[0], 200, tag="b1", body=OFFER, extra=CONTACT)
    assert net.requests("ACK") == []
    net.core.accept_offer(net.now, leg, description())
    net.collect()
    assert net.last.method == "ACK"
    assert net.last.body == ANSWER
    phone.reply(invites(net)[0], 200, tag="b1", body=OFFER, extra=CONTACT)
    assert [ack.body for ack in net.requests("ACK")] == [ANSWER, ANSWER]


def test_an_offerless_call_that_is_hung_up_before_our_answer() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.picks_up(sdp=None)
    net.core.hang_up(net.now, leg)
    net.collect()
    assert [text.method for text in net.sent[-2:]] == ["ACK", "BYE"]
    phone.reply(net.last, 200)
    net.run(100)
    assert net.empty


@pytest.mark.parametrize(
    "options",
    [
        {"uri": "tel:+15550100"},
        {"uri": "sip:bob@203.0.113.7\r\nX: y"},
        {"from_": "nobody"},
        {"headers": (("X", "a\r\nb"),)},
        {"route": ("<sip:>",)},
    ],
)
def test_what_cannot_be_written_is_not_sent(options: dict[str, Any]) -> None:
    net = Net()
    with pytest.raises(LocalProtocolError):
        Phone(net).called(**options)
    net.collect()
    assert net.sent == []
    assert net.empty


def test_orders_for_incoming_calls_do_not_fit_outgoing_ones() -> None:
    net = Net()
    leg = Phone(net).called()
    with pytest.raises(LocalProtocolError):
        net.core.ring(net.now, leg)
    with pytest.raises(LocalProtocolError):
        net.core.answer(net.now, leg, description())
    with pytest.raises(LocalProtocolError):
        net.core.reject(net.now, leg, 486)
    with pytest.raises(LocalProtocolError):
        net.core.offer(net.now, leg, description())


def test_beyond_the_cap_a_call_ends_at_once() -> None:
    net = Net(limits=Limits(max_legs=1))
    Phone(net).called()
    leg = Phone(net).called()
    assert net.one(Ended) == Ended(leg, "local", 503, "too many calls")
    assert len(invites(net)) == 1


def test_what_answers_an_invite_is_bounded() -> None:
    net = Net()
    phone = Phone(net)
    phone.called()
    invite = net.last
    for number in range(100):
        phone.reply(invite, 180, tag=f"e{number}")
    for number in range(100):
        phone.reply(invite, 200, tag=f"b{number}", body=OFFER, extra=CONTACT)
    assert len(net.requests("ACK")) == 32
    assert len(net.requests("BYE")) == 31
    net.one(Answered)
