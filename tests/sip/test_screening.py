"""What is refused before anything is kept, and how (RFC 3261 section 8.2)."""

import pytest

from tests.sip.core_harness import OFFER, PHONE, SERVER, Net, Phone
from voipbin_sip.sip.events import Ended, Hop, Incoming, Limits, Refused


def test_options_outside_of_a_dialog_costs_no_state() -> None:
    net = Net()
    phone = Phone(net)
    request = phone.text("OPTIONS")
    phone.give(request)
    answer = net.last
    assert answer.status == 200
    assert answer["Allow"] == "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"
    assert "application/sdp" in answer["Accept"]
    assert answer["Supported"] == "100rel, timer, replaces"
    assert answer.to_tag
    phone.give(request)
    assert net.last.to_tag == answer.to_tag
    assert net.empty


@pytest.mark.parametrize("method", ["REGISTER", "MESSAGE", "SUBSCRIBE", "PUBLISH", "WHATEVER"])
def test_other_methods_get_405(method: str) -> None:
    net = Net()
    answer = Phone(net).send(method)
    assert answer.status == 405
    assert "INVITE" in answer["Allow"]
    assert net.one(Refused).status == 405
    assert net.empty


@pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE", "REFER", "NOTIFY", "PRACK"])
def test_methods_that_need_a_dialog_get_481_without(method: str) -> None:
    net = Net()
    assert Phone(net).send(method).status == 481


@pytest.mark.parametrize("option", ["precondition", "nothingSupportsThis"])
def test_required_extensions_get_420(option: str) -> None:
    net = Net()
    answer = Phone(net).send("INVITE", body=OFFER, extra=f"Require: {option}\r\nProxy-Require: other\r\n")
    assert answer.status == 420
    assert answer["Unsupported"] == option
    assert net.of(Incoming) == []


def test_supported_extensions_are_no_reason_to_refuse() -> None:
    net = Net()
    Phone(net).invite(extra="Supported: 100rel, timer, replaces\r\nSession-Expires: 1800\r\n")
    assert net.responses("INVITE") == [100]


def test_unknown_uri_schemes_get_416() -> None:
    net = Net()
    phone = Phone(net)
    assert phone.send("INVITE", uri="soap.beep://192.0.2.103:3002", body=OFFER).status == 416
    assert phone.send("OPTIONS", uri="nobodyKnowsThisScheme:totallyopaque").status == 416


@pytest.mark.parametrize(
    "uri", ["tel:+15550100", "tel:100;phone-context=voipbin.test", "sips:100@198.51.100.1"]
)
def test_the_schemes_of_telephones_are_taken(uri: str) -> None:
    net = Net()
    Phone(net).invite(uri=uri)
    assert net.one(Incoming).request.uri_text == uri


def test_unknown_bodies_get_415_with_accept() -> None:
    net = Net()
    phone = Phone(net)
    answer = phone.send("INVITE", body="<x/>", content_type="application/xml")
    assert (answer.status, answer["Accept"]) == (415, "application/sdp")
    answer = phone.send("INVITE", body=OFFER, extra="Content-Encoding: gzip\r\n")
    assert (answer.status, answer["Accept-Encoding"]) == (415, "identity")
    assert net.of(Incoming) == []
    assert net.empty


def test_an_optional_unknown_body_is_ignored() -> None:
    net = Net()
    Phone(net).invite(
        body="<x/>", content_type="application/xml", extra="Content-Disposition: render;handling=optional\r\n"
    )
    assert net.one(Incoming).offer is None


def test_sdp_within_a_multipart_body_is_found() -> None:
    net = Net()
    body = (
        "--b1\r\nContent-Type: application/isup;version=x\r\n\r\n\x01\x02\r\n"
        f"--b1\r\nContent-Disposition: session\r\nContent-Type: application/sdp\r\n\r\n{OFFER}\r\n--b1--\r\n"
    )
    Phone(net).invite(body=body, content_type='multipart/mixed;boundary="b1"')
    offer = net.one(Incoming).offer
    assert offer is not None
    assert offer.media[0].port == 40000


def test_a_caller_that_accepts_no_sdp_gets_406() -> None:
    net = Net()
    assert Phone(net).send("INVITE", extra="Accept: text/nobodyKnowsThis\r\n").status == 406


@pytest.mark.parametrize("accept", ["", "application/sdp;level=1, text/x", "APPLICATION/*", "*/*"])
def test_a_caller_that_accepts_sdp_may_say_so_in_many_ways(accept: str) -> None:
    net = Net()
    Phone(net).invite(extra=f"Accept: {accept}\r\n")
    assert net.responses("INVITE") == [100]


def test_broken_sdp_gets_400_that_says_so() -> None:
    net = Net()
    answer = Phone(net).send("INVITE", body="v=0\r\nrubbish\r\n")
    assert answer.status == 400
    assert "SDP" in answer.start


