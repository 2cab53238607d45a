"""Configurations to be examined, as files, and one check at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.phones.server import configure
from voipbin_sip.doctor.examination import Work
from voipbin_sip.doctor.finding import Finding, Level, Notes
from voipbin_sip.doctor.patient import Patient, read_patient

HELLO = """
name: hello
actions:
  - type: answer
  - type: talk
    option: {text: "Hello.", language: en-US}
  - type: hangup
"""


def patient(
    folder: Path,
    *,
    flows: Mapping[str, str] | None = None,
    sections: Mapping[str, object] | None = None,
    sip: Mapping[str, object] | None = None,
    media: Mapping[str, object] | None = None,
    **keys: object,
) -> Patient:
    """Return a configuration as the doctor reads it; arguments as for `configure`."""
    given: dict[str, Any] = {"sections": sections, "sip": sip, "media": media, **keys}
    path, _ = configure(folder, flows or {"hello": HELLO}, **given)
    return read_patient(path)


async def found(work: Work, whom: Patient) -> list[Finding]:
    """Return the findings of one check."""
    notes = Notes("test")
    await work(whom, notes)
    return notes.found


def of(level: Level, findings: Sequence[Finding]) -> list[str]:
    """Return the findings of one level, each with its advice."""
    return [f"{one.finding} → {one.advice}" for one in findings if one.level is level]


def errors(findings: Sequence[Finding]) -> list[str]:
    return of(Level.ERROR, findings)


def warnings(findings: Sequence[Finding]) -> list[str]:
    return of(Level.WARNING, findings)


def bad(findings: Sequence[Finding]) -> list[str]:
    return errors(findings) + warnings(findings)
