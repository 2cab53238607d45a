"""Reads flow files: everything is checked, all findings come at once, and nothing is half loaded."""

from __future__ import annotations

from pathlib import Path

from flows import reasons
from flows.draft import Draft, read_draft
from flows.findings import Finding, Severity, error, has_errors, in_order
from flows.lint import check_drafts
from flows.memory import Memory
from flows.model import Flow, FlowSet
from flows.yamlnodes import Node, load_nodes, parse_nodes

SUFFIXES = (".yaml", ".yml")


def load_flows(
    folder: Path, *, base: Path | None = None, memory: Memory | None = None
) -> tuple[FlowSet | None, list[Finding]]:
    """Load all flows of a folder (*.yaml, *.yml; not of folders in it). With any error there is no set.

    Args:
        folder: where they are.
        base: folder that file names in `play` start from; without it they are not checked.
        memory: of the last time; only what has changed since is compiled.
    """
    memory = memory or Memory()
    if not folder.is_dir():
        return None, [Finding(folder, 1, 1, Severity.ERROR, "is not a folder of flows")]
    findings: list[Finding] = []
    drafts: list[Draft] = []
    names: dict[str, Draft] = {}
    for path in sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES and p.is_file()):
        node, faults = memory.nodes(path)
        findings += faults
        draft, faults = memory.draft(node) if node is not None else (None, [])
        findings += faults
        if draft is None:
            # Kept by name, so that references to a broken file are not reported as well.
            names.setdefault(path.stem, Draft.unreadable(path))
            continue
        drafts.append(draft)
        for key in (draft.name, str(draft.uuid)):
            if key in names and names[key].steps:
                place = draft.node.entries.get("name", draft.node)
                text = f"flow '{key}' exists already in {names[key].file}"
                findings.append(error(place, text, reasons.SAME_NAME))
                break
        names.setdefault(draft.name, draft)
        names.setdefault(str(draft.uuid), draft)
    findings += check_drafts(drafts, names, base=base, checked=memory.checked, pause=memory.pause)
    findings = in_order(findings)
    if has_errors(findings):
        return None, findings
    return FlowSet(memory.flow(draft) for draft in drafts), findings


def load_flow_file(path: Path, *, base: Path | None = None) -> tuple[Flow | None, list[Finding]]:
    """Load one flow by itself; references to other flows are not checked."""
    node, findings = load_nodes(path)
    return _single(node, findings, base)


def load_flow_text(text: str, file: Path, *, base: Path | None = None) -> tuple[Flow | None, list[Finding]]:
    """Load one flow from YAML or JSON text; `file` is the name that findings and traces carry."""
    node, findings = parse_nodes(text, file)
    return _single(node, findings, base)


def _single(
    node: Node | None, findings: list[Finding], base: Path | None
) -> tuple[Flow | None, list[Finding]]:
    draft = read_draft(node, findings) if node is not None else None
    if draft is None:
        return None, in_order(findings)
    findings = in_order([*findings, *check_drafts([draft], None, base=base)])
    return (None if has_errors(findings) else draft.build()), findings
