"""sips: and TLS: what asks for security gets it all the way (RFC 3261 sections 8.1.1.8, 8.1.2, 12.1.1, 26.2.2)."""

from dataclasses import replace

import pytest

from tests.sip.core_harness import OFFER, SERVER, Net, Phone, Text, description
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.events import Ended, Hop

SOURCE = ("203.0.113.7", 51000)
OURS = "198.51.100.1:5060"


def phone(net: Net, contact: str = "<sip:a@203.0.113.7:5071;transport=tls>", **more: object) -> Phone:
    return Phone(net, address=SOURCE, transport="TLS", connection=9, contact=contact, **more)  # type: ignore[arg-type]


def answered(caller: Phone, uri: str) -> tuple[str, Text]:
    """Have the caller's INVITE to a URI answered; return the leg and the 200."""
    net = caller.net
    leg = caller.invite(uri=uri)
    net.core.answer(net.now, leg, description())
    net.collect()
    answer = net.last
    caller.to_tag = answer.to_tag
    caller.ack()
    return leg, answer


def bye(net: Net, leg: str) -> Text:
    net.core.hang_up(net.now, leg)
    net.collect()
    assert net.last.method == "BYE"
    return net.last


@pytest.mark.parametrize(
    ("uri", "contact", "routes", "ours"),
    [
        ("sip:100@voipbin.test", "<sip:a@203.0.113.7:5071;transport=tls>", (), "sip"),
        ("sips:100@voipbin.test", "<sip:a@203.0.113.7:5071;transport=tls>", (), "sips"),
        ("sip:100@voipbin.test", "<sips:a@203.0.113.7:5071>", (), "sips"),
        ("sip:100@voipbin.test", "<sip:a@10.0.0.9>", ("<sips:203.0.113.7;lr>",), "sips"),
        ("sip:100@voipbin.test", "<sips:a@10.0.0.9>", ("<sip:203.0.113.7;transport=tls;lr>",), "sips"),
    ],
)
def test_our_contact_is_secure_where_the_peer_asks_for_it(
    uri: str, contact: str, routes: tuple[str, ...], ours: str
) -> None:
    _, answer = answered(phone(Net(), contact, routes=routes), uri)
    suffix = ";transport=tls" if ours == "sip" else ""
    assert answer["Contact"] == f"<{ours}:100@{OURS}{suffix}>"


def test_requests_go_over_the_connection_of_the_caller() -> None:
    net = Net()
    caller = phone(net, "<sips:a@203.0.113.7:5071>")
    leg, _ = answered(caller, "sips:100@voipbin.test")
    request = bye(net, leg)
    assert (request.uri, request.hop) == ("sips:a@203.0.113.7:5071", caller.hop)
    assert request["Via"].startswith(f"SIP/2.0/TLS {OURS};")


def test_a_secure_target_is_never_reached_in_the_clear() -> None:
    """Not through a proxy that says nothing of TLS either: section 8.1.2 takes its URI as a sips: one."""
    net = Net()
    caller = Phone(net, contact="<sips:a@203.0.113.7>", routes=("<sip:203.0.113.7;lr>",))
    request = bye(net, caller.establish())
    assert request.hop == Hop("TLS", SERVER, ("203.0.113.7", 5061), name="203.0.113.7")
    assert request["Via"].startswith("SIP/2.0/TLS ")
    assert request["Route"] == "<sip:203.0.113.7;lr>"


def test_no_call_to_a_secure_address_over_another_transport() -> None:
    net = Net()
    with pytest.raises(LocalProtocolError, match="sips wants TLS"):
        net.core.invite(
            net.now,
            hop=Hop("TCP", SERVER, SOURCE),
            uri="SIPS:b@203.0.113.7",
            from_="<sip:a@b.test>",
            sdp=None,
        )


def test_a_server_must_show_the_same_certificate_when_it_is_connected_to_again() -> None:
    net = Net()
    hop = Hop("TLS", SERVER, ("203.0.113.7", 5061), connection=9, name="trunk.test")
    trunk = phone(net, "<sip:edge@203.0.113.7:5061;transport=tls>")
    leg = trunk.called(uri="sips:bob@trunk.test", hop=hop)
    invite = net.requests("INVITE")[-1]
    assert invite["Contact"] == f"<sips:100@{OURS}>"
    net.give(_ok(invite, trunk.contact), hop)
    net.core.connection_lost(net.now, 9)
    net.collect()
    assert net.of(Ended) == []
    assert bye(net, leg).hop == replace(hop, connection=0)


def test_a_phone_that_gave_a_name_must_have_a_certificate_for_it() -> None:
    net = Net()
    leg, _ = answered(phone(net, "<sip:a@phone.example:5071;transport=tls>"), "sip:100@voipbin.test")
    net.core.connection_lost(net.now, 9)
    net.collect()
    assert bye(net, leg).hop == Hop("TLS", SERVER, ("203.0.113.7", 5071), name="phone.example")


def test_an_answer_after_a_lost_connection_goes_to_the_port_of_tls() -> None:
    net = Net()
    caller = phone(net)
    leg = caller.invite(via="SIP/2.0/TLS 203.0.113.7;branch=z9hG4bK1")
    net.core.connection_lost(net.now, 9)
    net.core.reject(net.now, leg, 486)
    net.collect()
    assert net.last.hop == Hop("TLS", SERVER, ("203.0.113.7", 5061))


def _ok(invite: Text, contact: str) -> str:
    lines = ["SIP/2.0 200 OK", *(f"Via: {via}" for via in invite.all("Via"))]
    lines += [f"{name}: {invite[name]}" for name in ("From", "Call-ID", "CSeq")]
    lines += [f"To: {invite['To']};tag=t1", f"Contact: {contact}", "Content-Type: application/sdp"]
    return "\r\n".join([*lines, f"Content-Length: {len(OFFER)}", "", OFFER])
