"""The REGISTERs of RFC 4475 and RFC 5118, and mangled ones: every one gets an answer that can be written."""

from __future__ import annotations

import random

import pytest

from tests.corpora import CORPORA, needs_corpora
from tests.registrar.phone import NOW, Office, Phone, hop, values
from voipbin_sip.guard import DigestGuard, Outcome
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.registrar.registrar import Answer, Registrar
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Request, make_response, parse_message


class OpenGuard(DigestGuard):
    """Believes everybody: the messages carry no passwords."""

    def check(self, request: Request, *args: object, **options: object) -> Outcome:
        return Outcome(request.to.uri.user or "nobody")


class Example:
    """The registrar of example.com, with or without a door."""

    def __init__(self, *, open_door: bool = True) -> None:
        self.locations = Locations()
        kind = OpenGuard if open_door else DigestGuard
        self._registrar = Registrar(
            domain="example.com",
            password=lambda extension: None,
            guard=kind("example.com", b"k" * 32),
            locations=self.locations,
        )

    def answer(self, data: bytes) -> Answer:
        request = parse_message(data)
        assert isinstance(request, Request)
        return self.answer_request(request)

    def answer_request(self, request: Request) -> Answer:
        answer = self._registrar.answer(request, hop(), NOW)
        written = make_response(request, answer.status, answer.reason, to_tag="t", headers=answer.headers)
        parse_message(written.to_bytes())
        return answer

    def uris(self) -> set[str]:
        return {contact.uri for _, contact in self.locations}


def corpus(name: str) -> bytes:
    return (CORPORA / f"{name}.dat").read_bytes()


@needs_corpora
@pytest.mark.parametrize(
    ("name", "uris"),
    [
        ("rfc4475/cparam01", {"sip:+19725552222@gw1.example.net"}),
        ("rfc4475/cparam02", {"sip:+19725552222@gw1.example.net;unknownparam"}),
        ("rfc4475/escnull", {"sip:%00@host5.example.com", "sip:%00%00@host5.example.com"}),
        ("rfc4475/regescrt", {"sip:user@example.com"}),
        ("rfc5118/ipv6-good", {"sip:caller@[2001:db8::1]"}),
    ],
)
def test_what_is_registered(name: str, uris: set[str]) -> None:
    example = Example()
    assert example.answer(corpus(name)).status == 200
    assert example.uris() == uris


@needs_corpora
def test_an_address_that_is_none_of_ours() -> None:
    example = Example()
    assert example.answer(corpus("rfc4475/unksm2")).status == 404
    assert example.uris() == set()


@needs_corpora
def test_a_scheme_that_nobody_knows_is_challenged() -> None:
    answer = Example(open_door=False).answer(corpus("rfc4475/regaut01"))
    assert answer.status == 401
    assert len(values(answer, "WWW-Authenticate")) == 2


@pytest.mark.parametrize(
    "headers",
    [
        ["Path: <sip:p.test"],
        ['Path: "\\\0" <sip:p.test;lr>'],
        ["Expires: -1"],
        ["Expires: 99999999999999999999"],
        ["Expires: 3600", "Expires: 0"],
        ["User-Agent: \udc80\udcff caf\xe9"],
    ],
)
def test_odd_headers(headers: list[str]) -> None:
    office = Office()
    phone = Phone(office)
    credentials = phone.credentials(phone.ask())
    text = (
        "REGISTER sip:voipbin.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        "From: <sip:1000@voipbin.test>;tag=1\r\nTo: <sip:1000@voipbin.test>\r\nCall-ID: c\r\nCSeq: 7 REGISTER\r\n"
        'Contact: <sip:1000@10.0.0.9>;q=7;+sip.instance="<\\"\\\\;x>";reg-id="1;x=<y>"\r\n'
        f"Authorization: {credentials}\r\n" + "".join(f"{line}\r\n" for line in headers) + "\r\n"
    )
    request = parse_message(text.encode("utf-8", "surrogateescape"))
    assert isinstance(request, Request)
    answer = office.registrar.answer(request, hop(), office.now)
    assert answer.status in (200, 400)
    parse_message(make_response(request, answer.status, headers=answer.headers, to_tag="t").to_bytes())
    assert all(0 <= contact.q <= 1 and contact.reg_id == "" for _, contact in office.locations)


def test_mangled_requests_never_raise() -> None:
    chance = random.Random(11)
    whole = (
        b"REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n"
        b"From: <sip:user@example.com>;tag=1\r\nTo: <sip:user@example.com>\r\nCall-ID: c\r\nCSeq: 7 REGISTER\r\n"
        b'Contact: "Desk" <sip:user@10.0.0.9;ob>;q=0.5;expires=120;+sip.instance="<urn:uuid:1>";reg-id=1\r\n'
        b"Path: <sip:p2.test;lr>, <sip:p1.test;lr>\r\nExpires: 600\r\nUser-Agent: Desk 3\r\nContent-Length: 0\r\n\r\n"
    )
    answered = 0
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(data))
            if chance.random() < 0.5:
                data[at] = chance.choice(b'<>;:,@="\\*%\0\xff 0a\r\n')
            else:
                del data[at : at + chance.randrange(1, 6)]
        try:
            message = parse_message(bytes(data))
        except RemoteProtocolError:
            continue  # the core refuses it before the registrar sees it
        if isinstance(message, Request):
            Example().answer_request(message)
            answered += 1
    assert answered > 300
