"""Calls of trunks and carriers: who they are taken for, what they reach, and that nobody else gains anything."""

from __future__ import annotations

import re

import pytest

from voipbin_sip.calls.admission import Admission
from voipbin_sip.calls.call import Address
from voipbin_sip.calls.verdict import Admitted, Turned
from voipbin_sip.directory import (
    ConferenceEntry,
    Directory,
    ExtensionEntry,
    NumberEntry,
    ProviderEntry,
    RewriteEntry,
    TrunkEntry,
)
from voipbin_sip.guard import DigestGuard
from voipbin_sip.sip.digest import answer_challenges
from voipbin_sip.sip.events import Hop, Incoming
from voipbin_sip.sip.message import Request, parse_message

CARRIER, OFFICE, STRANGER = "192.0.2.10", "192.0.2.20", "203.0.113.5"
REGISTERED = "192.0.2.30"  # a carrier that we are registered with
TRUNK_HOST = "office.trunk.voipbin.test"
DIRECTORY = Directory(
    numbers={
        "100": NumberEntry(number="100", flow="desk", public=True),
        "200": NumberEntry(number="200", flow="people"),
        "+493012345678": NumberEntry(number="+493012345678", flow="menu"),
    },
    extensions={"1000": ExtensionEntry(extension="1000")},
    passwords={"1000": "secret"},
    conferences={"weekly": ConferenceEntry(id="weekly")},
    trunks={
        "office": TrunkEntry(
            domain_name="office",
            auth_types=("basic", "ip"),
            username="pbx",
            password="hammer",
            allowed_ips=(f"{OFFICE}/32",),
        ),
        "lab": TrunkEntry(domain_name="lab", auth_types=("ip",), allowed_ips=("192.0.2.21",), transfers=True),
    },
    providers={
        "carrier": ProviderEntry(
            id="carrier",
            hostname="sip.example.com",
            allowed_ips=(CARRIER,),
            rewrite_in=(RewriteEntry(prefix="0", by="+49"),),
        ),
        "signed-up": ProviderEntry(id="signed-up", hostname="sip.example.net"),
    },
    trunk_passwords={"office": "hammer"},
)


class Gate:
    def __init__(self) -> None:
        self.admission = Admission(
            domain="voipbin.test",
            directory=lambda: DIRECTORY,
            guard=DigestGuard("voipbin.test", b"k" * 32),
            clock=lambda: 1000.0,
            carrier_at=lambda host, user: "signed-up" if host == REGISTERED else None,
        )

    def call(
        self,
        uri: str,
        source: str,
        *lines: str,
        from_: str = "<sip:+4930999999@x.example>",
        to: str = "",
    ) -> Admitted | Turned:
        extra = "".join(line + "\r\n" for line in lines)
        text = (
            f"INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
            f"From: {from_};tag=1\r\nTo: {to or f'<{uri}>'}\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n"
            f"Contact: <sip:{source}>\r\n{extra}Content-Length: 0\r\n\r\n"
        )
        request = parse_message(text.encode())
        assert isinstance(request, Request)
        hop = Hop("UDP", ("192.0.2.1", 5060), (source, 5060))
        return self.admission.decide(Incoming("leg", request, hop, None))

    def admitted(self, uri: str, source: str, *lines: str, from_: str = "", to: str = "") -> Admitted:
        came = self.call(uri, source, *lines, from_=from_ or "<sip:+4930999999@x.example>", to=to)
        assert isinstance(came, Admitted), came
        return came

    def turned(self, uri: str, source: str, *lines: str, from_: str = "") -> Turned:
        came = self.call(uri, source, *lines, from_=from_ or "<sip:+4930999999@x.example>")
        assert isinstance(came, Turned), came
        return came

    def with_password(self, uri: str, username: str, password: str) -> Admitted | Turned:
        values = [value for name, value in self.turned(uri, STRANGER).headers if name == "Proxy-Authenticate"]
        credentials = answer_challenges(
            values, username=username, password=password, method="INVITE", uri=uri, cnonce="c"
        )
        return self.call(uri, STRANGER, f"Proxy-Authorization: {credentials}")


