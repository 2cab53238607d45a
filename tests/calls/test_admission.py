"""Who may reach what: public numbers, digests, and that a scanner learns nothing."""

from __future__ import annotations

import re
from dataclasses import replace

from voipbin_sip.calls.admission import Admission
from voipbin_sip.calls.call import Address
from voipbin_sip.calls.dialplan import DialPlan
from voipbin_sip.calls.verdict import Admitted, Turned
from voipbin_sip.directory import Directory, ExtensionEntry, NumberEntry, Reach
from voipbin_sip.guard import DigestGuard
from voipbin_sip.sip.digest import answer_challenges
from voipbin_sip.sip.events import Hop, Incoming
from voipbin_sip.sip.message import Request, parse_message
from voipbin_sip.sip.uri import parse_uri

HOP = Hop("UDP", ("192.0.2.1", 5060), ("192.0.2.9", 5060))
DIRECTORY = Directory(
    {
        "100": NumberEntry(number="100", flow="menu", public=True),
        "200": NumberEntry(number="200", flow="people"),
        "+15550100": NumberEntry(number="+15550100", flow="menu", public=True),
    },
    {"1000": ExtensionEntry(extension="1000")},
    {"1000": "secret"},
)


def invite(uri: str, *, user: str = "alice", credentials: str = "") -> Incoming:
    extra = f"Proxy-Authorization: {credentials}\r\n" if credentials else ""
    text = (
        f"INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        f'From: "Alice" <sip:{user}@example.org>;tag=1\r\nTo: <{uri}>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n'
        f"Contact: <sip:{user}@192.0.2.9>\r\n{extra}Content-Length: 0\r\n\r\n"
    )
    request = parse_message(text.encode())
    assert isinstance(request, Request)
    return Incoming("leg", request, HOP, None)


class Gate:
    def __init__(self, directory: Directory = DIRECTORY) -> None:
        self.now = 1000.0
        self.admission = Admission(
            domain="voipbin.test",
            directory=lambda: directory,
            guard=DigestGuard("voipbin.test", b"k" * 32),
            clock=lambda: self.now,
        )

    def call(self, uri: str, **options: str) -> Admitted | Turned:
        return self.admission.decide(invite(uri, **options))

    def call_with_password(
        self, uri: str, password: str, *, username: str = "1000", wait: float = 0.0
    ) -> Admitted | Turned:
        turned = self.call(uri)
        assert isinstance(turned, Turned)
        values = [value for name, value in turned.headers if name == "Proxy-Authenticate"]
        credentials = answer_challenges(
            values, username=username, password=password, method="INVITE", uri=uri, cnonce="c"
        )
        assert credentials is not None
        self.now += wait
        return self.call(uri, credentials=credentials)


def test_a_public_number_is_reached_without_a_password() -> None:
    admitted = Gate().call("sip:100@voipbin.test")
    assert isinstance(admitted, Admitted)
    assert admitted.flow == "menu"
    assert (admitted.source.type, admitted.source.target) == ("sip", "alice@example.org")
    assert admitted.source.target_name == "Alice"


def test_our_address_counts_as_our_domain() -> None:
    for host in (
        "192.0.2.1",
        "192.0.2.1:5060",
        "[2001:db8::1]",
        "localhost",
        "sip.voipbin.test",
        "VOIPBIN.TEST",
    ):
        assert isinstance(Gate().call(f"sip:100@{host}"), Admitted), host


def test_another_domain_is_not_served() -> None:
    for host in ("example.org", "evilvoipbin.test"):
        turned = Gate().call(f"sip:100@{host}")
        assert isinstance(turned, Turned)
        assert turned.status == 404


def test_numbers_in_the_forms_that_phones_write() -> None:
    for uri in (
        "sip:+15550100@voipbin.test;user=phone",
        "sip:%2B15550100@voipbin.test",
        "sip:+1-555-0100@voipbin.test",
        "tel:+1-555-0100",
        "tel:+15550100",
    ):
        admitted = Gate().call(uri, user="+15550123456")
        assert isinstance(admitted, Admitted), uri
        assert (admitted.destination.type, admitted.destination.target) == ("tel", "+15550100")
        assert (admitted.source.type, admitted.source.target) == ("tel", "+15550123456")


def test_a_number_that_is_not_public_wants_a_password() -> None:
    admitted = Gate().call_with_password("sip:200@voipbin.test", "secret")
    assert isinstance(admitted, Admitted)
    assert (admitted.source.type, admitted.source.target) == ("extension", "1000")


def test_a_wrong_password_and_an_unknown_extension_look_the_same() -> None:
    wrong = Gate().call_with_password("sip:200@voipbin.test", "guess")
    unknown = Gate().call_with_password("sip:200@voipbin.test", "secret", username="1001")
    assert isinstance(wrong, Turned) and isinstance(unknown, Turned)
    assert wrong.status == unknown.status == 407
    assert _without_nonce(wrong) == _without_nonce(unknown)


