"""What is written from the code is what the code says; links lead somewhere; dependencies have their reasons."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.documents.pages import PAGES, ROOT, text_of
from voipbin_sip.check import check_paths


def test_what_is_written_from_the_code_is_what_the_code_says() -> None:
    check = subprocess.run(
        [sys.executable, ROOT / "scripts/documents.py", "--check"], capture_output=True, text=True
    )
    assert check.returncode == 0, check.stderr


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        path, _, heading = target.partition("#")
        if "://" in path or path.startswith("mailto:"):
            continue
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), f"{page}: {target}"
        if heading:
            assert heading in _anchors(file.read_text(encoding="utf-8")), f"{page}: {target}"


def _anchors(text: str) -> set[str]:
    """Return the names that code hosts give to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_dependency_has_its_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    dependencies = project.partition("dependencies = [")[2].partition("]")[0]
    reasons = text_of("docs/dependencies.md")
    for name in re.findall(r'"([A-Za-z0-9-]+)', dependencies):
        assert f"{name}" in reasons, name


def test_the_shipped_configuration_has_no_mistake() -> None:
    findings, errors = check_paths(
        [ROOT / "config" / "voipbin.yaml", ROOT / "bench" / "config" / "voipbin.yaml"]
    )
    left = [finding for finding in findings if "media/prompt" not in finding.message]  # made by bench/run.sh
    assert left == []
    assert errors is bool(len(findings) - len(left))