# Carriers


@pytest.mark.parametrize("user", ["+493012345678", "493012345678", "00493012345678", "03012345678"])
def test_a_carriers_call_runs_the_flow_of_a_number_that_is_not_public(user: str) -> None:
    came = Gate().admitted(f"sip:{user}@voipbin.test", CARRIER)
    assert came.flow == "menu"
    assert came.destination == Address("tel", "+493012345678")
    assert came.source == Address("tel", "+4930999999")
    assert (came.payer, came.transfers, came.private) == ("provider:carrier", False, False)


@pytest.mark.parametrize("user", ["1000", "+12025550123", "conference:weekly", "extension:1000", "nobody"])
def test_a_carrier_reaches_nothing_else(user: str) -> None:
    turned = Gate().turned(f"sip:{user}@voipbin.test", CARRIER)
    assert turned.status == 404
    assert turned.headers == ()


def test_the_number_stands_in_to_where_we_are_registered() -> None:
    gate, contact = Gate(), "sip:customer@192.0.2.1:5060"
    came = gate.admitted(contact, REGISTERED, to="<sip:+493012345678@sip.example.net>")
    assert (came.flow, came.payer) == ("menu", "provider:signed-up")
    came = gate.admitted(contact, REGISTERED, "P-Called-Party-ID: <tel:+493012345678>", to="<sip:x@y>")
    assert came.flow == "menu"


def test_what_a_carrier_asserts_goes_before_from() -> None:
    asserted = 'P-Asserted-Identity: "Bob" <sip:030777777@x.example>, <tel:+4930777777>'
    came = Gate().admitted("sip:+493012345678@voipbin.test", CARRIER, asserted)
    assert came.source == Address("tel", "+4930777777", target_name="Bob")


@pytest.mark.parametrize(
    ("line", "from_"),
    [
        ("Privacy: id", ""),
        ("Privacy: user;header", ""),
        ("Privacy: critical; id", ""),
        ("Subject: x", '"Anonymous" <sip:anonymous@anonymous.invalid>'),
        ("Subject: x", "<sip:Anonymous@sip.example.com>"),
    ],
)
def test_hidden_callers(line: str, from_: str) -> None:
    asserted = "P-Asserted-Identity: <sip:+4930777777@x.example>"
    came = Gate().admitted("sip:+493012345678@voipbin.test", CARRIER, asserted, line, from_=from_)
    assert came.private
    assert came.source.target != "+4930777777"  # only who may pass it on gets to know it


def test_no_privacy_is_asked_with_none() -> None:
    assert not Gate().admitted("sip:+493012345678@voipbin.test", CARRIER, "Privacy: none").private


def test_a_phone_at_a_carriers_address_is_asked_for_its_password() -> None:
    phone = "<sip:1000@voipbin.test>"
    assert Gate().turned("sip:200@voipbin.test", CARRIER, from_=phone).status == 407
    assert Gate().turned("sip:200@voipbin.test", OFFICE, from_=phone).status == 407


# Trunks


@pytest.mark.parametrize("host", ["voipbin.test", TRUNK_HOST, "192.0.2.1", "OFFICE.trunk.VOIPBIN.test"])
def test_a_trunk_by_its_address(host: str) -> None:
    came = Gate().admitted(f"sip:+12025550123@{host}", OFFICE)
    assert came.connect == Address("tel", "+12025550123")
    assert (came.payer, came.transfers) == ("trunk:office", False)


@pytest.mark.parametrize(
    ("user", "flow", "connect"),
    [
        ("+493012345678", "menu", None),
        ("200", "people", None),
        ("1000", "", Address("extension", "1000")),
    ],
)
def test_what_a_trunk_reaches(user: str, flow: str, connect: Address | None) -> None:
    came = Gate().admitted(f"sip:{user}@{TRUNK_HOST}", OFFICE)
    assert (came.flow, came.connect) == (flow, connect)


