"""Names in certificates (RFC 5922 section 7)."""

from __future__ import annotations

from typing import Any

import pytest

from voipbin_sip.transport.identities import identities, is_for

SUBJECT = ((("countryName", "DE"),), (("commonName", "cn.example.com"),))


@pytest.mark.parametrize(
    ("certificate", "found"),
    [
        ({"subject": SUBJECT}, ["cn.example.com"]),
        ({"subject": SUBJECT, "subjectAltName": (("DNS", "example.com"),)}, ["example.com"]),
        ({"subject": SUBJECT, "subjectAltName": (("email", "root@example.com"),)}, []),
        (
            {
                "subjectAltName": (
                    ("URI", "sip:example.com"),
                    ("DNS", "example.com"),
                    ("DNS", "sip.example.com"),
                )
            },
            ["example.com", "sip.example.com"],
        ),
        ({"subjectAltName": (("URI", "sip:alice@example.com"), ("URI", "https://example.com"))}, []),
        ({"subjectAltName": (("URI", "sip:[broken"), ("IP Address", "192.0.2.1"))}, ["192.0.2.1"]),
        ({}, []),
    ],
)
def test_whom_a_certificate_is_for(certificate: dict[str, Any], found: list[str]) -> None:
    assert identities(certificate) == found


@pytest.mark.parametrize(
    ("name", "found", "same"),
    [
        ("example.com", "EXAMPLE.com", True),
        ("example.com.", "example.com", True),
        ("sip.example.com", "example.com", False),
        ("example.com", "sip.example.com", False),
        ("sip.example.com", "*.example.com", False),
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.10", False),
        ("2001:db8::1", "2001:DB8:0:0:0:0:0:1", True),
        ("192.0.2.1", "example.com", False),
    ],
)
def test_names_are_compared_as_a_whole(name: str, found: str, same: bool) -> None:
    assert is_for(name, found, wildcards=False) is same


@pytest.mark.parametrize(
    ("name", "found", "same"),
    [
        ("sip.example.com", "*.example.com", True),
        ("a.sip.example.com", "*.example.com", False),
        ("example.com", "*.example.com", False),
        ("example.com", "*.com", False),
        ("192.0.2.1", "*.0.2.1", False),
    ],
)
def test_wildcards_stand_for_one_label_where_they_are_taken(name: str, found: str, same: bool) -> None:
    assert is_for(name, found, wildcards=True) is same
