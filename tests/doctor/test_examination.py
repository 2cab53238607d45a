"""All checks at once: none keeps the others from their findings, and they come in their order."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

from tests.doctor.patients import patient
from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.checks import CHECKS
from voipbin_sip.doctor.examination import ANY, WHOLE, Check, examine
from voipbin_sip.doctor.finding import Level, Notes
from voipbin_sip.doctor.patient import Patient, read_patient


async def breaks(whom: Patient, notes: Notes) -> None:
    notes.ok("begun")
    raise RuntimeError("out of order")


async def hangs(whom: Patient, notes: Notes) -> None:
    notes.ok("begun")
    await apart(threading.Event().wait)  # a library that never comes back


async def slow(whom: Patient, notes: Notes) -> None:
    await asyncio.sleep(0.05)
    notes.ok("slow")


async def quick(whom: Patient, notes: Notes) -> None:
    notes.ok("quick")


async def test_what_breaks_or_hangs_is_a_finding_among_the_others(tmp_path: Path) -> None:
    checks = [
        Check("one", slow),
        Check("two", breaks),
        Check("three", hangs, seconds=0.1),
        Check("four", quick),
    ]
    began = time.monotonic()
    findings = await examine(checks, patient(tmp_path))
    assert time.monotonic() - began < 5
    assert [(one.area, one.level) for one in findings] == [
        ("one", Level.OK),
        ("two", Level.OK),
        ("two", Level.WARNING),
        ("three", Level.OK),
        ("three", Level.WARNING),
        ("four", Level.OK),
    ]
    assert "RuntimeError: out of order" in findings[2].finding
    assert "0.1 s" in findings[4].finding


async def test_progress_tells_what_is_left(tmp_path: Path) -> None:
    told: list[list[str]] = []
    await examine(
        [Check("slow", slow), Check("quick", quick)], patient(tmp_path), lambda left: told.append([*left])
    )
    assert told == [["slow", "quick"], ["slow"], []]


async def test_a_broken_directory_leaves_the_machine_to_look_at(tmp_path: Path) -> None:
    whom = patient(tmp_path)
    (tmp_path / "directory.yaml").write_text("numbers: [{number: '100', flow: nowhere}]\n")
    whom = read_patient(whom.path)
    findings = await examine(
        [Check("machine", quick), Check("calls", quick, WHOLE), Check("first", quick, ANY)], whom
    )
    assert [one.area for one in findings] == ["configuration", "machine", "first"]
    assert "calls" in findings[0].finding


async def test_an_unreadable_configuration_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "voipbin.yaml"
    path.write_text("domain: voipbin.test\nsip: {lisen: []}\n")
    findings = await examine([one for one in CHECKS if one.area == "configuration"], read_patient(path))
    (first,) = [one for one in findings if one.level is Level.ERROR]
    assert first.where == f"{path}:2"
    assert "did you mean 'listen'" in first.finding


async def test_many_mistakes_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "voipbin.yaml"
    path.write_text("".join(f"mistake{number}: 1\n" for number in range(8)))
    findings = await examine([one for one in CHECKS if one.area == "configuration"], read_patient(path))
    told = [one.finding for one in findings if one.level is Level.ERROR]
    assert len(told) == 4
    assert told[-1].startswith("5 more")


def test_areas_have_one_name_each() -> None:
    areas = [check.area for check in CHECKS]
    assert len(areas) == len({*areas})
