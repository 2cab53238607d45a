"""The torture messages of RFC 4475 and RFC 5118: a verdict for each, and the values that must come out."""

from dataclasses import dataclass

import pytest

from tests.corpora import CORPORA, needs_corpora
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Request, Response, make_response, parse_message
from voipbin_sip.sip.sdp import parse_sdp

pytestmark = needs_corpora


@dataclass(frozen=True)
class Good:
    start: str  # method or status
    cseq: int
    from_tag: str | None
    vias: int = 1
    body: int = 0  # bytes


# RFC 4475 sections 3.1.1, 3.2, 3.3 (understood, what to do with them is the application's business), 3.4
UNDERSTOOD = {
    "wsinv": Good("INVITE", 9, "98asjd8", vias=3, body=150),
    "intmeth": Good("!interesting-Method0123456789_*+`.%indeed'~", 139122385, "_token~1'+`*%!-."),
    "esc01": Good("INVITE", 234234, "938", body=150),
    "escnull": Good("REGISTER", 14398234, "839923423"),
    "esc02": Good("RE%47IST%45R", 29344, "f232jadfj23"),
    "lwsdisp": Good("OPTIONS", 60, "323"),
    "longreq": Good("INVITE", 3882340, "12" + "982" * 50 + "424", vias=34, body=150),
    "dblreq": Good("REGISTER", 8, "43251j3j324"),
    "semiuri": Good("OPTIONS", 8, "33242"),
    "transports": Good("OPTIONS", 60, "323", vias=5),
    "mpart01": Good("MESSAGE", 1, "2fb0dcc9", body=553),
    "unreason": Good("200", 35, "11141343", body=154),
    "noreason": Good("100", 35, "39ansfi3"),
    "badbranch": Good("OPTIONS", 8, "33242"),
    "unkscm": Good("OPTIONS", 3923423, "384"),
    "novelsc": Good("OPTIONS", 3923423, "384"),
    "unksm2": Good("REGISTER", 234902, "3234233"),
    "bext01": Good("OPTIONS", 8, "242etr"),
    "invut": Good("INVITE", 235448, "8392034", body=40),
    "regaut01": Good("REGISTER", 9338, "87321hj23128"),
    "bcast": Good("200", 35, "11141343", vias=2, body=154),
    "zeromf": Good("OPTIONS", 39234321, "3ghsd41"),
    "cparam01": Good("REGISTER", 2, "DkfVgjkrtMwaerKKpe"),
    "cparam02": Good("REGISTER", 3, "838293"),
    "regescrt": Good("REGISTER", 14398234, "8"),
    "sdp01": Good("INVITE", 8, "234", body=150),
    "inv2543": Good("INVITE", 56, None, body=105),
    # either is allowed; a broken Date and blanks within brackets do no harm
    "baddate": Good("INVITE", 1392934, "2234923", body=150),
    "badaspec": Good("OPTIONS", 3923239, "433423"),
}

# Refused, with the status that the RFC names (None: a response, which is dropped).
REFUSED = {
    "badinv01": 400,
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "scalarlg": None,
    "regbadct": 400,
    "badvers": 505,
    "mismatch01": 400,
    "mismatch02": 400,
    "bigcode": None,
    # either is allowed; what they mean is a guess, so they are refused
    "insuf": 400,
    "multi01": 400,
    "mcl01": 400,
    "quotbal": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 400,
    "trws": 400,
    "escruri": 400,
    "baddn": 400,  # here without the empty line after the headers
}

IPV6 = {
    "ipv4-mapped-ipv6": Good("INVITE", 612, "81x2", vias=2, body=236),
    "ipv6-bug-abnf-3-colons": Good("OPTIONS", 689, "810x2"),
    "ipv6-correct-abnf-2-colons": Good("OPTIONS", 689, "810x2"),
    "ipv6-good": Good("REGISTER", 98176, "81x2"),
    "ipv6-in-sdp": Good("INVITE", 8612, "81x2", body=241),
    "mult-ip-in-header": Good("BYE", 89187, "81x2", vias=3),
    "mult-ip-in-sdp": Good("INVITE", 8912, "81x2", body=181),
    "port-ambiguous": Good("REGISTER", 98176, "81x2"),
    "port-unambiguous": Good("REGISTER", 98176, "81x2"),
    "via-received-param-no-delim": Good("OPTIONS", 921, "81x2"),
    "via-received-param-with-delim": Good("BYE", 321, "81x2"),
}


