"""What `voipbin-sip doctor` prints: for people, area by area, or for programs (JSON)."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.text import Text

from voipbin_sip.doctor.finding import Finding, Level
from voipbin_sip.printable import clean

STYLES = {Level.OK: "green", Level.INFO: "cyan", Level.WARNING: "yellow", Level.ERROR: "bold red"}
_INDENT = 11  # of findings, behind their level


def as_json(findings: Sequence[Finding]) -> str:
    """Return a list of {area, level, finding, advice, where}."""
    return json.dumps([asdict(finding) for finding in findings], indent=2)


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print each finding with what to do; what is in order takes one line."""
    for area, found in groupby(findings, lambda finding: finding.area):
        _print(Text(area, style="bold"), console)
        for finding in found:
            _show_one(finding, console)
    _print(Text(summary(findings), style=STYLES[worst(findings)]), console)


def summary(findings: Sequence[Finding]) -> str:
    """Return the last line."""
    count = {level: sum(finding.level is level for finding in findings) for level in Level}
    parts = [_some(count[Level.ERROR], "error"), _some(count[Level.WARNING], "warning")]
    return f"{', '.join(parts)}; {count[Level.OK]} things are in order, {count[Level.INFO]} are good to know"


def worst(findings: Sequence[Finding]) -> Level:
    """Return the worst level among findings."""
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.OK)


def _show_one(finding: Finding, console: Console) -> None:
    style = STYLES[finding.level]
    bad = finding.level is not Level.OK
    for number, line in enumerate(_lines(finding.finding, console)):
        mark = f"  {finding.level:<{_INDENT - 2}}" if number == 0 else " " * _INDENT
        _print(Text.assemble((mark, style), (line, "default" if bad else "dim")), console)
    where = f"({_near(finding.where)})" if finding.where and bad else ""
    then = " ".join(filter(None, (f"→ {finding.advice}" if finding.advice else "", where)))
    for line in _lines(then, console):
        _print(Text(" " * _INDENT + line), console)


def _near(where: str) -> str:
    """Return a place as it is written from the folder that one stands in."""
    here = f"{Path.cwd()}/"
    return where.removeprefix(here)


def _lines(text: str, console: Console) -> list[str]:
    """Return a text as lines that fit the terminal; whole where there is none, for grep."""
    text = clean(" ".join(text.split()))  # servers elsewhere choose the words of their answers
    if not console.is_terminal:
        return [text] if text else []
    width = max(30, console.width - _INDENT)
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _print(text: Text, console: Console) -> None:
    console.print(text, soft_wrap=True)


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
