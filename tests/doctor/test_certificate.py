"""Certificates with each fault that they can have, made for the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doctor.patients import bad, errors, found, of, patient, warnings
from tests.fakes.authority import Authority, Pair
from tests.phones import ports
from voipbin_sip.doctor.certificate import certificate
from voipbin_sip.doctor.finding import Finding, Level


async def looked_at(folder: Path, pair: Pair, ca: str = "", **sip: object) -> list[Finding]:
    """Return what is found of a server with this pair."""
    tls = {"certificate": str(pair.certificate), "key": str(pair.key), "ca": ca}
    listen = [f"tls://127.0.0.1:{ports.free()}"]
    return await found(certificate, patient(folder, sip={"listen": listen, "tls": tls, **sip}))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def closed(pair: Pair) -> Pair:
    pair.key.chmod(0o600)
    return pair


async def test_a_good_one(tmp_path: Path, authority: Authority) -> None:
    pair = closed(authority.pair("good", names=["voipbin.test"]))
    found_here = await looked_at(tmp_path, pair, str(authority.file))
    assert bad(found_here) == []
    assert any("good until" in one.finding for one in found_here)


async def test_one_that_has_expired(tmp_path: Path, authority: Authority) -> None:
    pair = closed(authority.pair("old", names=["voipbin.test"], days=-2))
    (told,) = errors(await looked_at(tmp_path, pair, str(authority.file)))
    assert "expired on" in told and "renew" in told


async def test_one_that_expires_soon(tmp_path: Path, authority: Authority) -> None:
    pair = closed(authority.pair("late", names=["voipbin.test"], days=5.5))
    (told,) = warnings(await looked_at(tmp_path, pair, str(authority.file)))
    assert "expires in 5 days" in told


async def test_one_for_another_name(tmp_path: Path, authority: Authority) -> None:
    pair = closed(authority.pair("other", names=["elsewhere.test"]))
    (told,) = errors(await looked_at(tmp_path, pair, str(authority.file)))
    assert "is for elsewhere.test, not for the domain voipbin.test" in told


async def test_a_wildcard(tmp_path: Path, authority: Authority) -> None:
    pair = closed(authority.pair("star", names=["*.test", "*.voipbin.test"]))
    whom = patient(
        tmp_path,
        domain="phones.voipbin.test",
        sip={
            "listen": ["tls://127.0.0.1:5061"],
            "tls": {"certificate": str(pair.certificate), "key": str(pair.key), "ca": str(authority.file)},
        },
    )
    (told,) = warnings(await found(certificate, whom))
    assert "wildcard" in told and "RFC 5922" in told


async def test_a_key_of_another_certificate(tmp_path: Path, authority: Authority) -> None:
    one, other = authority.pair("one", names=["voipbin.test"]), authority.pair("two", names=["voipbin.test"])
    (told,) = errors(await looked_at(tmp_path, Pair(one.certificate, other.key)))
    assert "is not the key of" in told


async def test_a_key_that_everybody_can_read(tmp_path: Path, authority: Authority) -> None:
    pair = authority.pair("open", names=["voipbin.test"])
    pair.key.chmod(0o644)
    (told,) = warnings(await looked_at(tmp_path, pair, str(authority.file)))
    assert f"chmod 600 {pair.key}" in told


async def test_a_chain_that_is_not_whole(tmp_path: Path, authority: Authority) -> None:
    pair = closed(authority.pair("short", names=["voipbin.test"]))
    (told,) = warnings(await looked_at(tmp_path, pair))
    assert "CN=Test CA, which signed it, is missing" in told
    assert "fullchain.pem" in told


async def test_a_chain_with_the_wrong_authority(tmp_path: Path, authority: Authority) -> None:
    pair = closed(authority.pair("mixed", names=["voipbin.test"]))
    other = Authority(tmp_path, "Other CA")
    pair.certificate.write_bytes(pair.certificate.read_bytes() + other.file.read_bytes())
    (told,) = errors(await looked_at(tmp_path, pair, str(authority.file)))
    assert "do not follow each other" in told


async def test_an_address_that_is_advertised_and_not_named(tmp_path: Path, authority: Authority) -> None:
    pair = closed(authority.pair("named", names=["voipbin.test"]))
    found_here = await looked_at(tmp_path, pair, str(authority.file), advertise="203.0.113.50")
    (told,) = of(Level.INFO, found_here)
    assert "does not name 203.0.113.50" in told


async def test_none_is_wanted(tmp_path: Path) -> None:
    assert bad(await found(certificate, patient(tmp_path))) == []
