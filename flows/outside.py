"""Steps that come from outside: from a client of the API, or fetched while a run goes on.

They arrive as JSON values instead of a file. They are checked like a file, but may lead to steps of the run that
takes them, a step that is never reached is only warned of (nobody is there to mend it), and files cannot be played.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from flows.draft import read_draft
from flows.findings import Finding, Severity, has_errors, in_order
from flows.lint import check_drafts
from flows.model import Flow
from flows.yamlnodes import MAX_DEPTH, MAX_NODES, ListNode, MapNode, Node, ScalarNode, forbidden_in


def load_flow_data(
    document: Mapping[str, object], file: Path, *, outer: Collection[str] = ()
) -> tuple[Flow | None, list[Finding]]:
    """Load one flow from the JSON object that it was sent as; messages of findings begin with the path, errors first.

    Args:
        document: `name`, `actions` and so on, as in a file.
        file: the name that findings and traces carry; the line is the number of the action, from 1.
        outer: ids and UUIDs of steps elsewhere that its steps may name.
    """
    reader = _Reader(file)
    node = reader.read(document, (), 0)
    findings = reader.findings
    draft = read_draft(node, findings) if not findings else None
    if draft is not None:
        findings += check_drafts([draft], None, base=None, outer=outer, lenient=True)
    findings = [reader.placed(finding) for finding in in_order(findings)]
    findings.sort(key=lambda finding: finding.severity is Severity.WARNING)
    if draft is None or has_errors(findings):
        return None, findings
    return replace(draft.build(), trusted=False), findings


class _Reader:
    """Turns JSON values into nodes; each has the number of its action as line and a column of its own."""

    def __init__(self, file: Path) -> None:
        self.findings: list[Finding] = []
        self._file = file
        self._paths: dict[int, str] = {}

    def read(self, value: object, path: tuple[str, ...], depth: int) -> Node:
        """Return the node of a value; what cannot be one becomes a finding."""
        line, column = self._place(path)
        if depth > MAX_DEPTH or column > MAX_NODES:
            self._refuse(line, column, "is nested too deeply or has too many values")
            return ScalarNode(self._file, line, column, "", null=True)
        if isinstance(value, Mapping):
            entries: dict[str, Node] = {}
            keys: dict[str, ScalarNode] = {}
            for key, inner in value.items():
                below = (*path, str(key))
                keys[str(key)] = ScalarNode(self._file, *self._place(below), self._text(str(key), below))
                entries[str(key)] = self.read(inner, below, depth + 1)
            return MapNode(self._file, line, column, entries, keys)
        if isinstance(value, list | tuple):
            items = tuple(self.read(item, (*path, str(n)), depth + 1) for n, item in enumerate(value))
            return ListNode(self._file, line, column, items)
        if value is None:
            return ScalarNode(self._file, line, column, "", null=True)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return ScalarNode(self._file, line, column, self._text(text, path))

    def placed(self, finding: Finding) -> Finding:
        """Return a finding that says where in the document it is."""
        path = self._paths.get(finding.column, "")
        message = finding.message.removeprefix(f"{path.rpartition('.')[2]}: ")
        return replace(finding, message=f"{path}: {message}") if path else finding

    def _place(self, path: tuple[str, ...]) -> tuple[int, int]:
        column = len(self._paths) + 1
        self._paths[column] = ".".join(path)
        is_action = len(path) > 1 and path[0] == "actions"
        return (int(path[1]) + 1 if is_action and path[1].isdecimal() else 1), column

    def _text(self, text: str, path: tuple[str, ...]) -> str:
        forbidden = forbidden_in(text)
        if forbidden is not None:
            line, column = self._place(path)
            self._refuse(line, column, f"character U+{ord(forbidden):04X} is not allowed")
        return text

    def _refuse(self, line: int, column: int, message: str) -> None:
        self.findings.append(Finding(self._file, line, column, Severity.ERROR, message))
