"""Where messages go: Via, Record-Route, Contact, NATs and connections (RFC 3261 12.2.1.1, 18.2, RFC 3581)."""

import pytest

from tests.sip.core_harness import OFFER, SERVER, Net, Phone, Text, description
from voipbin_sip.sip.events import Ended, Hop, Incoming


def bye(net: Net, leg: str) -> Text:
    net.core.hang_up(net.now, leg)
    net.collect()
    assert net.last.method == "BYE"
    return net.last


def test_loose_routing_through_two_proxies() -> None:
    net = Net()
    routes = ("<sip:192.0.2.10;lr>", "<sip:p2.example.com;lr>, <sip:p3.example.com;lr>")
    phone = Phone(net, address=("192.0.2.10", 5060), contact="<sip:alice@203.0.113.50>", routes=routes)
    leg = phone.establish()
    answer = next(text for text in net.sent if text.status == 200)
    assert answer.all("Record-Route") == list(routes)
    request = bye(net, leg)
    assert request.uri == "sip:alice@203.0.113.50"
    assert request.all("Route") == [
        "<sip:192.0.2.10;lr>",
        "<sip:p2.example.com;lr>",
        "<sip:p3.example.com;lr>",
    ]
    assert request.hop.remote == ("192.0.2.10", 5060)


def test_strict_routing() -> None:
    net = Net()
    routes = ("<sip:192.0.2.10:5070;method=INVITE>", "<sip:p2.example.com>")
    phone = Phone(net, address=("192.0.2.10", 5060), contact="<sip:alice@203.0.113.50>", routes=routes)
    request = bye(net, phone.establish())
    assert request.uri == "sip:192.0.2.10:5070"
    assert request.all("Route") == ["<sip:p2.example.com>", "<sip:alice@203.0.113.50>"]
    assert request.hop.remote == ("192.0.2.10", 5070)


def test_record_route_does_not_change_within_the_dialog() -> None:
    net = Net()
    phone = Phone(net, routes=("<sip:203.0.113.7;lr>",))
    leg = phone.establish()
    phone.routes = ("<sip:192.0.2.99;lr>",)
    phone.send("INVITE", body=OFFER)
    net.core.accept_offer(net.now, leg, description())
    net.collect()
    phone.ack()
    assert bye(net, leg).all("Route") == ["<sip:203.0.113.7;lr>"]


@pytest.mark.parametrize(
    ("contact", "source", "target"),
    [
        ("<sip:a@203.0.113.7:5062>", ("203.0.113.7", 5060), ("203.0.113.7", 5062)),
        ("<sip:a@10.0.0.9:5062>", ("203.0.113.7", 34567), ("203.0.113.7", 34567)),
        ("<sip:a@192.168.1.5>", ("10.0.0.3", 5060), ("10.0.0.3", 5060)),
        ("<sip:a@100.64.3.3>", ("203.0.113.7", 1024), ("203.0.113.7", 1024)),
        ("<sip:a@127.0.0.1>", ("203.0.113.7", 5060), ("203.0.113.7", 5060)),
        ("<sip:a@192.168.1.5:5099>", ("192.168.1.5", 5060), ("192.168.1.5", 5099)),
        ("<sip:a@192.0.2.77>", ("203.0.113.7", 5060), ("192.0.2.77", 5060)),
        ("<sip:a@phone.example.com>", ("203.0.113.7", 40001), ("203.0.113.7", 40001)),
        ("<sip:a@abc.invalid;transport=UDP>", ("203.0.113.7", 40001), ("203.0.113.7", 40001)),
        ("<sip:a@[fd00::1]:5070>", ("2001:db8::7", 5060), ("2001:db8::7", 5060)),
        ("<sip:a@[2001:db8::7]:5070>", ("2001:db8::7", 5060), ("2001:db8::7", 5070)),
    ],
)
def test_in_dialog_requests_find_the_phone(
    contact: str, source: tuple[str, int], target: tuple[str, int]
) -> None:
    net = Net()
    host = f"[{source[0]}]" if ":" in source[0] else source[0]
    phone = Phone(net, address=source, contact=contact)
    invite = phone.text("INVITE", body=OFFER, via=f"SIP/2.0/UDP {host}:{source[1]};rport;branch=z9hG4bK1")
    phone.give(invite)
    leg = net.one(Incoming).leg
    net.core.answer(net.now, leg, description())
    net.collect()
    phone.to_tag = net.last.to_tag
    phone.give(phone.text("ACK", cseq=1, via=f"SIP/2.0/UDP {host}:{source[1]};rport;branch=z9hG4bK2"))
    request = bye(net, leg)
    assert request.uri == contact.strip("<>")
    assert request.hop.remote == target


def test_a_phone_that_moves_behind_its_nat_is_found_at_its_new_port() -> None:
    net = Net()
    phone = Phone(net, address=("203.0.113.7", 30000), contact="<sip:a@10.0.0.9>")
    leg = phone.establish()
    phone.address = ("203.0.113.7", 30111)
    phone.send("INFO")
    assert bye(net, leg).hop.remote == ("203.0.113.7", 30111)


