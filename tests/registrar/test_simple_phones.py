"""Phones that know MD5 only and give up when another algorithm is offered beside it."""

from __future__ import annotations

import re

import pytest

from tests.registrar.phone import Office, Phone, values

CONTACT = "<sip:1000@198.51.100.7:5060>"


@pytest.mark.parametrize(
    ("agent", "offered"),
    [
        ("baresip v1.0.0 (x86_64/linux)", ["MD5"]),
        ("baresip v3.16.0 (x86_64/Linux)", ["SHA-256", "MD5"]),
        ("not baresip v1.0.0", ["SHA-256", "MD5"]),
    ],
)
def test_a_phone_that_stops_at_an_unknown_algorithm_is_offered_md5_alone(
    agent: str, offered: list[str]
) -> None:
    office = Office()
    asked = Phone(office).ask(CONTACT, headers=[f"User-Agent: {agent}"])
    challenges = values(asked, "WWW-Authenticate")
    assert [re.findall("algorithm=([^,]*)", value) for value in challenges] == [[name] for name in offered]
    assert Phone(office).register(CONTACT, headers=[f"User-Agent: {agent}"], algorithm="MD5").status == 200
