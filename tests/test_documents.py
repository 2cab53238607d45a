"""The documents say what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from flows.loader import load_flow_text
from voipbin_sip.check import check_paths

ROOT = Path(__file__).resolve().parents[1]


def test_the_map_is_what_the_modules_say() -> None:
    check = subprocess.run(
        [sys.executable, ROOT / "scripts/documents.py", "--check"], capture_output=True, text=True
    )
    assert check.returncode == 0, check.stderr


def test_links_between_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_every_dependency_has_its_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    dependencies = project.partition("dependencies = [")[2].partition("]")[0]
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for name in re.findall(r'"([A-Za-z0-9-]+)', dependencies):
        assert f"{name}" in reasons, name


def test_every_flow_in_the_documents_is_right() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    blocks = [
        (page, text)
        for page in pages
        for text in re.findall(
            r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
        if "actions:" in text
    ]
    assert blocks
    for page, text in blocks:
        flow, findings = load_flow_text(text, page)
        assert flow is not None and not findings, [str(finding) for finding in findings]


def test_the_shipped_configuration_has_no_mistake() -> None:
    findings, errors = check_paths(
        [ROOT / "config" / "voipbin.yaml", ROOT / "bench" / "config" / "voipbin.yaml"]
    )
    left = [finding for finding in findings if "media/prompt" not in finding.message]  # made by bench/run.sh
    assert left == []
    assert errors is bool(len(findings) - len(left))
