"""`voipbin-sip check`: what is wrong in a configuration, a directory file, flows or scenarios."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from flows.findings import Finding, has_errors, in_order
from flows.loader import SUFFIXES, load_flow_file, load_flows
from flows.simulate.scenarios import FlowFolders, read_scenarios, scenario_files
from flows.yamlnodes import MapNode, load_nodes
from voipbin_sip.directory import DirectoryFile, load_directory
from voipbin_sip.loading import flow_names, load

CONFIG_NAME = "voipbin.yaml"


def check_paths(paths: Iterable[Path]) -> tuple[list[Finding], bool]:
    """Return all findings, and whether there is an error among them."""
    findings: list[Finding] = []
    for path in paths:
        findings += _check(path)
    findings = in_order(findings)
    return findings, has_errors(findings)


def _check(path: Path) -> list[Finding]:
    if path.is_dir():
        if (path / CONFIG_NAME).exists():
            return load(path / CONFIG_NAME)[1]
        if _holds_scenarios(path):
            folders = FlowFolders()
            return [found for file in scenario_files([path])[0] for found in read_scenarios(file, folders)[1]]
        return load_flows(path, base=_base(path))[1]
    node, findings = load_nodes(path)
    if node is None:
        return findings
    keys = set(node.entries) if isinstance(node, MapNode) else set()
    if "actions" in keys:
        return _check_flow(path)
    if "scenarios" in keys:
        return read_scenarios(path, FlowFolders())[1]
    if keys and keys <= set(DirectoryFile.model_fields):
        return load_directory(path, _known_flows(path), path.resolve().parent)[1]
    return load(path)[1]


def _holds_scenarios(folder: Path) -> bool:
    """Tell whether the first file that can be read is one of scenarios."""
    for path in scenario_files([folder])[0]:
        node, _ = load_nodes(path)
        if isinstance(node, MapNode):
            return "scenarios" in node.entries
    return False


def _check_flow(path: Path) -> list[Finding]:
    """Check one flow; with the others of its folder, so that what it calls can be looked up."""
    if path.suffix not in SUFFIXES:
        return load_flow_file(path, base=_base(path.parent))[1]
    findings = load_flows(path.resolve().parent, base=_base(path.parent))[1]
    here = path.resolve()
    return [replace(found, file=path) for found in findings if found.file.resolve() == here]


def _base(flows: Path) -> Path:
    """Return the folder that sounds are relative to: the one of the configuration, else the one above."""
    folder = flows.resolve()
    for above in (folder, *folder.parents):
        if (above / CONFIG_NAME).exists():
            return above
    return folder.parent


def _known_flows(directory: Path) -> list[str] | None:
    loaded, _ = (
        load(directory.parent / CONFIG_NAME) if (directory.parent / CONFIG_NAME).exists() else (None, [])
    )
    folder = loaded.places.flows if loaded is not None else directory.parent / "flows"
    return flow_names(folder) if folder.is_dir() else None
