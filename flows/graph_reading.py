"""Reads a flow file for its picture: mistakes do not keep it from being drawn, they are what one wants to see."""

from __future__ import annotations

from pathlib import Path

from flows.draft import Draft, read_draft
from flows.findings import Finding
from flows.graph_picture import Picture, picture_of
from flows.loader import SUFFIXES
from flows.yamlnodes import load_nodes


def read_picture(file: Path) -> tuple[Picture | None, list[Finding]]:
    """Return the picture of a flow and what is wrong with its text; None where it cannot be read at all."""
    draft, findings = _draft(file)
    if draft is None or not draft.steps:
        return None, findings
    beside = sorted(p for p in file.parent.iterdir() if p.suffix in SUFFIXES and p.is_file() and p != file)
    others = (_draft(path)[0] for path in beside)
    return picture_of(draft, [other for other in others if other is not None]), findings


def _draft(path: Path) -> tuple[Draft | None, list[Finding]]:
    node, findings = load_nodes(path)
    return (read_draft(node, findings) if node is not None else None), findings
