"""Runs all checks at once, each with a time limit; none of them can keep the others from their findings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from voipbin_sip.doctor.finding import Finding, Notes
from voipbin_sip.doctor.patient import Patient

Work = Callable[[Patient, Notes], Awaitable[None]]

CONFIGURATION = "configuration"  # the first area
ANY = 0  # looks at the machine
READABLE = 1  # needs a configuration without an error
WHOLE = 2  # needs the directory and the flows too


@dataclass(frozen=True, slots=True)
class Check:
    """One check: the area of its findings, what it does, what it needs, and how long it may take."""

    area: str
    work: Work
    needs: int = READABLE
    seconds: float = 8.0


async def examine(
    checks: Sequence[Check], patient: Patient, progress: Callable[[Sequence[str]], None] = lambda left: None
) -> list[Finding]:
    """Return all findings in the order of the checks. `progress` hears which areas are still looked at."""
    can = WHOLE if patient.whole else READABLE if patient.readable else ANY
    left = [check.area for check in checks if check.needs <= can]

    async def one(check: Check) -> list[Finding]:
        found = await _found(check, patient)
        left.remove(check.area)
        progress(left)
        return found

    progress(left)
    results = await asyncio.gather(*(one(check) for check in checks if check.needs <= can))
    findings = [finding for found in results for finding in found]
    skipped = dict.fromkeys(check.area for check in checks if check.needs > can)
    if skipped:
        notes = Notes(CONFIGURATION)
        notes.info(f"not looked at because of these errors: {', '.join(skipped)}", "correct them first")
        behind = sum(finding.area == CONFIGURATION for finding in findings)  # they come first
        findings[behind:behind] = notes.found
    return findings


async def _found(check: Check, patient: Patient) -> list[Finding]:
    notes = Notes(check.area)
    try:
        async with asyncio.timeout(check.seconds):
            await check.work(patient, notes)
    except TimeoutError:
        notes.warning(
            f"this was not finished within {check.seconds:g} s",
            "something hangs: a disk, a name server or a library; ask again with a quieter machine",
        )
    except Exception as error:  # whatever a check stumbles over must not hide what the others find
        notes.warning(
            f"this check broke: {type(error).__name__}: {error}",
            "please report it with this line; the other areas are not affected",
        )
    return notes.found
