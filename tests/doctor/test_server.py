"""What the doctor makes of the running server's own words. The real one is in tests/phones/test_doctor.py."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.doctor.patients import bad, errors, found, of, patient, warnings
from voipbin_sip import __version__
from voipbin_sip.doctor import server as module
from voipbin_sip.doctor.finding import Finding, Level
from voipbin_sip.doctor.patient import NoAnswer
from voipbin_sip.doctor.providers import providers
from voipbin_sip.doctor.server import server
from voipbin_sip.observe.running import Running
from voipbin_sip.resources.base import declared_id

LIVE = "v1.0/timelines/calls-live"
WELL: Mapping[str, Any] = {
    f"/{LIVE}": {"result": [], "server": {"version": __version__}},
    "/health": {"status": "ok", "faults": {}},
    "/v1.0/reload": {"result": "reloaded", "cause": "start", "restart": [], "findings": []},
    "/v1.0/webhook_deliveries?dead=true": {"result": []},
}


async def asked(folder: Path, **changed: object) -> list[Finding]:
    """Return what is found of a server with these answers."""
    answers = {**WELL, **{f"/{path}": answer for path, answer in changed.items()}}
    whom = replace(patient(folder), server=Running(os.getpid(), "", ""), ask=answers.__getitem__)
    return await found(server, whom)


async def test_all_is_well(tmp_path: Path) -> None:
    assert bad(await asked(tmp_path)) == []


async def test_no_server(tmp_path: Path) -> None:
    (told,) = of(Level.INFO, await found(server, patient(tmp_path)))
    assert "voipbin-sip serve --config" in told


async def test_no_answer(tmp_path: Path) -> None:
    def nothing(path: str) -> None:
        raise NoAnswer("connection refused")

    whom = replace(patient(tmp_path), server=Running(4711, "", ""), ask=nothing)
    (told,) = errors(await found(server, whom))
    assert "process 4711" in told and "connection refused" in told


async def test_a_database_that_is_away_is_no_reason_to_end_the_server(tmp_path: Path) -> None:
    def ask(path: str) -> object:
        if "deliveries" in path:
            raise NoAnswer("the database cannot be read")
        return WELL[path]

    findings = await found(server, replace(patient(tmp_path), server=Running(os.getpid(), "", ""), ask=ask))
    (told,) = bad(findings)
    assert "the database cannot be read" in told and "calls go on" in told


async def test_another_version_runs(tmp_path: Path) -> None:
    (told,) = warnings(await asked(tmp_path, **{LIVE: {"result": [], "server": {"version": "0.0.1"}}}))
    assert f"version 0.0.1 runs, {__version__} is installed" in told


async def test_faults_are_told_with_what_to_do(tmp_path: Path) -> None:
    faults = {
        "database": "nothing can be written, 7 rows wait; calls go on",
        "event_loop": "it was 2.0 s late",
    }
    told = warnings(await asked(tmp_path, health={"status": "degraded", "faults": faults}))
    assert "database: nothing can be written, 7 rows wait" in told[0] and "area 'database'" in told[0]
    assert "event loop: it was 2.0 s late" in told[1]
    faults = {"media": "1 of 1 media workers are down"}
    (told_,) = errors(await asked(tmp_path, health={"status": "unavailable", "faults": faults}))
    assert "media workers are down" in told_


async def test_a_reload_that_was_refused(tmp_path: Path) -> None:
    finding = {"file": "a.yaml", "line": 4, "column": 1, "severity": "error", "message": "no such step"}
    reload = {"result": "refused", "cause": "files", "restart": [], "findings": [finding]}
    findings = await asked(tmp_path, **{"v1.0/reload": reload})
    (told,) = errors(findings)
    assert "the last reload (files) was refused" in told and "no such step" in told
    assert [one.where for one in findings if one.level is Level.ERROR] == ["a.yaml:4"]


async def test_keys_that_want_a_restart(tmp_path: Path) -> None:
    reload = {"result": "reloaded", "cause": "files", "restart": ["sip.listen"], "findings": []}
    (told,) = of(Level.INFO, await asked(tmp_path, **{"v1.0/reload": reload}))
    assert "not in force: sip.listen" in told


async def test_events_that_were_given_up(tmp_path: Path) -> None:
    dead = [
        {"uri": "https://a.example/hook?key=1", "why": f"answered {500 + n}", "event_id": n} for n in range(3)
    ]
    (told,) = warnings(await asked(tmp_path, **{"v1.0/webhook_deliveries?dead=true": {"result": dead}}))
    assert "3 events for https://a.example/hook were given up: answered 502" in told
    assert "key=1" not in told


async def test_a_worker_that_was_started_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STARTING", 0.0)  # this process is older than that
    words = [sys.executable, "-c", "import sys; sys.stdin.read()", "media.worker"]
    child = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.PIPE)
    try:
        (told,) = warnings(await asked(tmp_path))
    finally:
        assert child.stdin is not None
        child.stdin.close()
        await child.wait()
    assert "1 of 1 media workers were started anew" in told


async def test_a_provider_that_the_api_made_and_one_of_the_directory(tmp_path: Path) -> None:
    entry = {"id": "carrier", "hostname": "127.0.0.1:9", "transport": "tcp"}
    states = [
        {"id": str(declared_id("provider", "carrier")), "registration": "", "health_status": "unhealthy"},
        {
            "id": "8b8d3f0e-0000-4000-8000-000000000000",
            "name": "Second",
            "username": "anna",
            "registration": "failed",
            "registration_reason": "no answer from 198.51.100.7: check hostname, transport and firewall",
        },
    ]
    whom = replace(
        patient(tmp_path, sections={"providers": [entry]}),
        server=Running(os.getpid(), "", ""),
        ask=lambda path: {"result": states},
    )
    told = errors(await found(providers, whom))
    assert "no connection" in told[0]
    assert "provider carrier: the server passes it over" in told[1]
    assert "provider Second (made by the API): the server is not registered: no answer from" in told[2]
