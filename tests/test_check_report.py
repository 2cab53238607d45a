"""What `voipbin-sip check` prints of its findings, in each form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.findings import Finding, Severity
from voipbin_sip.check import check_paths
from voipbin_sip.check_report import report

BAD = Path(__file__).parent / "flows" / "bad"


def test_text_shows_the_line_marks_the_word_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    findings, _ = check_paths([BAD / "targets.yaml"])
    first = "\n".join(report(findings, "text")).splitlines()[:4]
    assert first == [
        f"{BAD}/targets.yaml:7:25: there is no step 'salse'; did you mean 'sales'?",
        '     7 |       target_ids: {"1": salse, "2": support}',
        "       |                         ^^^^^",
        "       = a call that is sent there would find nothing, and be hung up",
    ]


def test_files_are_named_as_one_would_type_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD.parent)
    findings, _ = check_paths([BAD / "targets.yaml"])
    assert next(iter(report(findings, "text"))).startswith("bad/targets.yaml:7:25: ")
    assert "::error file=bad/targets.yaml,line=7," in "\n".join(report(findings, "github"))


def test_every_finding_in_a_flow_has_a_reason() -> None:
    for path in sorted(BAD.glob("*.yaml")):
        for finding in check_paths([path])[0]:
            assert finding.why, str(finding)


def test_a_line_with_a_secret_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "directory.yaml"
    path.write_text('extensions:\n  - {extension: "1000", password: [hush]}\n', encoding="utf-8")
    findings, errors = check_paths([path])
    assert errors
    assert "hush" not in "\n".join(report(findings, "text"))


def test_json_is_for_programs() -> None:
    findings, _ = check_paths([BAD / "targets.yaml"])
    document = json.loads("\n".join(report(findings, "json")))
    assert (document["errors"], document["warnings"]) == (len(findings), 0)
    first = document["findings"][0]
    assert (first["line"], first["column"], first["severity"]) == (7, 25, "error")
    assert first["did_you_mean"] == "sales"
    assert first["why"]
    assert json.loads("\n".join(report([], "json"))) == {"errors": 0, "warnings": 0, "findings": []}


def test_github_annotations_escape_what_would_end_them() -> None:
    finding = Finding(Path("a,b:c.yaml"), 3, 4, Severity.WARNING, "100 %\nof it", "so it is")
    assert list(report([finding], "github")) == [
        "::warning file=a%2Cb%3Ac.yaml,line=3,col=4::100 %25%0Aof it%0Aso it is"
    ]