@pytest.mark.parametrize(
    ("via", "port"),
    [
        ("SIP/2.0/UDP 203.0.113.7:5999;branch=z9hG4bK1;rport", 40000),
        ("SIP/2.0/UDP 203.0.113.7:5999;branch=z9hG4bK1", 5999),
        ("SIP/2.0/UDP 203.0.113.7;branch=z9hG4bK1", 5060),
        ("SIP/2.0/UDP 10.0.0.9:5999;branch=z9hG4bK1", 40000),
        ("SIP/2.0/UDP phone.example.com:5999;branch=z9hG4bK1;maddr=192.0.2.66", 5999),
    ],
)
def test_responses_go_to_the_source_address_at_the_port_that_via_says(via: str, port: int) -> None:
    net = Net()
    phone = Phone(net, address=("203.0.113.7", 40000))
    for method in ("OPTIONS", "INVITE"):
        phone.send(method, via=via)
        assert net.last.hop.remote == ("203.0.113.7", port)
    if "rport" in via:
        assert "rport=40000" in net.last["Via"]
    assert ("received=203.0.113.7" in net.last["Via"]) == ("rport" in via or " 203.0.113.7" not in via)


def test_our_via_and_contact_name_the_advertised_address() -> None:
    net = Net(advertise=lambda hop: ("192.0.2.200", 5080))
    phone = Phone(net)
    leg = phone.establish()
    assert next(text for text in net.sent if text.status == 200)["Contact"] == "<sip:100@192.0.2.200:5080>"
    request = bye(net, leg)
    assert request["Via"].startswith("SIP/2.0/UDP 192.0.2.200:5080;branch=z9hG4bK")
    assert request.hop.local == SERVER


@pytest.mark.parametrize("uri", ["sip:198.51.100.1", "sip:a%20b@198.51.100.1", "tel:+1555%22"])
def test_our_contact_needs_no_escapes(uri: str) -> None:
    net = Net()
    phone = Phone(net)
    phone.give(phone.text("INVITE", uri=uri, body=OFFER))
    for incoming in net.of(Incoming):
        net.core.ring(net.now, incoming.leg)
        net.collect()
        assert net.last["Contact"] == "<sip:voipbin@198.51.100.1:5060>"


def test_on_tcp_the_connection_of_the_caller_is_used() -> None:
    net = Net()
    phone = Phone(
        net, address=("203.0.113.7", 51000), transport="TCP", connection=9, contact="<sip:a@203.0.113.7:5070>"
    )
    leg = phone.establish()
    answer = next(text for text in net.sent if text.status == 200)
    assert answer["Contact"] == "<sip:100@198.51.100.1:5060;transport=tcp>"
    request = bye(net, leg)
    assert request.hop == phone.hop
    assert request["Via"].startswith("SIP/2.0/TCP ")


def test_when_the_connection_is_lost_another_is_opened_to_the_contact() -> None:
    net = Net()
    phone = Phone(
        net, address=("203.0.113.7", 51000), transport="TCP", connection=9, contact="<sip:a@203.0.113.7:5070>"
    )
    leg = phone.establish()
    net.core.connection_lost(net.now, 9)
    net.collect()
    assert net.of(Ended) == []
    assert bye(net, leg).hop == Hop("TCP", SERVER, ("203.0.113.7", 5070), 0)


def test_when_the_connection_is_lost_a_waiting_request_goes_out_anew_and_answers_follow() -> None:
    net = Net()
    phone = Phone(
        net, address=("203.0.113.7", 51000), transport="TCP", connection=9, contact="<sip:a@203.0.113.7:5070>"
    )
    leg = phone.invite(via="SIP/2.0/TCP 203.0.113.7:5071;branch=z9hG4bK1")
    net.core.connection_lost(net.now, 9)
    net.core.answer(net.now, leg, description())
    net.collect()
    assert net.last.hop == Hop("TCP", SERVER, ("203.0.113.7", 5071), 0)
    phone.to_tag = net.last.to_tag
    back = phone.moved(("203.0.113.7", 51001), connection=10)
    back.ack()
    first = bye(net, leg)
    assert first.hop == back.hop
    net.core.connection_lost(net.now, 10)
    net.collect()
    assert [text.hop for text in net.requests("BYE")] == [
        back.hop,
        Hop("TCP", SERVER, ("203.0.113.7", 5070), 0),
    ]


def test_a_contact_with_another_transport_is_obeyed() -> None:
    net = Net()
    phone = Phone(net, contact="<sip:a@203.0.113.7:5070;transport=tcp>")
    request = bye(net, phone.establish())
    assert request.hop == Hop("TCP", SERVER, ("203.0.113.7", 5070), 0)
    assert request["Via"].startswith("SIP/2.0/TCP ")


def test_the_dialog_can_be_read_out() -> None:
    net = Net()
    phone = Phone(net, cseq=41, routes=("<sip:203.0.113.7;lr>",))
    leg = phone.establish()
    dialog = net.core.dialog(leg)
    assert dialog is not None
    assert dialog.call_id == phone.call_id
    assert (dialog.local_tag, dialog.remote_tag) == (phone.to_tag, "from1")
    assert (dialog.local_cseq, dialog.remote_cseq) == (0, 42)
    assert dialog.route_set == ("<sip:203.0.113.7;lr>",)
    assert dialog.remote_target == "sip:alice@203.0.113.7:5060"
    assert dialog.secure is False
    assert net.core.dialog("nobody") is None
