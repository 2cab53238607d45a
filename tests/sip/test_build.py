"""Responses and requests of our own."""

import pytest

from tests.sip.test_message import build, parse
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.message import make_request, make_response, parse_message
from voipbin_sip.sip.name_addr import parse_name_addr
from voipbin_sip.sip.uri import parse_uri
from voipbin_sip.sip.via import parse_via

ROUTED = ["Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>", "record-route: <sip:p3.example;lr>"]


def test_what_a_response_mirrors() -> None:
    vias = "SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bK1;rport, SIP/2.0/TCP  b;branch=2"
    request = parse(build(change={"Via": vias}, add=['v: SIP/2.0/TLS c;x="a,b"', *ROUTED]))
    response = make_response(request, 180, to_tag="t1", received=("192.0.2.1", 4711))
    assert response.to_bytes().decode() == (
        "SIP/2.0 180 Ringing\r\n"
        "Via: SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bK1;rport=4711;received=192.0.2.1, SIP/2.0/TCP  b;branch=2\r\n"
        'From: "Front desk" <sip:1000@voipbin.test>;tag=f1\r\n'
        "To: <sip:100@voipbin.test>;tag=t1\r\n"
        "Call-ID: c1@192.0.2.1\r\n"
        "CSeq: 1 INVITE\r\n"
        'Via: SIP/2.0/TLS c;x="a,b"\r\n'
        "Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\n"
        "record-route: <sip:p3.example;lr>\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    assert parse_message(response.to_bytes()) == response


@pytest.mark.parametrize(("status", "kept"), [(100, 0), (183, 3), (200, 3), (302, 0), (486, 0)])
def test_record_routes_only_where_a_dialog_forms(status: int, kept: int) -> None:
    assert len(make_response(parse(build(add=ROUTED)), status, to_tag="t").record_routes) == kept
    options = parse(build(change={"CSeq": "1 OPTIONS"}, add=ROUTED).replace(b"INVITE sip", b"OPTIONS sip"))
    assert make_response(options, status, to_tag="t").record_routes == ()


def test_tags() -> None:
    request = parse(build())
    assert make_response(request, 100, to_tag="t").to.tag is None
    assert make_response(request, 486, to_tag="t").to.tag == "t"
    within = parse(build(change={"To": "<sip:100@voipbin.test>;tag=old"}))
    assert make_response(within, 200, to_tag="t").to.tag == "old"
    bare = parse(build(change={"To": "sip:100@voipbin.test"}))
    assert make_response(bare, 200, to_tag="t").to.tag == "t"


def test_trying_mirrors_the_timestamp() -> None:
    request = parse(build(add=["Timestamp: 54"]))
    assert make_response(request, 100).headers.get("timestamp") == "54"
    assert make_response(request, 180, to_tag="t").headers.get("timestamp") is None


def test_headers_reason_and_body() -> None:
    response = make_response(
        parse(build()),
        488,
        "Nothing Fits",
        to_tag="t",
        headers=[("Warning", '304 h "Media type not available"')],
        body=b"v=0\r\n",
        content_type="application/sdp",
    )
    assert response.to_bytes().startswith(b"SIP/2.0 488 Nothing Fits\r\n")
    assert response.to_bytes().endswith(b"Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n")
    assert make_response(parse(build()), 299).reason == "Unknown"


@pytest.mark.parametrize("bad", ["a\r\nX: y", "a\nb", "a\rb", "a\0b"])
def test_injection_is_refused(bad: str) -> None:
    request = parse(build())
    for write in (
        lambda: make_response(request, 200, bad),
        lambda: make_response(request, 200, to_tag=bad),
        lambda: make_response(request, 200, headers=[("Subject", bad)]),
        lambda: make_response(request, 200, headers=[(bad, "x")]),
        lambda: make_response(request, 200, content_type=bad),
        lambda: request_with(from_=f"<sip:a@b>;tag={bad}"),
        lambda: request_with(call_id=bad),
        lambda: request_with(contact=bad),
        lambda: request_with(route=bad),
        lambda: request_with(uri="sip:a@b" + bad),
        lambda: request_with(method=bad),
    ):
        with pytest.raises(LocalProtocolError):
            write()


def test_a_peer_whose_name_holds_an_escaped_nul_can_be_called_back() -> None:
    data = request_with(from_='"a\\\0b" <sip:a@b>;tag=1')
    assert b'From: "ab" <sip:a@b>;tag=1\r\n' in data


def test_impossible_statuses_and_numbers() -> None:
    for status in (0, 99, 700):
        with pytest.raises(LocalProtocolError):
            make_response(parse(build()), status)
    for number in (-1, 2**31):
        with pytest.raises(LocalProtocolError):
            request_with(cseq=number)
    with pytest.raises(LocalProtocolError):
        request_with(uri="sip:a b@c")


def request_with(
    *,
    method: str = "BYE",
    uri: str = "sip:1000@192.0.2.1:5062",
    from_: str = "<sip:100@voipbin.test>;tag=t1",
    call_id: str = "c1",
    cseq: int = 7,
    contact: str | None = None,
    route: str = "<sip:p1.example;lr>",
) -> bytes:
    return make_request(
        method,
        uri,
        via=parse_via("SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKx;rport"),
        from_=from_,
        to=parse_name_addr('"Front desk" <sip:1000@voipbin.test>;tag=f1'),
        call_id=call_id,
        cseq=cseq,
        contact=contact,
        routes=[route, parse_name_addr("<sip:p2.example;lr>")],
        headers=[("Reason", 'Q.850;cause=16;text="x"')],
    ).to_bytes()


def test_request() -> None:
    data = request_with(contact="<sip:100@192.0.2.2>")
    assert data.decode() == (
        "BYE sip:1000@192.0.2.1:5062 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKx;rport\r\n"
        "Max-Forwards: 70\r\n"
        "Route: <sip:p1.example;lr>\r\n"
        "Route: <sip:p2.example;lr>\r\n"
        "From: <sip:100@voipbin.test>;tag=t1\r\n"
        'To: "Front desk" <sip:1000@voipbin.test>;tag=f1\r\n'
        "Call-ID: c1\r\n"
        "CSeq: 7 BYE\r\n"
        "Contact: <sip:100@192.0.2.2>\r\n"
        'Reason: Q.850;cause=16;text="x"\r\n'
        "Content-Length: 0\r\n\r\n"
    )
    request = parse(data)
    assert request.uri == parse_uri("sip:1000@192.0.2.1:5062")
    assert [route.uri.host for route in request.routes] == ["p1.example", "p2.example"]
