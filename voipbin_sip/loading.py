"""Reads a whole configuration: the file, the directory and the flows, with all findings at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flows.findings import Finding, has_errors, in_order
from flows.loader import SUFFIXES, load_flows
from flows.model import FlowSet
from flows.yamlnodes import MapNode, ScalarNode, load_nodes
from voipbin_sip.config import Config, Locations, load_config, locations
from voipbin_sip.directory import DirectoryFile, load_directory


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a configuration says, all of it without an error."""

    config: Config
    places: Locations
    directory: DirectoryFile
    flows: FlowSet


def load(path: Path) -> tuple[Loaded | None, list[Finding]]:
    """Read everything that a configuration file names; with any error there is nothing but the findings."""
    config, findings = load_config(path)
    if config is None:
        return None, in_order(findings)
    places = locations(config, path)
    flows, flow_findings = load_flows(places.flows, base=places.base)
    names = flow_names(places.flows) if flows is None else flows.names()
    directory, directory_findings = load_directory(places.directory, names)
    findings = in_order([*findings, *directory_findings, *flow_findings])
    if flows is None or directory is None or has_errors(findings):
        return None, findings
    return Loaded(config, places, directory, flows), findings


def flow_names(folder: Path) -> list[str]:
    """Return the names of all flows of a folder, also of those that have mistakes."""
    names = []
    for path in sorted(folder.glob("*")):
        if path.suffix not in SUFFIXES:
            continue
        node, _ = load_nodes(path)
        name = node.entries.get("name") if isinstance(node, MapNode) else None
        names.append(name.text if isinstance(name, ScalarNode) else path.stem)
    return names
