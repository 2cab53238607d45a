"""What must hold for all input: what is written reads the same, what is broken is refused, nothing takes long."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpora import CORPORA, needs_corpora
from tests.sip.test_message import LINES, build
from tests.sip.test_torture import touch
from voipbin_sip.sip.auth_headers import parse_authorization, parse_challenge
from voipbin_sip.sip.cseq import parse_cseq
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.framing import StreamFramer
from voipbin_sip.sip.message import Request, make_request, make_response, parse_message
from voipbin_sip.sip.name_addr import NameAddr, parse_name_addr, parse_name_addr_list
from voipbin_sip.sip.offer_answer import LocalMedia, answer_offer, apply_answer, make_offer
from voipbin_sip.sip.parse import MAX_LINE
from voipbin_sip.sip.sdp import Connection, MediaDescription, Origin, SessionDescription, parse_sdp
from voipbin_sip.sip.uri import Uri, parse_uri, same_uri
from voipbin_sip.sip.via import Via, parse_via

LOCAL = LocalMedia("192.0.2.10", 10000, session_id=1, version=1)

usual = settings(derandomize=True, deadline=None, max_examples=150)
many = settings(derandomize=True, deadline=None, max_examples=600)

tokens = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=20)
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20).map(str.strip)
words = st.text("abcXYZ019-_.", min_size=1, max_size=12)
hosts = st.one_of(words, st.ip_addresses().map(str))
ports = st.none() | st.integers(0, 65535)
params = st.lists(st.tuples(tokens, st.none() | tokens), max_size=3).map(tuple)
free = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)
uri_params = st.lists(st.tuples(free, st.none() | free), max_size=3).map(tuple)
uri_headers = st.lists(st.tuples(free, free), max_size=2).map(tuple)
sip_uris = st.builds(
    lambda scheme, user, password, host, port, pairs, headers: Uri(
        scheme, user, password if user else None, host, port, pairs, headers
    ),
    st.sampled_from(["sip", "sips"]),
    st.none() | free,
    st.none() | free,
    hosts,
    ports,
    uri_params,
    uri_headers,
)
tel_uris = st.builds(
    lambda number, pairs: Uri("tel", number, params=pairs),
    st.from_regex(r"\+?[0-9A-F*#]{1,12}", fullmatch=True),
    uri_params,
)
uris = sip_uris | tel_uris
addresses = st.builds(NameAddr, names, uris, params)
vias = st.builds(Via, st.sampled_from(["UDP", "TCP", "X-1"]), hosts, ports, params)

lines = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0 \t"), max_size=12)
connections = st.builds(Connection, words, st.sampled_from(["IP4", "IP6"]))
attributes = st.lists(st.tuples(words, st.none() | lines), max_size=5).map(tuple)
payloads = st.integers(0, 130).map(str)
rtp_attributes = st.lists(
    st.one_of(
        st.tuples(st.just("rtpmap"), st.builds("{} {}/{}".format, payloads, words, st.integers(0, 99999))),
        st.tuples(st.sampled_from(["ptime", "maxptime", "rtcp", "fmtp"]), st.integers(0, 99999).map(str)),
        st.tuples(st.sampled_from(["sendonly", "inactive", "recvonly"]), st.none()),
    ),
    max_size=5,
).map(tuple)
streams = st.builds(
    MediaDescription,
    st.sampled_from(["audio", "video", "image"]),
    st.integers(0, 65535),
    st.sampled_from(["RTP/AVP", "RTP/SAVP", "udptl"]),
    st.lists(payloads | words, min_size=1, max_size=5).map(tuple),
    st.integers(1, 3),
    st.lists(connections, max_size=2).map(tuple),
    attributes | rtp_attributes,
    st.lists(st.tuples(st.sampled_from("ib"), lines), max_size=1).map(tuple),
)
descriptions = st.builds(
    SessionDescription,
    st.builds(Origin, words, words, words, words, st.sampled_from(["IP4", "IP6"])),
    lines,
    st.none() | connections,
    st.lists(streams, max_size=4).map(tuple),
    attributes,
    st.sampled_from([(("t", "0 0"),), (("i", "x"), ("t", "1 2"), ("r", "3"), ("t", "4 5")), ()]),
)


@usual
@given(uris)
def test_uris_read_as_they_were_written(uri: Uri) -> None:
    assert parse_uri(str(uri)) == uri
    assert same_uri(uri, parse_uri(str(uri)))


@usual
@given(addresses)
def test_addresses_read_as_they_were_written(address: NameAddr) -> None:
    assert parse_name_addr(str(address)) == address
    assert parse_name_addr_list([f"{address},{address}", str(address)]) == (address,) * 3


@usual
@given(vias)
def test_vias_read_as_they_were_written(via: Via) -> None:
    assert parse_via(str(via)) == via


@usual
@given(
    tokens,
    uris.filter(lambda uri: not uri.headers),
    vias,
    addresses,
    addresses,
    st.lists(st.tuples(tokens.map("X-{}".format), texts), max_size=4),
    st.binary(max_size=50),
    st.booleans(),
)
def test_messages_read_as_they_were_written(
    method: str,
    uri: Uri,
    via: Via,
    one: NameAddr,
    other: NameAddr,
    headers: list[tuple[str, str]],
    body: bytes,
    stream: bool,
) -> None:
    request = make_request(
        method,
        uri,
        via=via,
        from_=one,
        to=other,
        call_id="c@h",
        cseq=1,
        contact=one,
        routes=[other],
        headers=headers,
        body=body,
    )
    again = parse_message(request.to_bytes(), stream=stream)
    assert isinstance(again, Request)
    assert (again.method, again.uri, again.body, again.vias) == (method, uri, body, (via,))
    assert (again.from_, again.to, again.contacts, again.routes) == (one, other, (one,), (other,))
    assert parse_message(again.to_bytes(), stream=stream) == again
    response = make_response(again, 200, to_tag="t", received=("192.0.2.1", 5060), body=body)
    assert parse_message(response.to_bytes()).cseq == again.cseq
    assert StreamFramer().feed(request.to_bytes() + response.to_bytes()) == [
        request.to_bytes(),
        response.to_bytes(),
    ]


@usual
@given(descriptions)
def test_descriptions_read_as_they_were_written(description: SessionDescription) -> None:
    again = parse_sdp(description.to_bytes())
    assert parse_sdp(again.to_bytes()) == again
    assert again.media == description.media
    assert (again.origin, again.connection) == (description.origin, description.connection)


@usual
@given(descriptions)
def test_any_description_is_answered_in_the_shape_of_the_offer_or_refused(offer: SessionDescription) -> None:
    try:
        answer, _ = answer_offer(offer, LOCAL)
    except RemoteProtocolError as error:
        assert error.status == 488
    else:
        assert [media.kind for media in answer.media] == [media.kind for media in offer.media]
        assert sum(1 for media in answer.media if media.port) == 1
        assert parse_sdp(answer.to_bytes()) == answer
    try:
        apply_answer(make_offer(LOCAL), offer)
    except RemoteProtocolError as error:
        assert error.status == 488


def consume(data: bytes) -> None:
    """Do to some bytes whatever the server would do."""
    try:
        message = parse_message(data)
    except RemoteProtocolError as error:
        assert 400 <= error.status < 600
        if error.request is not None:
            make_response(error.request, error.status, to_tag="t", received=("192.0.2.1", 5060)).to_bytes()
    else:
        assert parse_message(message.to_bytes()) == message
        try:
            touch(message)
        except RemoteProtocolError as error:
            assert error.status == 400
        if isinstance(message, Request):
            answer = make_response(message, 200, to_tag="t", received=("192.0.2.1", 5060))
            parse_message(answer.to_bytes())
        for name in ("Supported", "Authorization", "X"):
            quietly(message.headers.values, name)
        quietly(parse_sdp, message.body)
    framer = StreamFramer()
    quietly(framer.feed, data)


def quietly(action: Callable[..., object], *arguments: object) -> None:
    with contextlib.suppress(RemoteProtocolError):
        action(*arguments)


def corpus() -> list[bytes]:
    files = sorted(CORPORA.glob("rfc4475/*.dat")) + sorted(CORPORA.glob("rfc5118/*.dat"))
    return [path.read_bytes() for path in files] or [build()]


SEEDS = corpus()
PIECES = [
    b"\r\n",
    b"\n ",
    b"\r",
    b"\n",
    b"\0",
    b'"',
    b"\\",
    b"<",
    b">",
    b",",
    b";",
    b":",
    b"=",
    b"%",
    b"@",
    b"[",
    b"]",
]
PIECES += [
    b"\xff",
    b"\xc3",
    b"\x80",
    b" ",
    b"\t",
    b"Via: ",
    b"l: 3\r\n",
    b"999999999999",
    b"tag=",
    b"?",
    b"*",
    b"-1",
]


@needs_corpora
@many
@given(st.data())
def test_mutated_messages_are_parsed_or_refused(data: st.DataObject) -> None:
    message = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(message)))
        end = min(len(message), start + data.draw(st.integers(0, 8)))
        message[start:end] = data.draw(st.sampled_from(PIECES) | st.binary(max_size=3))
    consume(bytes(message))


@usual
@given(st.binary(max_size=300))
def test_noise_is_refused(data: bytes) -> None:
    consume(data)


@many
@given(st.text(max_size=40) | st.text('ab1"\\<>;:=,@ %[]?.*+-/', max_size=40))
def test_values_are_parsed_or_refused(text: str) -> None:
    for parse in (parse_uri, parse_name_addr, parse_via, parse_cseq, parse_authorization, parse_challenge):
        quietly(parse, text)
        quietly(parse, "Digest " + text)


def filled(piece: str, *, size: int = 60_000, head: str = "", tail: str = "") -> str:
    return head + piece * ((size - len(head) - len(tail)) // len(piece)) + tail


def spread(piece: str, header: str, head: str = "", tail: str = "") -> list[str]:
    """Return seven header lines, each as long as allowed and full of `piece`."""
    line = filled(piece, size=MAX_LINE - len(header) - 40, head=f"{header}: {head}", tail=tail)
    return [line] * 7


HOSTILE = {
    "many headers": build(add=["X:y"] * 12_000),
    "many different headers": build(add=[f"X{n}:y" for n in range(7_000)]),
    "deep folding": build(add=["X: y" + "\r\n " * 19_000]),
    "folding with blanks": build(add=["X: y" + "\r\n" + " " * 59_000]),
    "blanks in a name": build(add=[" " * 59_000]),
    "blanks before the colon": build(add=["X" + " " * 59_000]),
    "blanks in the request line": ("INVITE" + " " * 60_000).encode() + b"\r\n\r\n",
    "one long line": build(add=["X: " + "y" * 60_000]),
    "only line ends": b"\r\n" * 32_000,
    "only LF": b"\n" * 65_000,
    "only CR": b"\r" * 65_000,
    "quotes in From": build(change={"From": filled('"', size=8_000) + " <sip:a@b>"}),
    "escapes in From": build(change={"From": '"' + filled('\\"', size=8_000)}),
    "open quotes in Contact": build(add=spread('"\\"', "m", '"')),
    "open brackets in Contact": build(add=spread("<", "m")),
    "closed brackets in Contact": build(add=spread("<>", "m")),
    "commas in Contact": build(add=spread(",", "m")),
    "values in Contact": build(add=spread("sip:a@b,", "m", tail="sip:a@b")),
    "values in Record-Route": build(add=spread("<sip:a@b;lr>,", "Record-Route", tail="<sip:c@d>")),
    "Vias in a line": build(add=spread("SIP/2.0/UDP h,", "v", tail="SIP/2.0/UDP h")),
    "Via parameters": build(add=spread(";a=b", "v", "SIP/2.0/UDP h")),
    "Via blanks": build(add=spread(" ", "v", "SIP/2.0/UDP h", tail="!")),
    "Via quotes": build(add=spread('";', "v", "SIP/2.0/UDP h;x=", tail="!")),
    "URI parameters": build(add=spread(";a=b", "m", "<sip:a@b", tail=">")),
    "URI escapes": build(add=spread("%41", "m", "<sip:", tail="@b>")),
    "URI of at signs": build(add=spread("@", "m", "<sip:a", tail=">")),
    "URI of colons": build(add=spread(":", "m", "<sip:a", tail="@b>")),
    "parameters in From": build(change={"From": filled(";a=b", size=8_000, head="<sip:a@b>")}),
    "blanks in From": build(change={"From": filled(" ", size=8_000, head="<sip:a@b>;", tail="!")}),
    "digits in CSeq": build(change={"CSeq": filled("9", size=8_000, tail=" INVITE")}),
    "digits in Content-Length": build(change={"Content-Length": filled("0", size=8_000, tail="x")}),
    "many Content-Lengths": build(add=["l: 0"] * 10_000),
    "lists": build(
        add=spread(",", "Supported")[:3] + spread('"', "X")[:2] + spread("a,", "Authorization")[:2]
    ),
    "SDP attributes": build(
        change={"Content-Length": None}, body=filled("a=x\r\n", head="v=0\r\no=- 1 1 IN IP4 h\r\n").encode()
    ),
}


@pytest.mark.timeout(5)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_comes_to_an_end(name: str) -> None:
    assert len(HOSTILE[name]) < 66_000
    consume(HOSTILE[name])


HOSTILE_BODIES = {
    "streams": filled("m=audio 9 RTP/AVP 0\n"),
    "formats": filled("1 ", head="m=audio 9 RTP/AVP "),
    "formats and rtpmaps": filled("1 ", size=30_000, head="m=audio 9 RTP/AVP ")
    + filled("\na=rtpmap:1 x/8", size=30_000),
    "rtpmaps": filled("a=rtpmap:101 x/8000\n", head="m=audio 9 RTP/AVP 101\n"),
    "addresses": filled("c=IN IP4 h\n", head="m=audio 9 RTP/AVP 0\n"),
    "blanks": filled(" ", head="m=audio 9", tail="RTP/AVP 0"),
    "directions": filled("a=x\n", size=30_000) + filled("m=audio 9 RTP/AVP 0\n", size=30_000),
}


@pytest.mark.timeout(5)
@pytest.mark.parametrize("name", HOSTILE_BODIES)
def test_hostile_descriptions_come_to_an_end(name: str) -> None:
    body = "v=0\no=- 1 1 IN IP4 h\nc=IN IP4 192.0.2.1\n" + HOSTILE_BODIES[name]
    offer = parse_sdp(body.encode())
    quietly(answer_offer, offer, LOCAL)
    quietly(apply_answer, make_offer(LOCAL), offer)
    assert parse_sdp(offer.to_bytes()) == offer


def test_the_usual_message_is_none_of_these() -> None:
    assert len(LINES) == 9
    consume(build())
