"""Reads scenario files: every fault of every file with its place, as of flows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.actions.registry import ACTION_TYPES
from flows.findings import Finding, Severity, did_you_mean, error, has_errors, in_order
from flows.loader import SUFFIXES, load_flows
from flows.model import Flow, FlowSet
from flows.simulate.document import ScenarioDocument, ScenarioEntry
from flows.validation import validate
from flows.yamlnodes import ListNode, MapNode, Node, ScalarNode, load_nodes


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario that can be played."""

    entry: ScenarioEntry
    node: MapNode
    flows: FlowSet
    flow: Flow

    @property
    def name(self) -> str:
        """Return what it tests."""
        return self.entry.name

    @property
    def file(self) -> Path:
        """Return the file that it stands in."""
        return self.node.file

    def place(self, *path: str | int) -> Node:
        """Return the node of a key, or the nearest one above it."""
        return place_in(self.node, path)


class FlowFolders:
    """The flows of each folder, loaded once."""

    def __init__(self) -> None:
        self._loaded: dict[Path, tuple[FlowSet | None, list[Finding]]] = {}

    def load(self, folder: Path) -> tuple[FlowSet | None, list[Finding]]:
        """Return the flows of a folder, or what is wrong with them."""
        key = folder.resolve()
        if key not in self._loaded:
            self._loaded[key] = load_flows(folder)
        return self._loaded[key]


def scenario_files(paths: Sequence[Path]) -> tuple[list[Path], list[Finding]]:
    """Return the files, and those of the folders (and of folders in them), by name."""
    files: list[Path] = []
    findings: list[Finding] = []
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
            if not found:
                findings.append(Finding(path, 1, 1, Severity.ERROR, "holds no scenarios (*.yaml)"))
            files += found
        else:
            files.append(path)
    return list(dict.fromkeys(files)), findings


def read_scenarios(path: Path, folders: FlowFolders) -> tuple[list[Scenario], list[Finding]]:
    """Return the scenarios of a file; with any error there are none."""
    node, findings = load_nodes(path)
    if node is None:
        return [], findings
    document = validate(node, ScenarioDocument, findings)
    if document is None or not isinstance(node, MapNode):
        return [], in_order(findings)
    flows, faults = folders.load(_folder(path, document))
    if flows is None:
        here = node.entries.get("flows", node)
        broken = [fault for fault in faults if fault.severity is Severity.ERROR]
        why = f": {broken[0]}" if broken else ""
        return [], [error(here, f"the flows cannot be loaded{why}")]
    listed = node.entries["scenarios"]
    assert isinstance(listed, ListNode)
    scenarios: list[Scenario] = []
    names: dict[str, int] = {}
    for entry, item in zip(document.scenarios, listed.items, strict=True):
        assert isinstance(item, MapNode)
        flow = _flow(entry, document, item, node, flows, findings)
        if entry.name in names:
            findings.append(
                error(item.entries["name"], f"this name stands already at line {names[entry.name]}")
            )
        names.setdefault(entry.name, item.line)
        if flow is not None:
            scenarios.append(Scenario(entry, item, flows, flow))
            findings += _unknown_steps(scenarios[-1])
    findings = in_order(findings)
    return ([] if has_errors(findings) else scenarios), findings


def place_in(node: Node, path: Sequence[str | int]) -> Node:
    """Return the node at a path of keys and indexes, or the nearest one above it."""
    for part in path:
        if isinstance(node, MapNode) and part in node.entries:
            node = node.entries[str(part)]
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            break
    return node


def _folder(path: Path, document: ScenarioDocument) -> Path:
    return Path(os.path.normpath(path.parent / (document.flows or "../flows")))


def _flow(
    entry: ScenarioEntry,
    document: ScenarioDocument,
    item: MapNode,
    root: MapNode,
    flows: FlowSet,
    findings: list[Finding],
) -> Flow | None:
    name = entry.flow or document.flow
    if not name:
        findings.append(error(item, "'flow' is missing, here and at the top of the file"))
        return None
    flow = flows.get(name)
    if flow is None:
        place = item.entries.get("flow") or root.entries["flow"]
        findings.append(error(place, f"there is no flow '{name}'{did_you_mean(name, flows.names())}"))
    return flow


def _unknown_steps(scenario: Scenario) -> Iterator[Finding]:
    """Report steps that no flow has; not where web servers may send others."""
    known = known_steps(scenario.flows)
    if any(action.type == "fetch" for flow in scenario.flows for action in flow.every_action()):
        return
    own = [action.id for action in scenario.flow.actions if action.named]
    for node, name in _named_steps(scenario):
        if name not in known and name.rpartition(".")[0] not in known:
            yield error(node, f"no flow has a step '{name}'{did_you_mean(name, [*own, *known])}")


def known_steps(flows: FlowSet) -> set[str]:
    """Return all names by which scenarios may know the steps of flows: id, type, and `flow:id`."""
    known = set(ACTION_TYPES)
    for flow in flows:
        for action in flow.every_action():
            known |= {action.id, f"{flow.name}:{action.id}"}
    return known


def _named_steps(scenario: Scenario) -> Iterator[tuple[Node, str]]:
    deeds = scenario.place("caller_does")
    for deed in deeds.items if isinstance(deeds, ListNode) else ():
        node = place_in(deed, ("after",))
        if isinstance(node, ScalarNode):
            yield node, node.text
    for key in ("steps", "exactly", "never", "failures"):
        expected = place_in(scenario.node, ("expect",))
        node = expected.entries.get(key, expected) if isinstance(expected, MapNode) else expected
        yield from _texts(node)
    after = scenario.place("expect", "variables_after")
    names: Mapping[str, ScalarNode] = (
        after.keys if isinstance(after, MapNode) and "variables_after" in _keys(scenario) else {}
    )
    for name, key_node in names.items():
        yield key_node, name


def _keys(scenario: Scenario) -> set[str]:
    expected = scenario.place("expect")
    return set(expected.entries) if isinstance(expected, MapNode) else set()


def _texts(node: Node) -> Iterator[tuple[Node, str]]:
    if isinstance(node, ScalarNode):
        yield node, node.text
    elif isinstance(node, ListNode):
        for item in node.items:
            if isinstance(item, ScalarNode):
                yield item, item.text