@pytest.mark.parametrize(
    ("contact", "reason"),
    [("", "Missing Contact"), ("<tel:+15550100>", "Contact Is Not A SIP URI"), ("*", "Bad Contact")],
)
def test_an_invite_needs_a_usable_contact(contact: str, reason: str) -> None:
    net = Net()
    phone = Phone(net)
    phone.contact = contact
    assert phone.send("INVITE", body=OFFER).start == f"SIP/2.0 400 {reason}"
    assert net.empty


def test_an_invite_of_rfc_2543_needs_neither_branch_nor_tag_nor_contact() -> None:
    net = Net()
    hop = Hop("UDP", SERVER, PHONE)
    invite = (
        "INVITE sip:100@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.7\r\n"
        "From: <sip:bob@203.0.113.7>\r\nTo: <sip:100@198.51.100.1>\r\nCall-ID: old@203.0.113.7\r\n"
        f"CSeq: 56 INVITE\r\nContent-Type: application/sdp\r\n\r\n{OFFER}"
    )
    net.give(invite, hop)
    net.give(invite, hop)
    leg = net.one(Incoming).leg
    net.core.reject(net.now, leg, 486)
    net.collect()
    answer = net.last
    assert net.responses("INVITE") == [100, 100, 486]
    ack = (
        "ACK sip:100@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.7\r\n"
        f"From: <sip:bob@203.0.113.7>\r\nTo: {answer['To']}\r\nCall-ID: old@203.0.113.7\r\nCSeq: 56 ACK\r\n\r\n"
    )
    net.give(ack, hop)
    net.run(100)
    assert net.responses("INVITE") == [100, 100, 486]
    assert net.one(Ended).leg == leg
    assert net.empty


def test_the_caps_refuse_with_503_and_retry_after() -> None:
    net = Net(limits=Limits(max_legs=2))
    for number in range(3):
        phone = Phone(net, call_id=f"c{number}", name=f"n{number}")
        phone.give(phone.text("INVITE", body=OFFER))
    assert net.responses("INVITE") == [100, 100, 503]
    assert "Retry-After" in net.last
    assert len(net.of(Incoming)) == 2


def test_when_transactions_run_out_a_bye_still_works() -> None:
    net = Net(limits=Limits(max_transactions=3))
    phone = Phone(net)
    phone.establish()
    assert phone.send("INFO").status == 200
    assert phone.send("INFO").status == 200
    refused = phone.send("INFO")
    assert (refused.status, "Retry-After" in refused) == (503, True)
    other = Phone(net, call_id="c2", name="bob")
    other.give(other.text("INVITE", body=OFFER))
    assert net.last.status == 503
    assert phone.send("BYE").status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n",
        b"\0\0\0\0",
        b"hello",
        b"\xff" * 2000,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"INVITE sip:x@y SIP/2.0\r\n\r\n",
        b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"a" * 12,
    ],
)
def test_garbage_gets_no_answer(data: bytes) -> None:
    net = Net()
    net.give(data, Phone(net).hop)
    assert net.sent == []
    assert sum(net.core.counters.values()) == 1


def test_a_message_over_the_limit_is_dropped() -> None:
    net = Net(limits=Limits(max_message=1000))
    phone = Phone(net)
    phone.give(phone.text("OPTIONS", extra=f"X: {'x' * 1000}\r\n"))
    assert net.sent == []
    assert net.one(Refused).status == 0


def test_a_request_with_an_unreadable_via_is_answered_where_it_came_from() -> None:
    net = Net()
    answer = Phone(net).send("OPTIONS", via="SIP/2.0/UDP ;;,;,,")
    assert answer.status == 400
    assert answer.hop.remote == PHONE
    assert answer["Via"] == "SIP/2.0/UDP ;;,;,,"


def test_an_ack_is_never_answered() -> None:
    net = Net()
    phone = Phone(net)
    phone.give(phone.text("ACK").replace("SIP/2.0\r\n", "SIP/7.0\r\n", 1))
    phone.give(phone.text("ACK", extra="Content-Length: 9999\r\n"))
    phone.give(phone.text("ACK"))
    assert net.sent == []


def test_refusals_are_hardly_longer_than_what_they_refuse() -> None:
    net = Net()
    phone = Phone(net)
    for method, extra in (("REGISTER", ""), ("INVITE", "Require: a\r\n"), ("OPTIONS", ""), ("BYE", "")):
        request = phone.text(method, extra=extra)
        phone.give(request)
        answer = net.last
        size = len(answer.start) + sum(len(name) + len(value) + 4 for name, value in answer.headers)
        assert size < len(request) + (200 if method == "OPTIONS" else 100), answer


def test_counters_have_few_names_whatever_peers_invent() -> None:
    net = Net()
    phone = Phone(net)
    for number in range(50):
        phone.send(f"METHOD{number}")
    assert net.core.counters["received.other"] == 50
    assert net.core.counters["refused.405"] == 50
    assert len(net.core.counters) < 10
