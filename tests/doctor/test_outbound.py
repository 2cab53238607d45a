"""Rules for calls that leave which lead nowhere, or cost without end."""

from __future__ import annotations

from pathlib import Path

from tests.doctor.patients import bad, errors, found, of, patient, warnings
from voipbin_sip.doctor.finding import Finding, Level
from voipbin_sip.doctor.outbound import outbound

CARRIER = {"id": "carrier", "hostname": "203.0.113.1"}
OURS = {"number": "+15550100", "flow": "hello"}
ROUTE = {"provider_id": "carrier", "target": "all"}


async def looked_at(
    folder: Path,
    *,
    allow: list[str],
    providers: object = (CARRIER,),
    routes: object = (ROUTE,),
    numbers: object = (OURS,),
    **terms: object,
) -> list[Finding]:
    sections = {"providers": [*providers], "routes": [*routes], "numbers": [*numbers]}  # type: ignore[misc]
    return await found(outbound, patient(folder, sections=sections, outbound={"allow": allow, **terms}))


async def test_what_fits_together(tmp_path: Path) -> None:
    findings = await looked_at(
        tmp_path, allow=["+49"], default_outgoing_source_number="+15550100", countries=["DE"]
    )
    assert bad(findings) == []
    assert of(Level.INFO, findings) == []


async def test_nothing_outside_at_all(tmp_path: Path) -> None:
    assert bad(await looked_at(tmp_path, allow=[], providers=(), routes=())) == []


async def test_allowed_without_a_route(tmp_path: Path) -> None:
    findings = await looked_at(
        tmp_path, allow=["+49", "+43"], routes=({"provider_id": "carrier", "target": "+49"},)
    )
    (told,) = errors(findings)
    assert "opens +43, but no route leads there" in told


async def test_a_longer_route_takes_a_part_of_what_is_allowed(tmp_path: Path) -> None:
    routes = ({"provider_id": "carrier", "target": "+4930"},)
    assert errors(await looked_at(tmp_path, allow=["+49"], routes=routes)) == []


async def test_a_provider_without_a_route(tmp_path: Path) -> None:
    told = warnings(await looked_at(tmp_path, allow=[], routes=()))
    assert "no route leads to provider carrier" in told[0]


async def test_a_route_and_nothing_allowed(tmp_path: Path) -> None:
    (told,) = warnings(await looked_at(tmp_path, allow=["sip.example.com"]))
    assert "outbound.allow opens no numbers" in told


async def test_nobody_has_a_number_to_show(tmp_path: Path) -> None:
    (told,) = warnings(await looked_at(tmp_path, allow=["+49"], numbers=()))
    assert "show none of ours" in told and "403" in told


async def test_limits_that_are_off(tmp_path: Path) -> None:
    limits = {"concurrent": 0, "total": {"minutes_per_day": 0}}
    told = warnings(await looked_at(tmp_path, allow=["+49"], limits=limits))
    assert "outbound.limits has no limit for concurrent" in told[0]
    assert "outbound.limits.total has no limit for minutes_per_day" in told[1]
    assert "stolen password" in told[0]
