"""Providers that answer, refuse, are silent, are not who they say, or do not take our password."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.doctor.patients import bad, errors, found, of, patient, warnings
from tests.doctor.sip_servers import provider, registrar, silent, status, tls_server
from tests.fakes.authority import Authority
from tests.phones import ports
from voipbin_sip.doctor.finding import Finding, Level
from voipbin_sip.doctor.patient import Patient
from voipbin_sip.doctor.providers import providers


def customer(folder: Path, entries: Sequence[Mapping[str, object]], **keys: object) -> Patient:
    return patient(folder, sections={"providers": list(entries)}, **keys)  # type: ignore[arg-type]


def lines_of(directory: Path, name: str) -> int:
    """Return the line on which an entry begins."""
    lines = directory.read_text().splitlines()
    named = next(
        number for number, line in enumerate(lines) if line.strip() in (f"id: {name}", f"- id: {name}")
    )
    while not lines[named].lstrip().startswith("- "):
        named -= 1
    return named + 1


@pytest.mark.parametrize("line", ["200 OK", "401 Unauthorized", "403 Forbidden", "404 Not Found", "405 No"])
async def test_any_answer_is_a_sign_of_life(tmp_path: Path, line: str) -> None:
    seen: list[str] = []
    async with provider(status(line), seen) as host:
        findings = await found(providers, customer(tmp_path, [{"id": "carrier", "hostname": host}]))
    assert bad(findings) == []
    assert f"answers {line}" in findings[0].finding
    assert seen[0].startswith(f"OPTIONS sip:{host} SIP/2.0")


async def test_one_that_is_overloaded_and_one_that_is_silent_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voipbin_sip.doctor.sipline.PATIENCE", 1.2)  # time for one repetition
    async with provider(status("503 Service Unavailable")) as busy, provider(silent) as mute:
        entries = [{"id": "mute", "hostname": mute}, {"id": "busy", "hostname": busy}]
        whom = customer(tmp_path, entries)
        findings = await found(providers, whom)
    (first, second) = findings
    assert first.level is Level.ERROR
    assert "provider mute" in first.finding and "no answer to OPTIONS" in first.finding
    assert "firewall" in first.advice and "probe: 0" in first.advice
    assert first.where == f"{tmp_path / 'directory.yaml'}:{lines_of(tmp_path / 'directory.yaml', 'mute')}"
    assert second.level is Level.WARNING
    assert "answers 503 Service Unavailable" in second.finding


async def test_a_wrong_password_is_found_before_the_first_start(tmp_path: Path) -> None:
    seen: list[str] = []
    async with provider(registrar, seen) as host:
        entry = {"id": "carrier", "hostname": host, "username": "anna", "password": "wrong", "register": 300}
        findings = await found(providers, customer(tmp_path, [entry]))
    (told,) = errors(findings)
    assert told.startswith("registration refused: 403 Forbidden: wrong password or user anna")
    assert re.search(r"check username and password of provider carrier at .*directory\.yaml:\d+$", told)
    asked = [text for text in seen if text.startswith("REGISTER")]
    assert len(asked) == 2  # a carrier that counts wrong passwords counts one
    assert not any(re.search(r"^Contact:", text, re.MULTILINE) for text in asked)  # nothing is changed there


async def test_a_good_password_is_said_to_be_good(tmp_path: Path) -> None:
    async with provider(status("200 OK")) as host:
        entry = {"id": "carrier", "hostname": host, "username": "anna", "password": "right", "register": 300}
        findings = await found(providers, customer(tmp_path, [entry]))
    assert bad(findings) == []
    assert any("takes user anna" in text for text in of(Level.OK, findings))


async def test_a_port_without_a_server_over_tcp(tmp_path: Path) -> None:
    entry = {"id": "carrier", "hostname": f"127.0.0.1:{ports.free()}", "transport": "tcp"}
    (told,) = errors(await found(providers, customer(tmp_path, [entry])))
    assert "no connection" in told and "transport" in told


async def test_tcp_without_a_socket_of_ours(tmp_path: Path) -> None:
    entry = {"id": "carrier", "hostname": "127.0.0.1:5999", "transport": "tcp"}
    whom = customer(tmp_path, [entry], sip={"listen": ["udp://127.0.0.1:5998"]})
    (told,) = errors(await found(providers, whom))
    assert "add tcp:// to sip.listen" in told


async def test_a_name_that_nobody_knows_and_a_dead_dns_server(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
        dead.bind(("127.0.0.1", 0))
        dns = {"servers": [f"127.0.0.1:{dead.getsockname()[1]}"], "timeout": 0.3}
        entry = {"id": "carrier", "hostname": "sip.carrier.test"}
        (told,) = errors(await found(providers, customer(tmp_path, [entry], dns=dns)))
    assert "DNS does not tell where sip.carrier.test is" in told
    assert "name servers" in told


async def over_tls(folder: Path, authority: Authority, hostname: str, port: int) -> list[Finding]:
    """Return what is found of a provider over TLS, found by this machine's hosts file."""
    own = authority.pair("ours", names=["voipbin.test"])
    tls = {"certificate": str(own.certificate), "key": str(own.key), "ca": str(authority.file)}
    listen = [f"udp://127.0.0.1:{ports.free()}", f"tls://127.0.0.1:{ports.free()}"]
    entry = {"id": "carrier", "hostname": f"{hostname}:{port}", "transport": "tls"}
    return await found(providers, customer(folder, [entry], sip={"listen": listen, "tls": tls}))


async def test_tls_with_a_certificate_for_another_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with tls_server(authority.pair("theirs", names=["elsewhere.test"])) as port:
        (told,) = errors(await over_tls(tmp_path, authority, "localhost", port))
    assert "the certificate is for elsewhere.test" in told
    assert "hostname must be the name in its certificate" in told


async def test_tls_with_a_certificate_that_has_expired(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with tls_server(authority.pair("theirs", names=["localhost"], days=-1)) as port:
        (told,) = errors(await over_tls(tmp_path, authority, "localhost", port))
    assert "expired" in told


async def test_tls_of_an_authority_that_we_do_not_know(tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "Stranger CA")
    async with tls_server(stranger.pair("theirs", names=["localhost"])) as port:
        (told,) = errors(await over_tls(tmp_path, Authority(tmp_path), "localhost", port))
    assert "sip.tls.ca" in told


async def test_a_provider_over_tls_where_we_have_none(tmp_path: Path) -> None:
    entry = {"id": "carrier", "hostname": "localhost:5061", "transport": "tls"}
    (told,) = errors(await found(providers, customer(tmp_path, [entry])))
    assert "needs tls:// in sip.listen" in told


async def test_findings_keep_the_order_of_the_directory(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        hosts = [await stack.enter_async_context(provider(status("200 OK"))) for _ in range(5)]
        names = ["e", "a", "d", "b", "c"]
        entries = [{"id": name, "hostname": host} for name, host in zip(names, hosts, strict=True)]
        findings = await found(providers, customer(tmp_path, entries))
    assert [one.finding.split()[1] for one in findings] == names
    assert warnings(findings) == []
