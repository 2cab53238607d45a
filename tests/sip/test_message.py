"""Parsing of whole messages: lines, bodies, limits, what is checked at once and what only when asked for."""

import pytest

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Request, Response, parse_message
from voipbin_sip.sip.parse import MAX_HEADERS, MAX_LINE, MAX_MESSAGE

LINES = [
    "INVITE sip:100@voipbin.test SIP/2.0",
    "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1;rport",
    "Max-Forwards: 70",
    'From: "Front desk" <sip:1000@voipbin.test>;tag=f1',
    "To: <sip:100@voipbin.test>",
    "Call-ID: c1@192.0.2.1",
    "CSeq: 1 INVITE",
    "Contact: <sip:1000@192.0.2.1:5062>",
    "Content-Length: 0",
]


def build(
    *, change: dict[str, str | None] | None = None, add: list[str] | None = None, body: bytes = b""
) -> bytes:
    """Return the usual INVITE with lines changed (None: left out) or added."""
    changes = change or {}
    lines = [LINES[0]]
    for line in LINES[1:]:
        name = line.partition(":")[0]
        if name in changes:
            line = f"{name}: {changes[name]}" if changes[name] is not None else ""
        if line:
            lines.append(line)
    return "\r\n".join([*lines, *(add or []), "", ""]).encode("utf-8", "surrogateescape") + body


def parse(data: bytes, *, stream: bool = False) -> Request:
    message = parse_message(data, stream=stream)
    assert isinstance(message, Request)
    return message


def refused(data: bytes, *, stream: bool = False) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_message(data, stream=stream)
    return caught.value


def test_values() -> None:
    request = parse(build())
    assert (request.method, request.uri_text, request.uri.user) == ("INVITE", "sip:100@voipbin.test", "100")
    assert (request.from_.display, request.from_.tag, request.to.tag) == ("Front desk", "f1", None)
    assert (request.call_id, request.cseq.number, request.cseq.method) == ("c1@192.0.2.1", 1, "INVITE")
    assert (request.via.branch, request.via.rport) == ("z9hG4bK1", 0)
    assert [str(contact.uri) for contact in request.contacts] == ["sip:1000@192.0.2.1:5062"]
    assert (request.max_forwards, request.content_length, request.content_type) == (70, 0, None)
    assert (request.routes, request.record_routes, request.body) == ((), (), b"")
    assert request.to_bytes() == build()


def test_line_ends_of_every_kind() -> None:
    expected = parse(build())
    assert parse(build().replace(b"\r\n", b"\n")) == expected
    assert parse(b"\r\n\r\n\n" + build()) == expected
    assert parse(build().replace(b"\r\n\r\n", b"\n\r\n")) == expected
    mixed = build(change={"Content-Length": "6"}, body=b"a\n\nb\r\n").replace(b"\r\nVia", b"\nVia")
    assert parse(mixed).body == b"a\n\nb\r\n"
    assert refused(build().replace(b"70\r\n", b"7\r0\r\n")).status == 400


def test_folding_compact_names_and_blanks() -> None:
    data = (
        build(change={"Via": None, "From": None, "Content-Length": None})
        .replace(b"Call-ID:", b"i \t :")
        .replace(b"Contact:", b"M:")
        .replace(b"To: ", b"tO:\t \r\n   ")
    ).replace(
        b"CSeq",
        b"v: SIP/2.0/UDP a;branch=1,\r\n\tSIP/2.0/TCP b;branch=2\r\nF:\r\n <sip:x@y>\r\n\t ;tag=z  \r\nl:0\r\nCSeq",
    )
    request = parse(data)
    assert [via.host for via in request.vias] == ["a", "b"]
    assert (request.from_.tag, request.call_id, request.content_length) == ("z", "c1@192.0.2.1", 0)
    assert str(request.to.uri) == "sip:100@voipbin.test"
    assert len(request.contacts) == 1


def test_body_on_udp() -> None:
    assert parse(build(change={"Content-Length": "3"}, body=b"abcdef")).body == b"abc"
    assert parse(build(change={"Content-Length": None}, body=b"\x00\xff\r\n")).body == b"\x00\xff\r\n"
    short = refused(build(change={"Content-Length": "7"}, body=b"abcdef"))
    assert (short.status, short.request is not None) == (400, True)


def test_body_on_a_stream() -> None:
    assert parse(build(change={"Content-Length": "3"}, body=b"abc"), stream=True).body == b"abc"
    missing = refused(build(change={"Content-Length": None}), stream=True)
    assert (missing.status, missing.request is not None) == (400, True)


@pytest.mark.parametrize("length", ["", "-1", "+1", "1.0", "0x10", "1 1", "9" * 5000, "٣", "1e3"])
def test_bad_content_length(length: str) -> None:
    assert refused(build(change={"Content-Length": length})).status == 400


def test_repeated_content_length() -> None:
    assert parse(build(add=["l: 0"])).content_length == 0
    assert refused(build(add=["l: 1"], body=b"x")).status == 400


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_mandatory_headers(name: str) -> None:
    error = refused(build(change={name: None}))
    assert (error.status, error.request is not None) == (400, True)
    assert name.lower() in error.reason.lower()


@pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq", "Max-Forwards"])
def test_single_headers_that_come_twice(name: str) -> None:
    line = next(line for line in LINES if line.startswith(name))
    assert refused(build(add=[line])).status == 400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Via", "SIP/2.0/UDP h, x"),
        ("Via", "SIP/2.0/UDP h,"),
        ("From", "sip:a@b?x=y"),
        ("To", "<sip:a@b"),
        ("Call-ID", ""),
        ("Call-ID", "a b"),
        ("Call-ID", "a\x7f"),
        ("Call-ID", "\udc80"),
        ("CSeq", "1 BYE"),
        ("CSeq", "1"),
        ("Max-Forwards", "256"),
        ("Max-Forwards", "x"),
        ("Contact", "*"),
        ("Contact", "<sip:a@b>;;"),
    ],
)
def test_bad_values_are_answered_400(name: str, value: str) -> None:
    error = refused(build(change={name: value}))
    assert error.status == 400
    assert error.request is not None


def test_a_bad_contact_matters_only_where_it_is_used() -> None:
    data = build(change={"Contact": "???", "CSeq": "2 BYE"}).replace(b"INVITE sip", b"BYE sip")
    request = parse(data)
    with pytest.raises(RemoteProtocolError) as caught:
        _ = request.contacts
    assert (caught.value.status, caught.value.request) == (400, request)


def test_contact_star() -> None:
    data = build(change={"Contact": "*", "CSeq": "2 REGISTER"}).replace(b"INVITE sip", b"REGISTER sip")
    assert (parse(data).contact_star, parse(data).contacts) == (True, ())
    assert not parse(build()).contact_star


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("INVITE sip:a@b SIP/3.0", 505),
        ("INVITE sip:a@b SIP/2.1", 505),
        ("INVITE sip:a@b sip/2.0", 0),
        ("INVITE sip:a@b", 400),
        ("INVITE  sip:a@b SIP/2.0", 400),
        ("INVITE sip:a@b SIP/2.0 ", 400),
        ("INV(ITE sip:a@b SIP/2.0", 400),
        ("INVITE sip:a b@c SIP/2.0", 400),
        ("INVITE alice SIP/2.0", 400),
        ("INVITE sip:a@b?X=y SIP/2.0", 400),
        ("GET / HTTP/1.1", 400),
        ("SIP/2.0 200 OK", 0),
        ("SIP/2.0 200", 0),
        ("SIP/2.0 099 Low", 400),
        ("SIP/2.0 700 High", 400),
        ("SIP/2.0 20 Short", 400),
        ("SIP/1.0 200 OK", 400),
        ("SIP/2.0 200 O\rK", 400),
        ("SIP/2.0 200 O\0K", 400),
    ],
)
def test_start_lines(line: str, status: int) -> None:
    data = build().replace(LINES[0].encode(), line.encode())
    if status:
        assert refused(data).status == status
    else:
        parse_message(data)


@pytest.mark.parametrize(
    "line", ["no colon", ": no name", "na me: x", "é: x", "a(b): c", "X: a\0b", 'X: "\\\\\0"']
)
def test_malformed_header_lines(line: str) -> None:
    error = refused(build(add=[line]))
    assert error.status == 400
    assert error.request is not None
    assert error.request.call_id == "c1@192.0.2.1"


def test_a_datagram_that_was_cut_is_refused() -> None:
    data = build()
    for size in range(len(data) - 1):
        assert refused(data[:size]).status == 400


def test_limits() -> None:
    assert parse(build(add=["X: y"] * (MAX_HEADERS - len(LINES) + 1)))
    many = refused(build(add=["X: y"] * (MAX_HEADERS - len(LINES) + 2)))
    assert (many.status, many.request is not None) == (513, True)
    assert parse(build(add=["X: " + "y" * (MAX_LINE - 3)]))
    assert refused(build(add=["X: " + "y" * (MAX_LINE - 2)])).status == 513
    folded = refused(build(add=["X: " + "y\r\n " * MAX_LINE]))
    assert folded.status == 513
    assert refused(build(body=b"x" * MAX_MESSAGE)).status == 513
    assert refused(b"INVITE sip:" + b"a" * MAX_LINE + b" SIP/2.0\r\n\r\n").status == 400


def test_an_escaped_nul_is_kept() -> None:
    assert parse(build(add=['X: "\\\0"'])).headers.get("X") == '"\\\0"'


def test_bytes_that_are_not_utf8_are_kept() -> None:
    data = build(add=["Subject: \udcff\udc80 ü"])
    request = parse(data)
    assert request.to_bytes() == data
    assert parse(request.to_bytes()) == request


def test_responses() -> None:
    response = parse_message(build().replace(LINES[0].encode(), b"SIP/2.0 183 Session Progress"))
    assert isinstance(response, Response)
    assert (response.status, response.reason, response.cseq.method) == (183, "Session Progress", "INVITE")
    bad = build(change={"CSeq": "x"}).replace(LINES[0].encode(), b"SIP/2.0 200 OK")
    assert refused(bad).request is None


def test_content_type_is_without_parameters() -> None:
    request = parse(build(add=["c: Application/SDP ; charset=utf-8"]))
    assert request.content_type == "application/sdp"


def test_changed_headers_are_read_anew() -> None:
    request = parse(build())
    assert request.cseq.number == 1
    request.headers.replace("CSeq", "2 INVITE")
    assert request.cseq.number == 2
    request.headers.remove("Contact")
    assert request.contacts == ()
