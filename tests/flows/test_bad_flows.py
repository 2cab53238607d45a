"""A table of wrong flows: each file or folder in `bad/` beside the findings that it must have, no more, no fewer."""

from pathlib import Path

import pytest

from flows import Finding, Severity, load_flow_file, load_flows

BAD = Path(__file__).parent / "bad"
CASES = sorted(path.stem for path in BAD.glob("*.expected"))


def _found(case: str) -> tuple[bool, list[Finding]]:
    folder = BAD / case
    if folder.is_dir():
        flows, findings = load_flows(folder, base=BAD)
        return flows is not None, findings
    flow, findings = load_flow_file(BAD / f"{case}.yaml", base=BAD.parent)
    return flow is not None, findings


def _shown(finding: Finding, case: str) -> str:
    text = str(finding)
    for folder in (BAD / case, BAD):
        text = text.replace(f"{folder}/", "")
    return text.replace(str(BAD.parent), "BASE")


@pytest.mark.parametrize("case", CASES)
def test_every_fault_is_found_at_its_place(case: str) -> None:
    _, findings = _found(case)
    expected = (BAD / f"{case}.expected").read_text().splitlines()
    assert [_shown(finding, case) for finding in findings] == expected


@pytest.mark.parametrize("case", CASES)
def test_errors_refuse_the_flow_and_warnings_do_not(case: str) -> None:
    loaded, findings = _found(case)
    assert loaded is not any(finding.severity is Severity.ERROR for finding in findings)


def test_every_wrong_file_has_its_expectations() -> None:
    wrong = {path.stem for path in BAD.iterdir() if path.suffix != ".expected"}
    assert wrong == set(CASES)
