"""`voipbin-sip doctor`: the examination, with progress on standard error and the findings on standard output."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console

from voipbin_sip.cli.own_server import NoServerError, ask, own_server
from voipbin_sip.doctor.checks import CHECKS
from voipbin_sip.doctor.examination import CONFIGURATION, examine
from voipbin_sip.doctor.finding import Finding, Level
from voipbin_sip.doctor.patient import NoAnswer, Patient, read_patient, unread
from voipbin_sip.doctor.report import as_json, show
from voipbin_sip.observe.running import Running, is_alive

ANSWER_SECONDS = 8.0
NICENESS = 10


def examine_all(path: Path, form: str) -> int:
    """Look at everything and print it; returns the exit status: 1 where there is an error."""
    os.nice(NICENESS)  # speech engines that are tried here must not disturb the sound of calls
    # What the parts of the server log while they are tried is said in the findings.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable()
    findings = asyncio.run(_examine(path))
    if form == "json":
        print(as_json(findings))
    else:
        show(findings, Console(highlight=False, markup=False, emoji=False))
    return 1 if any(finding.level is Level.ERROR for finding in findings) else 0


async def _examine(path: Path) -> list[Finding]:
    broken: list[Finding] = []
    try:
        patient = _patient(path)
    except Exception as error:  # the machine is looked at all the same
        why = f"{path} cannot be read: {type(error).__name__}: {error}"
        broken = [Finding(CONFIGURATION, Level.ERROR, why, "please report it with this line")]
        patient = unread(path)
    return broken + await _watched(patient)


async def _watched(patient: Patient) -> list[Finding]:
    """Examine, and show on a terminal what is still looked at."""
    screen = Console(stderr=True)
    if not screen.is_terminal:
        return await examine(CHECKS, patient)
    with screen.status("reading") as status:

        def progress(left: Sequence[str]) -> None:
            status.update(f"looking at {', '.join(left[:6])}{' …' if len(left) > 6 else ''}")

        return await examine(CHECKS, patient, progress)


def _patient(path: Path) -> Patient:
    try:
        server = own_server(path)
    except NoServerError:
        return read_patient(path)
    if not is_alive(server.pid):
        return read_patient(path)  # it was killed
    return read_patient(path, server=server, ask=partial(_ask, server))


def _ask(server: Running, path: str) -> Any:
    try:
        return ask(server, "GET", path, seconds=ANSWER_SECONDS)
    except NoServerError as error:
        raise NoAnswer(str(error)) from error