def read(folder: str, name: str) -> bytes:
    return (CORPORA / folder / f"{name}.dat").read_bytes()


def request(folder: str, name: str) -> Request:
    message = parse_message(read(folder, name))
    assert isinstance(message, Request)
    return message


def touch(message: Request | Response) -> None:
    """Ask for everything that a message can tell."""
    for name in (
        "vias",
        "via",
        "from_",
        "to",
        "call_id",
        "cseq",
        "contacts",
        "contact_star",
        "record_routes",
    ):
        getattr(message, name)
    for name in ("routes", "content_type", "content_length"):
        getattr(message, name)
    if isinstance(message, Request):
        _ = message.uri, message.max_forwards


def check(message: Request | Response, good: Good) -> None:
    touch(message)
    start = message.method if isinstance(message, Request) else str(message.status)
    seen = Good(start, message.cseq.number, message.from_.tag, len(message.vias), len(message.body))
    assert seen == good
    assert parse_message(message.to_bytes()) == message


def test_every_message_has_a_verdict() -> None:
    files = {path.stem for path in (CORPORA / "rfc4475").glob("*.dat")} - {"test"}
    assert files == UNDERSTOOD.keys() | REFUSED.keys()
    assert len(files) == 49
    assert {path.stem for path in (CORPORA / "rfc5118").glob("*.dat")} == IPV6.keys() | {"ipv6-bad"}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_understood(name: str) -> None:
    check(parse_message(read("rfc4475", name)), UNDERSTOOD[name])


@pytest.mark.parametrize("name", IPV6)
def test_understood_ipv6(name: str) -> None:
    check(parse_message(read("rfc5118", name)), IPV6[name])


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    status = REFUSED[name]
    with pytest.raises(RemoteProtocolError) as caught:
        parse_message(read("rfc4475", name))
    if status is None:
        assert caught.value.request is None
        return
    assert caught.value.status == status
    broken = caught.value.request
    assert broken is not None
    answer = make_response(broken, status, to_tag="t1", received=("192.0.2.77", 5061))
    assert answer.to_bytes().startswith(f"SIP/2.0 {status} ".encode())
    assert answer.headers.get("CSeq") == broken.headers.get("CSeq")
    assert len(answer.headers.get_all("From")) <= 1


def test_unbracketed_ipv6_host_is_refused() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_message(read("rfc5118", "ipv6-bad"))
    assert caught.value.status == 400
    assert caught.value.request is not None


def test_what_is_no_message_at_all_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        parse_message(read("rfc4475", "test"))


