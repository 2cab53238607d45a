"""The way to a phone: what its REGISTER says against where it came from."""

from __future__ import annotations

import pytest

from tests.registrar.phone import SERVER, Office, Phone, hop
from voipbin_sip.sip.events import Hop

OUTSIDE = ("198.51.100.7", 40_000)


@pytest.mark.parametrize(
    ("uri", "rport", "remote"),
    [
        ("sip:1000@10.0.0.9:5060", True, OUTSIDE),  # behind a NAT
        ("sip:1000@203.0.113.5:5060", True, OUTSIDE),  # somebody else's address
        ("sip:1000@phone.example.org", True, OUTSIDE),  # a name that we need not trust
        ("sip:1000@198.51.100.7:5062", True, OUTSIDE),  # it listens where it sends from
        ("sip:1000@198.51.100.7:5062", False, ("198.51.100.7", 5062)),  # an old phone with two ports
        ("sip:1000@198.51.100.7", False, ("198.51.100.7", 5060)),
    ],
)
def test_udp(uri: str, rport: bool, remote: tuple[str, int]) -> None:
    office = Office()
    Phone(office, hop=hop(*OUTSIDE), rport=rport).register(f"<{uri}>")
    (contact,) = office.locations.contacts("1000")
    assert contact.hop == Hop("UDP", SERVER, remote)
    assert contact.source == OUTSIDE
    assert not contact.only_by_connection


@pytest.mark.parametrize(
    ("uri", "remote", "only"),
    [
        ("sip:1000@10.0.0.9:5060;transport=tcp", OUTSIDE, True),
        ("sip:1000@198.51.100.7:5062;transport=tcp", ("198.51.100.7", 5062), False),
    ],
)
def test_a_stream_keeps_its_connection(uri: str, remote: tuple[str, int], only: bool) -> None:
    office = Office()
    Phone(office, hop=hop(*OUTSIDE, "TCP", 3)).register(f"<{uri}>")
    (contact,) = office.locations.contacts("1000")
    assert contact.hop == Hop("TCP", SERVER, remote, 3)
    assert contact.only_by_connection is only


def test_another_transport_than_that_of_the_register() -> None:
    office = Office()
    Phone(office, hop=hop(*OUTSIDE)).register("<sip:1000@198.51.100.7;transport=tcp>")
    assert office.locations.contacts("1000")[0].hop == Hop("TCP", SERVER, ("198.51.100.7", 5060))
    office = Office()
    Phone(office, hop=hop(*OUTSIDE)).register("<sips:1000@198.51.100.7>")
    assert office.locations.contacts("1000")[0].hop == Hop("TLS", SERVER, ("198.51.100.7", 5061))
    Phone(office, "1001", password="other", hop=hop(*OUTSIDE)).register("<sip:1001@10.0.0.9;transport=tcp>")
    assert office.locations.contacts("1001")[0].hop == hop(*OUTSIDE)


@pytest.mark.parametrize(
    ("uri", "path", "port"),
    [
        ("sips:1000@10.0.0.9", "", 5061),  # a secure contact that registered in the clear, behind a NAT
        ("sips:1000@10.0.0.9:5071", "", 5071),
        ("sips:1000@10.0.0.9", "<sip:198.51.100.7:5071;lr>", 5071),  # and behind a proxy
    ],
)
def test_a_secure_contact_is_never_reached_in_the_clear(uri: str, path: str, port: int) -> None:
    office = Office()
    headers = [f"Path: {path}"] if path else []
    Phone(office, hop=hop(*OUTSIDE)).register(f"<{uri}>", headers=headers)
    assert office.locations.contacts("1000")[0].hop == Hop("TLS", SERVER, ("198.51.100.7", port))


def test_a_secure_contact_keeps_its_connection() -> None:
    office = Office()
    Phone(office, hop=hop(*OUTSIDE, "TLS", 3)).register("<sips:1000@10.0.0.9>")
    assert office.locations.contacts("1000")[0].hop == hop(*OUTSIDE, "TLS", 3)


def test_a_proxy_that_added_itself_is_the_way() -> None:
    office = Office()
    headers = ["Path: <sip:198.51.100.7:5070;lr>"]
    Phone(office, hop=hop(*OUTSIDE), rport=False).register("<sip:1000@10.0.0.9>", headers=headers)
    assert office.locations.contacts("1000")[0].hop == hop("198.51.100.7", 5070)


def test_a_proxy_whose_connection_is_closed_is_called_anew() -> None:
    office = Office()
    headers = ["Path: <sip:203.0.113.1:5070;transport=tcp;lr>"]
    Phone(office, hop=hop(*OUTSIDE, "TCP", 3)).register("<sip:1000@10.0.0.9>", headers=headers)
    (contact,) = office.locations.contacts("1000")
    assert contact.hop == Hop("TCP", SERVER, ("203.0.113.1", 5070), 3)
    office.locations.connection_lost(3)
    assert office.locations.contacts("1000") == [contact]