def test_a_trunk_by_its_password() -> None:
    uri = f"sip:+12025550123@{TRUNK_HOST}"
    came = Gate().with_password(uri, "pbx", "hammer")
    assert isinstance(came, Admitted)
    assert came.payer == "trunk:office"
    assert isinstance(Gate().with_password(uri, "pbx", "wrong"), Turned)
    assert isinstance(Gate().with_password(uri, "1000", "secret"), Turned)  # a phone is no trunk


def test_a_trunk_without_digest_has_no_password() -> None:
    assert isinstance(Gate().with_password("sip:200@lab.trunk.voipbin.test", "", ""), Turned)


def test_one_trunks_address_is_not_anothers() -> None:
    assert Gate().turned("sip:200@lab.trunk.voipbin.test", OFFICE).status == 407


def test_a_trunk_that_may_transfer() -> None:
    assert Gate().admitted("sip:200@lab.trunk.voipbin.test", "192.0.2.21").transfers


def test_a_trunk_may_assert_who_is_to_be_hidden() -> None:
    lines = ("P-Asserted-Identity: <sip:+493012345678@x.example>", "Privacy: id")
    came = Gate().admitted(f"sip:+12025550123@{TRUNK_HOST}", OFFICE, *lines, from_='"A" <sip:anonymous@x>')
    assert came.private
    assert came.source.target == "+493012345678"


def test_an_unknown_trunk_looks_like_a_known_one() -> None:
    gate = Gate()
    known, unknown = (
        gate.turned(f"sip:200@{name}.trunk.voipbin.test", STRANGER) for name in ("office", "attic")
    )
    assert [_shape(known, "office")] == [_shape(unknown, "attic")]
    wrong = gate.with_password(f"sip:200@{TRUNK_HOST}", "pbx", "wrong")
    nobody = gate.with_password("sip:200@attic.trunk.voipbin.test", "pbx", "wrong")
    assert isinstance(wrong, Turned) and isinstance(nobody, Turned)
    assert _shape(wrong, "office") == _shape(nobody, "attic")


def test_the_realm_is_the_trunks_host() -> None:
    assert f'realm="{TRUNK_HOST}"' in Gate().turned(f"sip:200@{TRUNK_HOST}", STRANGER).headers[0][1]


# Strangers and phones


@pytest.mark.parametrize("user", ["+493012345678", "+12025550123", "200", "conference:weekly", "weekly"])
def test_a_stranger_gets_nothing_but_a_challenge(user: str) -> None:
    gate = Gate()
    for host in ("voipbin.test", "conference.voipbin.test"):
        assert _shape(gate.turned(f"sip:{user}@{host}", STRANGER), "") == _shape(
            gate.turned("sip:999@voipbin.test", STRANGER), ""
        )


def test_what_a_phone_dials_is_on_its_account() -> None:
    came = Gate().with_password("sip:+12025550123@voipbin.test", "1000", "secret")
    assert isinstance(came, Admitted)
    assert came.connect == Address("tel", "+12025550123")
    assert (came.payer, came.source, came.transfers) == (
        "extension:1000",
        Address("extension", "1000"),
        True,
    )


def test_a_phone_joins_a_conference() -> None:
    for uri in ("sip:weekly@conference.voipbin.test", "sip:conference:weekly@voipbin.test"):
        came = Gate().with_password(uri, "1000", "secret")
        assert isinstance(came, Admitted)
        assert came.conference == "weekly"


def _shape(turned: Turned, name: str) -> tuple[object, ...]:
    headers = [re.sub('nonce="[^"]*"', "", value) for _, value in turned.headers]
    return (turned.status, turned.reason, [header.replace(f"{name}.trunk.", "") for header in headers])
