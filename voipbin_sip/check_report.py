"""What `voipbin-sip check` prints: for people, for programs (JSON), for GitHub's annotations.

For people each finding is one line with its place, the line of the file with a mark below the word meant, and why it
matters. Files are named as one would name them from here: people type it, and GitHub knows no other names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

from flows.findings import Finding, Severity

Format: TypeAlias = Literal["text", "json", "github"]

_GUESS = re.compile(r"; did you mean '(.*)'\?$")
_SECRET = re.compile(r"password|secret|token", re.IGNORECASE)  # such lines are not shown
LONGEST = 110  # characters of a line that is shown


def report(findings: Sequence[Finding], form: Format) -> Iterator[str]:
    """Yield the lines."""
    findings = [replace(finding, file=from_here(finding.file)) for finding in findings]
    if form == "json":
        yield json.dumps(_document(findings), indent=2, ensure_ascii=False)
        return
    if form == "github":
        yield from map(_annotation, findings)
        return
    files = {file: _lines(file) for file in {finding.file for finding in findings}}
    for finding in findings:
        yield from _explained(finding, files[finding.file])


def from_here(file: Path) -> Path:
    """Return a file's name as one would type it in the working directory, where it lies below that."""
    here = Path.cwd()
    return file.relative_to(here) if here != Path(here.anchor) and file.is_relative_to(here) else file


def _document(findings: Sequence[Finding]) -> dict[str, object]:
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    return {
        "errors": errors,
        "warnings": len(findings) - errors,
        "findings": [_fields(finding) for finding in findings],
    }


def _fields(finding: Finding) -> dict[str, str | int | None]:
    guess = _GUESS.search(finding.message)
    return {
        "file": str(finding.file),
        "line": finding.line,
        "column": finding.column,
        "severity": finding.severity.value,
        "message": finding.message,
        "did_you_mean": guess.group(1) if guess else None,
        "why": finding.why or None,
    }


def _annotation(finding: Finding) -> str:
    place = f"file={_property(str(finding.file))},line={finding.line},col={finding.column}"
    text = f"{finding.message}\n{finding.why}" if finding.why else finding.message
    return f"::{finding.severity.value} {place}::{_data(text)}"


def _data(text: str) -> str:
    """Escape the text of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _explained(finding: Finding, lines: Sequence[str]) -> Iterator[str]:
    yield str(finding)
    written = lines[finding.line - 1] if 0 < finding.line <= len(lines) else ""
    if written.strip() and not _SECRET.search(written):
        shift = max(0, finding.column - LONGEST + 20)
        shown = written[shift : shift + LONGEST].replace("\t", " ")
        number = f"{finding.line:>6} | "
        yield f"{number}{shown}"
        yield f"{' ' * 6} | {' ' * (finding.column - 1 - shift)}{'^' * _length(written, finding.column)}"
    if finding.why:
        yield f"{' ' * 6} = {finding.why}"


def _length(written: str, column: int) -> int:
    """Return how many characters the word at a column has."""
    found = re.match(r"\"[^\"]*\"|'[^']*'|[^\s,\]}\[{:]+", written[column - 1 :])
    return min(len(found.group()), LONGEST) if found else 1


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
