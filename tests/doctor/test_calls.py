"""What the doctor makes of the last calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.doctor.patients import bad, errors, found, of, patient, warnings
from voipbin_sip.doctor.calls import calls
from voipbin_sip.doctor.finding import Finding, Level
from voipbin_sip.doctor.patient import NoAnswer
from voipbin_sip.observe.running import Running


def call(heard: int, sent: int = 500) -> Mapping[str, Any]:
    return {"quality": {"heard": heard, "sent": sent}}


def refused(cause: str, count: int = 1, **fields: str) -> Mapping[str, Any]:
    usual = {
        "method": "REGISTER",
        "callee": "1000",
        "caller": "1000",
        "source": "192.0.2.7:5060",
        "why": "wrong",
    }
    return {"cause": cause, "count": count, **usual, **fields}


async def seen(
    folder: Path,
    ended: Sequence[Mapping[str, Any]],
    turned: Sequence[Mapping[str, Any]] = (),
    **sip: object,
) -> list[Finding]:
    answers = {
        "/v1.0/calls?page_size=50": {"result": [*ended]},
        "/v1.0/timelines/refused?page_size=50": {"result": [*turned]},
    }
    whom = patient(folder, sip=sip or None)
    return await found(calls, replace(whom, server=Running(1, "", ""), ask=answers.__getitem__))


async def test_without_a_server_nothing_is_said(tmp_path: Path) -> None:
    assert await found(calls, patient(tmp_path)) == []


async def test_one_that_does_not_answer_is_told_elsewhere(tmp_path: Path) -> None:
    def nothing(path: str) -> None:
        raise NoAnswer(path)

    assert await found(calls, replace(patient(tmp_path), server=Running(1, "", ""), ask=nothing)) == []


async def test_calls_that_were_heard(tmp_path: Path) -> None:
    findings = await seen(tmp_path, [call(400), {"quality": {}}, call(0, sent=20)])
    assert bad(findings) == []
    (told,) = of(Level.OK, findings)
    assert "each of the last 1 calls" in told


async def test_calls_that_were_not(tmp_path: Path) -> None:
    (told,) = warnings(await seen(tmp_path, [call(0), call(0), call(400)]))
    assert "in 2 of the last 3 answered calls" in told
    assert "a firewall drops UDP" in told


async def test_a_wrong_address_is_the_reason_that_is_looked_at_first(tmp_path: Path) -> None:
    (told,) = warnings(await seen(tmp_path, [call(0)], advertise="203.0.113.9"))
    assert "told to send their sound to 203.0.113.9 (sip.advertise)" in told


async def test_phones_with_a_wrong_password(tmp_path: Path) -> None:
    turned = [
        refused("wrong_password", 4),
        refused("no_such_user"),
        refused("wrong_password", method="INVITE"),
    ]
    phone, caller = warnings(await seen(tmp_path, [], turned))
    assert phone.startswith("1000 could not register from 192.0.2.7:5060, 4 times: wrong")
    assert caller.startswith("1000 could not call from 192.0.2.7:5060, once: wrong")


async def test_calls_without_a_port(tmp_path: Path) -> None:
    (told,) = errors(await seen(tmp_path, [], [refused("no_media", 7)]))
    assert told.startswith("7 calls were refused because no port was left") and "widen media.ports" in told