def test_wsinv_values() -> None:
    message = request("rfc4475", "wsinv")
    assert message.call_id == "wsinv.ndaksdj@192.0.2.1"
    assert message.from_.display == 'J Rosenberg \\"'
    assert message.to.tag == "1918181833n"
    assert message.max_forwards == 68
    assert [(via.transport, via.host, via.branch) for via in message.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    (contact,) = message.contacts
    assert contact.display == 'Quoted string ""'
    assert contact.param("q") == "0.33"
    assert contact.param("secondparam") == ""
    (route,) = message.routes
    assert route.uri.param("lr") == ""
    assert route.uri.param("unknownwith") == "value"
    assert message.headers.get("s") == ""


def test_intmeth_keeps_odd_characters() -> None:
    message = request("rfc4475", "intmeth")
    assert message.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert message.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert message.uri.host == "example.com"
    assert message.to.display == "BEL: NUL: DEL:"  # controls are no part of a name that people read
    assert message.from_.display == "token1~` token2'+_ token3*%!.-"
    assert message.from_.param("fromparam''~+*_!.-%") == "работающий"
    answer = make_response(message, 200, to_tag="x").to_bytes()
    assert b'"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f"' in answer  # but what is mirrored is mirrored exactly


def test_escapes_are_resolved_and_kept() -> None:
    message = request("rfc4475", "esc01")
    assert message.uri.user == "sips:user@example.com"
    assert str(message.uri) == "sip:sips%3Auser%40example.com@example.net"
    assert message.from_.uri.user == "I have spaces"
    (contact,) = message.contacts
    assert contact.uri.user == "caller"
    assert contact.uri.params == (("lr", None), ("name", "value%41"))
    null = request("rfc4475", "escnull")
    assert [contact.uri.user for contact in null.contacts] == ["\0", "\0\0"]
    assert str(null.contacts[0].uri) == "sip:%00@host5.example.com"


def test_escaped_names_are_other_names() -> None:
    message = request("rfc4475", "esc02")
    assert [contact.uri.user for contact in message.contacts] == ["alias1", "alias3"]
    assert message.headers.get("C%6Fntact") == "<sip:alias2@host2.example.com>"
    assert message.via.branch == "z9hG4bK209%fzsnel234"


def test_unknown_schemes_are_kept() -> None:
    assert request("rfc4475", "unkscm").uri.scheme == "nobodyknowsthisscheme"
    assert str(request("rfc4475", "novelsc").uri) == "soap.beep://192.0.2.103:3002"
    message = request("rfc4475", "unksm2")
    assert (message.to.uri.scheme, message.to.uri.text) == ("isbn", "2983792873")
    assert str(message.from_.uri) == "http://www.example.com"
    assert message.contacts[0].uri.scheme == "name"


def test_header_parameter_or_uri_parameter() -> None:
    (outside,) = request("rfc4475", "cparam01").contacts
    assert (outside.params, outside.uri.params) == ((("unknownparam", None),), ())
    (inside,) = request("rfc4475", "cparam02").contacts
    assert (inside.params, inside.uri.params) == ((), (("unknownparam", None),))
    (routed,) = request("rfc4475", "regescrt").contacts
    assert routed.uri.headers == (("Route", "<sip:sip.example.com>"),)
    assert request("rfc4475", "semiuri").uri.user == "user;par=u@example.net"


def test_reasons() -> None:
    message = parse_message(read("rfc4475", "unreason"))
    assert isinstance(message, Response)
    assert message.reason == "= 2**3 * 5**2 но сто девяносто девять - простое"
    empty = parse_message(read("rfc4475", "noreason"))
    assert isinstance(empty, Response)
    assert empty.reason == ""


def test_other_values() -> None:
    assert request("rfc4475", "zeromf").max_forwards == 0
    assert request("rfc4475", "bext01").headers.values("Require") == [
        "nothingSupportsThis",
        "nothingSupportsThisEither",
    ]
    assert len(request("rfc4475", "semiuri").headers.values("Accept")) == 6
    assert request("rfc4475", "invut").content_type == "application/unknownformat"
    old = request("rfc4475", "inv2543")
    assert (old.via.branch, old.max_forwards, old.content_length) == (None, None, None)
    assert old.record_routes[0].uri.param("maddr") == "ss1.example.com"
    assert [via.transport for via in request("rfc4475", "transports").vias] == [
        "UDP",
        "SCTP",
        "TLS",
        "UNKNOWN",
        "TCP",
    ]


def test_ipv6_references() -> None:
    mapped = request("rfc5118", "ipv4-mapped-ipv6")
    assert (mapped.via.host, mapped.via.port) == ("::ffff:192.0.2.10", 19823)
    assert mapped.contacts[0].uri.host == "::ffff:192.0.2.2"
    assert str(mapped.contacts[0].uri) == "sip:ted@[::ffff:192.0.2.2]"
    assert request("rfc5118", "port-ambiguous").uri.port is None
    clear = request("rfc5118", "port-unambiguous").uri
    assert (clear.host, clear.port) == ("2001:db8::10", 5070)
    for name in ("via-received-param-no-delim", "via-received-param-with-delim"):
        assert request("rfc5118", name).via.received == "2001:db8::9:255"


def test_bodies() -> None:
    six = parse_sdp(request("rfc5118", "ipv6-in-sdp").body)
    assert six.connection is not None
    assert (six.connection.family, six.connection.host) == ("IP6", "2001:db8::20")
    many = parse_sdp(request("rfc5118", "mult-ip-in-sdp").body)
    assert many.connection is None
    hosts = [many.connection_of(media) for media in many.media]
    assert [connection.host for connection in hosts if connection] == ["192.0.2.1", "2001:db8::1"]
    assert b"\x30\x82" in request("rfc4475", "mpart01").body
