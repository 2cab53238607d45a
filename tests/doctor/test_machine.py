"""Limits of the machine, its clock, and what the kernel says of them."""

from __future__ import annotations

import resource
import zoneinfo
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.doctor.patients import bad, errors, found, of, patient, warnings
from voipbin_sip.doctor import clock as clock_module
from voipbin_sip.doctor import machine as machine_module
from voipbin_sip.doctor.clock import clock
from voipbin_sip.doctor.finding import Level
from voipbin_sip.doctor.machine import machine


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the kernel says, to be changed."""
    folder = tmp_path / "proc"
    (folder / "sys/net/core").mkdir(parents=True)
    (folder / "sys/net/core/rmem_max").write_text("8388608\n")
    (folder / "meminfo").write_text(
        "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"
    )
    monkeypatch.setattr(machine_module, "PROC", folder)
    monkeypatch.setattr(machine_module, "_CGROUP_MEMORY", (folder / "memory.max",))
    monkeypatch.setattr(machine_module, "_lateness", lambda notes: None)  # this machine is busy with tests
    return folder


@pytest.mark.usefixtures("proc")
async def test_a_machine_that_suits(tmp_path: Path) -> None:
    assert bad(await found(machine, patient(tmp_path))) == []


@pytest.mark.usefixtures("proc")
async def test_too_few_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, 512))
    (told,) = warnings(await found(machine, patient(tmp_path)))
    assert "may open 512 files" in told and "wants 600" in told and "LimitNOFILE=600" in told


@pytest.mark.usefixtures("proc")
async def test_more_workers_than_cores(tmp_path: Path) -> None:
    (told,) = warnings(await found(machine, patient(tmp_path, media={"workers": 64})))
    assert "media.workers is 64" in told


async def test_a_small_container(tmp_path: Path, proc: Path) -> None:
    (proc / "memory.max").write_text("268435456\n")
    (told,) = warnings(await found(machine, patient(tmp_path)))
    assert "the container may use 256 MiB" in told


async def test_memory_that_is_used_up_and_swapped(tmp_path: Path, proc: Path) -> None:
    (proc / "meminfo").write_text(
        "MemTotal: 4000000 kB\nMemAvailable: 100000 kB\nSwapTotal: 2000000 kB\nSwapFree: 1000000 kB\n"
    )
    findings = await found(machine, patient(tmp_path))
    assert "97 MiB of memory are left" in warnings(findings)[0]
    assert any("976 MiB are swapped out" in text for text in of(Level.INFO, findings))


async def test_small_buffers(tmp_path: Path, proc: Path) -> None:
    (proc / "sys/net/core/rmem_max").write_text("212992\n")
    assert any(
        "net.core.rmem_max=4194304" in text
        for text in of(Level.INFO, await found(machine, patient(tmp_path)))
    )


async def test_the_clock_is_read_and_zones_are_known(tmp_path: Path) -> None:
    findings = await found(clock, patient(tmp_path))
    assert errors(findings) == []
    assert len(findings) == 2


async def test_a_clock_without_a_battery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_module, "_BORN", datetime(2999, 1, 1, tzinfo=UTC))
    (told,) = errors(await found(clock, patient(tmp_path)))
    assert "the clock shows" in told and "chrony" in told


async def test_a_machine_without_time_zones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", nothing)
    (told,) = errors(await found(clock, patient(tmp_path)))
    assert "install tzdata" in told
