"""`voipbin-sip flow test`: plays scenarios and shows what does not hold."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import typer

from flows.findings import Finding, Severity, has_errors
from flows.simulate.junit import junit_report
from flows.simulate.scenarios import FlowFolders, Scenario, read_scenarios, scenario_files
from flows.simulate.texts import clock_text
from flows.simulate.verdict import Verdict, judge
from voipbin_sip.cli.flow_story import story


def run(paths: Sequence[Path], junit: Path | None, *, verbose: bool) -> int:
    """Play all scenarios; returns the exit status: 0 where all hold, 1 where not."""
    began = time.perf_counter()
    files, findings = scenario_files(paths)
    folders = FlowFolders()
    scenarios: list[Scenario] = []
    for file in files:
        found, faults = read_scenarios(file, folders)
        scenarios += found
        findings += faults
    for finding in findings:
        typer.secho(str(finding), fg="red" if finding.severity is Severity.ERROR else "yellow")
    verdicts = asyncio.run(_judge(scenarios, verbose=verbose))
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if junit is not None and not _write(junit, junit_report(verdicts, errors)):
        return 1
    failed = sum(not verdict.holds for verdict in verdicts)
    _sum_up(len(verdicts), failed, findings, sum(v.played.seconds for v in verdicts), began)
    return 1 if failed or has_errors(findings) else 0


async def _judge(scenarios: Sequence[Scenario], *, verbose: bool) -> list[Verdict]:
    verdicts = []
    for scenario in scenarios:
        verdict = await judge(scenario)
        verdicts.append(verdict)
        _show(verdict, verbose=verbose)
    return verdicts


def _show(verdict: Verdict, *, verbose: bool) -> None:
    scenario, played = verdict.scenario, verdict.played
    mark = typer.style("ok  ", fg="green") if verdict.holds else typer.style("FAIL", fg="red", bold=True)
    typer.echo(f"{mark} {scenario.file.name}:{scenario.node.line} {scenario.name}")
    for found in verdict.failures:
        typer.secho(f"     {found}", fg="red")
        for line in found.difference:
            colour = {"-": "red", "+": "yellow"}.get(line[:1])
            typer.secho(f"       {line}", fg=colour)
    if verbose or not verdict.holds:
        typer.echo("     what happened:")
        for line in story(played.happenings):
            typer.echo(f"     {line}")


def _write(path: Path, text: str) -> bool:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        print(f"voipbin-sip: cannot write {path}: {fault.strerror}", file=sys.stderr)
        return False
    return True


def _sum_up(count: int, failed: int, findings: Sequence[Finding], seconds: float, began: float) -> None:
    words = [f"{count} scenario{'' if count == 1 else 's'}"]
    words.append(f"{failed} failed" if failed else "all hold")
    broken = len({finding.file for finding in findings if finding.severity is Severity.ERROR})
    if broken:
        words.append(f"{broken} file{'' if broken == 1 else 's'} with mistakes")
    spent = time.perf_counter() - began
    typer.echo(f"{', '.join(words)}; {clock_text(seconds)} of calls in {spent:.1f} s", err=True)
