"""Verdicts as a JUnit report, for continuous integration."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from itertools import groupby

from flows.findings import Finding
from flows.simulate.verdict import Verdict
from flows.yamlnodes import forbidden_in


def junit_report(verdicts: Sequence[Verdict], findings: Iterable[Finding] = ()) -> str:
    """Return the XML; each file is a suite, each finding an error of its file. Times are those of the calls."""
    root = ET.Element("testsuites", name="voipbin-sip flow test")
    broken = [*findings]
    for file, group in groupby(verdicts, key=lambda verdict: verdict.scenario.file):
        cases = list(group)
        suite = _suite(root, str(file), len(cases), sum(not case.holds for case in cases), 0)
        for verdict in cases:
            case = ET.SubElement(
                suite,
                "testcase",
                name=_safe(verdict.scenario.name),
                classname=str(file),
                file=str(file),
                line=str(verdict.scenario.node.line),
                time=f"{verdict.played.seconds:.3f}",
            )
            for found in verdict.failures:
                element = ET.SubElement(case, "failure", message=_safe(found.message), type="expectation")
                element.text = _safe("\n".join([str(found), *found.difference]))
    for finding in broken:
        suite = _suite(root, str(finding.file), 1, 0, 1)
        case = ET.SubElement(suite, "testcase", name="is a scenario file", classname=str(finding.file))
        ET.SubElement(case, "error", message=_safe(finding.message)).text = _safe(str(finding))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, name: str, tests: int, failures: int, errors: int) -> ET.Element:
    counts = {"tests": str(tests), "failures": str(failures), "errors": str(errors)}
    return ET.SubElement(root, "testsuite", {"name": name, **counts})


def _safe(text: str) -> str:
    """Return a text without what XML cannot hold."""
    while (character := forbidden_in(text)) is not None:
        text = text.replace(character, "?")
    return text
