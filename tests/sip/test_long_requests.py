"""Requests too long for UDP, and transports that do not reach the peer (RFC 3261 sections 8.1.3.1 and 18.1.1)."""

from tests.sip.core_harness import OFFER, Net, Phone
from voipbin_sip.sip.events import Answered, Ended, Limits

LONG = (("X-Long", "x" * 1300),)
CONTACT = "Contact: <sip:bob@203.0.113.7>\r\n"


def test_a_request_above_1300_bytes_goes_over_tcp() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called(headers=LONG)
    invite = net.last
    assert invite.hop.transport == "TCP"
    assert invite.hop.remote == phone.address
    assert invite["Via"].startswith("SIP/2.0/TCP ")
    phone.reply(invite, 180, tag="b1")
    net.core.hang_up(net.now, leg)
    net.collect()
    assert net.last.method == "CANCEL"
    assert net.last["Via"] == invite["Via"]
    assert net.last.hop == invite.hop


def test_where_tcp_fails_it_goes_over_udp() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called(headers=LONG)
    net.run(2)
    first = net.requests("INVITE")
    assert len(first) == 1
    net.core.send_failed(net.now, first[0].hop)
    net.run(0.6)
    again = net.requests("INVITE")[1:]
    assert [text.hop.transport for text in again] == ["UDP", "UDP"]
    assert again[0]["Via"].startswith("SIP/2.0/UDP ")
    assert net.events == []
    phone.reply(again[0], 200, tag="b1", body=OFFER, extra=CONTACT)
    assert net.one(Answered).leg == leg
    assert net.last.hop.transport == "UDP"


def test_a_peer_without_tcp_is_remembered_for_a_while() -> None:
    net = Net()
    Phone(net).called(headers=LONG)
    net.core.send_failed(net.now, net.last.hop)
    net.run(300)
    Phone(net).called(headers=LONG)
    assert net.last.hop.transport == "UDP"
    net.run(301)
    Phone(net).called(headers=LONG)
    assert net.last.hop.transport == "TCP"


def test_long_requests_stay_on_udp_if_told_so() -> None:
    net = Net(limits=Limits(tcp_for_long=False))
    Phone(net).called(headers=LONG)
    assert net.last.hop.transport == "UDP"


def test_a_peer_that_cannot_be_reached_ends_the_call_with_503() -> None:
    net = Net()
    phone = Phone(net, transport="TCP")
    leg = phone.called()
    net.core.send_failed(net.now, phone.hop)
    net.core.send_failed(net.now, phone.hop)
    net.collect()
    assert net.one(Ended) == Ended(leg, "remote", 503, "Connection Failed")
    assert net.empty


def test_a_failing_transport_means_nothing_to_a_call_that_rings() -> None:
    net = Net()
    phone = Phone(net, transport="TCP")
    phone.called()
    phone.reply(net.last, 180, tag="b1")
    net.core.send_failed(net.now, phone.hop)
    net.collect()
    assert net.of(Ended) == []
