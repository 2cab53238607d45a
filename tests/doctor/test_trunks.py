"""PBXes known by their address: asked, and none the worse for silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doctor.patients import bad, found, of, patient, warnings
from tests.doctor.sip_servers import provider, silent, status
from voipbin_sip.doctor import trunks as module
from voipbin_sip.doctor.finding import Level
from voipbin_sip.doctor.trunks import trunks


def trunk(*networks: str) -> dict[str, object]:
    return {"trunks": [{"domain_name": "office", "auth_types": ["ip"], "allowed_ips": [*networks]}]}


async def test_a_pbx_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with provider(status("403 Forbidden")) as host:
        monkeypatch.setattr(module, "PORT", int(host.rpartition(":")[2]))
        findings = await found(trunks, patient(tmp_path, sections=trunk("127.0.0.1")))
    assert bad(findings) == []
    assert "its PBX at 127.0.0.1 answers 403" in of(Level.OK, findings)[0]


async def test_a_pbx_that_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voipbin_sip.doctor.sipline.PATIENCE", 0.3)
    async with provider(silent) as host:
        monkeypatch.setattr(module, "PORT", int(host.rpartition(":")[2]))
        findings = await found(trunks, patient(tmp_path, sections=trunk("127.0.0.1")))
    assert bad(findings) == []
    assert "nobody answers OPTIONS at 127.0.0.1" in of(Level.INFO, findings)[0]


async def test_half_the_internet_calls_without_a_password(tmp_path: Path) -> None:
    (told,) = warnings(
        await found(trunks, patient(tmp_path, sections=trunk("198.0.0.0/8", "203.0.113.0/24")))
    )
    assert "all of 198.0.0.0/8 calls without a password" in told
