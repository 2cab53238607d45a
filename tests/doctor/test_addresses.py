"""What others are told of us: the one-way sound of a wrong address, found before the first call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.doctor.patients import bad, errors, found, of, patient, warnings
from voipbin_sip.doctor import addresses as module
from voipbin_sip.doctor.addresses import addresses
from voipbin_sip.doctor.finding import Finding, Level

OUTSIDE = {"providers": [{"id": "carrier", "hostname": "198.41.0.4"}]}  # a public address, never asked here
EVERYWHERE = ["udp://0.0.0.0:5060"]


@pytest.fixture
def behind_a_router(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module, "local_address_towards", lambda host: "::1" if ":" in host else "192.168.1.20"
    )


async def looked_at(
    folder: Path, sections: Mapping[str, object] | None = None, **sip: object
) -> list[Finding]:
    return await found(addresses, patient(folder, sections=sections, sip={"listen": EVERYWHERE, **sip}))


async def test_loopback_only_with_a_provider_elsewhere(tmp_path: Path) -> None:
    (told,) = errors(await looked_at(tmp_path, OUTSIDE, listen=["udp://127.0.0.1:5060"]))
    assert "loopback addresses only" in told and "198.41.0.4" in told


async def test_loopback_only_is_said_without_providers_too(tmp_path: Path) -> None:
    findings = await looked_at(tmp_path, listen=["udp://127.0.0.1:5060"])
    assert bad(findings) == []
    assert "phones on this machine can call, no others" in of(Level.INFO, findings)[0]


@pytest.mark.usefixtures("behind_a_router")
async def test_a_private_address_is_told_to_a_provider_outside(tmp_path: Path) -> None:
    (told,) = warnings(await looked_at(tmp_path, OUTSIDE))
    assert "are told our private address 192.168.1.20" in told
    assert "one way only" in told and "sip.advertise" in told


@pytest.mark.usefixtures("behind_a_router")
async def test_a_private_address_is_right_among_ourselves(tmp_path: Path) -> None:
    inside = {"providers": [{"id": "gateway", "hostname": "192.168.1.5"}]}
    assert bad(await looked_at(tmp_path, inside)) == []


@pytest.mark.usefixtures("behind_a_router")
async def test_the_routers_address_without_the_own_networks(tmp_path: Path) -> None:
    (told,) = warnings(await looked_at(tmp_path, OUTSIDE, advertise="198.41.0.77"))
    assert "sip.local_networks is empty" in told


@pytest.mark.usefixtures("behind_a_router")
async def test_the_routers_address_as_it_should_be(tmp_path: Path) -> None:
    findings = await looked_at(tmp_path, OUTSIDE, advertise="198.41.0.77", local_networks=["192.168.1.0/24"])
    assert bad(findings) == []
    assert "has to forward SIP and UDP" in of(Level.INFO, findings)[0]


@pytest.mark.usefixtures("behind_a_router")
async def test_a_private_address_that_this_machine_does_not_have(tmp_path: Path) -> None:
    (told,) = warnings(await looked_at(tmp_path, OUTSIDE, advertise="192.168.77.77"))
    assert "which this machine does not have" in told and "192.168.1.20" in told


async def test_the_address_inside_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign = tmp_path / "dockerenv"
    sign.touch()
    monkeypatch.setattr(module, "CONTAINER_SIGNS", (sign,))
    monkeypatch.setattr(module, "local_address_towards", lambda host: "::1" if ":" in host else "172.17.0.2")
    (told,) = warnings(await looked_at(tmp_path))
    assert "172.17.0.2" in told and "--network host" in told


async def test_a_machine_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "local_address_towards", lambda host: "::1" if ":" in host else "127.0.0.1")
    (told,) = warnings(await looked_at(tmp_path))
    assert "no way to the network" in told