def test_an_unknown_number_looks_like_a_private_one_until_the_password_is_right() -> None:
    private, unknown = Gate().call("sip:200@voipbin.test"), Gate().call("sip:999@voipbin.test")
    assert isinstance(private, Turned) and isinstance(unknown, Turned)
    assert _without_nonce(private) == _without_nonce(unknown)
    known = Gate().call_with_password("sip:999@voipbin.test", "secret")
    assert isinstance(known, Turned)
    assert known.status == 404


def test_without_any_phone_nobody_is_asked_for_a_password() -> None:
    turned = Gate(Directory({}, {}, {})).call("sip:200@voipbin.test")
    assert isinstance(turned, Turned)
    assert turned.status == 404


def test_an_old_nonce_is_stale_only_for_a_right_password() -> None:
    right = Gate().call_with_password("sip:200@voipbin.test", "secret", wait=3600)
    wrong = Gate().call_with_password("sip:200@voipbin.test", "guess", wait=3600)
    assert isinstance(right, Turned) and isinstance(wrong, Turned)
    assert all("stale=true" in value for _, value in right.headers)
    assert all("stale" not in value for _, value in wrong.headers)


def test_credentials_are_good_once() -> None:
    gate = Gate()
    turned = gate.call("sip:200@voipbin.test")
    assert isinstance(turned, Turned)
    credentials = answer_challenges(
        [value for _, value in turned.headers],
        username="1000",
        password="secret",
        method="INVITE",
        uri="sip:200@voipbin.test",
        cnonce="c",
    )
    assert credentials is not None
    assert isinstance(gate.call("sip:200@voipbin.test", credentials=credentials), Admitted)
    assert isinstance(gate.call("sip:200@voipbin.test", credentials=credentials), Turned)


def test_broken_credentials_are_asked_again() -> None:
    for value in ('Digest username="1000', "Basic abc", "Digest"):
        turned = Gate().call("sip:200@voipbin.test", credentials=value)
        assert isinstance(turned, Turned), value
        assert turned.status == 407


def _without_nonce(turned: Turned) -> tuple[object, ...]:
    headers = tuple((name, re.sub('nonce="[^"]*"', "", value)) for name, value in turned.headers)
    return turned.status, turned.reason, headers


FLOW, ROOM, AGENT = "55f633ab-0000-4000-8000-000000000001", "weekly", "55f633ab-0000-4000-8000-000000000002"
HASHES = {
    "direct.000000000001": Reach("flow", FLOW),
    "direct.000000000002": Reach("extension", "1000"),
    "direct.000000000003": Reach("conference", ROOM),
    "direct.000000000004": Reach("agent", AGENT),
}


def test_a_direct_hash_leads_strangers_where_it_leads() -> None:
    gate = Gate(replace(DIRECTORY, direct=HASHES))
    found = [gate.call(f"sip:{name}@sip.voipbin.test") for name in HASHES]
    flow, phone, room, agent = (admitted for admitted in found if isinstance(admitted, Admitted))
    assert flow.flow == FLOW
    assert phone.connect == phone.destination == Address("extension", "1000")
    assert (room.conference, room.destination) == (ROOM, Address("conference", ROOM))
    assert agent.connect == Address("agent", AGENT)
    assert not any(admitted.transfers or admitted.payer for admitted in (flow, phone, room, agent))


def test_a_wrong_direct_hash_looks_like_any_number_that_is_not_public() -> None:
    gate = Gate(replace(DIRECTORY, direct=HASHES))
    wrong, private = gate.call("sip:direct.000000000009@voipbin.test"), gate.call("sip:200@voipbin.test")
    assert isinstance(wrong, Turned) and isinstance(private, Turned)
    assert (wrong.status, wrong.reason) == (private.status, private.reason)
    assert isinstance(gate.call("sip:DIRECT.000000000001@voipbin.test"), Turned)


def test_a_phone_dials_direct_hashes_too() -> None:
    meaning = DialPlan("voipbin.test", lambda: replace(DIRECTORY, direct=HASHES)).meaning(
        parse_uri("sip:direct.000000000002@voipbin.test")
    )
    assert meaning is not None
    assert meaning.connect == Address("extension", "1000")


def test_a_number_without_a_flow_cannot_be_called() -> None:
    gate = Gate(replace(DIRECTORY, numbers={"100": NumberEntry(number="100", flow="", public=True)}))
    assert isinstance(gate.call("sip:100@voipbin.test"), Turned)
    refused = gate.call_with_password("sip:100@voipbin.test", "secret")
    assert isinstance(refused, Turned)
    assert refused.status == 404
