"""Reads a whole configuration: the file, the directory and the flows, with all findings at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from flows.findings import Finding, did_you_mean, error, has_errors, in_order, warning
from flows.loader import SUFFIXES, load_flows
from flows.memory import Memory
from flows.model import FlowSet, as_uuid
from flows.yamlnodes import MapNode, ScalarNode, load_nodes
from voipbin_sip.calls.call import Address
from voipbin_sip.config import Config, Locations, load_config, locations
from voipbin_sip.directory import DirectoryFile, load_directory
from voipbin_sip.toll.allowed import Allowed
from voipbin_sip.toll.refused import Refused


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a configuration says, all of it without an error."""

    config: Config
    places: Locations
    directory: DirectoryFile
    flows: FlowSet
    path: Path = Path()  # of the configuration file
    memory: Memory = field(default_factory=Memory, compare=False, repr=False)  # of what its files said


def load(path: Path, memory: Memory | None = None) -> tuple[Loaded | None, list[Finding]]:
    """Read everything that a configuration file names; with any error there is nothing but the findings.

    With the memory of the last time (`Loaded.memory`), only what has changed since is read and compiled.
    """
    memory = memory or Memory()
    config, findings = load_config(path)
    if config is None:
        return None, in_order(findings)
    places = locations(config, path)
    flows, flow_findings = load_flows(places.flows, base=places.base, memory=memory)
    names = flow_names(places.flows, memory) if flows is None else flows.names()
    directory, directory_findings = load_directory(places.directory, names, places.base, memory)
    findings += [*directory_findings, *flow_findings]
    if flows is not None and directory is not None:
        findings += _dangling(flows, directory)
        findings += _closed(flows, directory, config)
    if flows is not None and not config.smtp.host:
        findings += _mailing(flows)
    if directory is not None:
        findings += _shown_number(config, path, directory)
    findings = in_order(findings)
    memory.forget_others()
    if flows is None or directory is None or has_errors(findings):
        return None, findings
    return Loaded(config, places, directory, flows, path.resolve(), memory), findings


def _mailing(flows: FlowSet) -> Iterator[Finding]:
    """Yield the steps that send mail, where no mail server is configured."""
    for flow in flows:
        for action in flow.every_action():
            if action.type == "email_send":
                yield warning(action.origin, "no mail is sent: smtp.host in voipbin.yaml is empty")


def _dangling(flows: FlowSet, directory: DirectoryFile) -> Iterator[Finding]:
    """Yield whom flows call, and which conferences they join, that the directory does not know."""
    known = {
        "extension": [entry.extension for entry in directory.extensions],
        "conference": [entry.id for entry in directory.conferences],
    }
    for address, origin in flows.destinations():
        names = known.get(address.type)
        if names is None or address.target in names:
            continue
        if address.type == "extension" and address.target_name in names:
            continue
        wanted = address.target or address.target_name
        if as_uuid(wanted) is not None:
            yield warning(
                origin, f"no file has the {address.type} {wanted}; it has to be one that the API made"
            )
            continue
        yield error(origin, f"there is no {address.type} '{wanted}'{did_you_mean(wanted, names)}")


def _closed(flows: FlowSet, directory: DirectoryFile, config: Config) -> Iterator[Finding]:
    """Yield the calls that flows place and that will not leave the server."""
    allowed = Allowed(config.outbound.allow, config.outbound.countries)
    for address, origin in flows.destinations():
        if address.type not in ("tel", "sip"):
            continue
        try:
            allowed.check(Address(address.type, address.target))
        except Refused as error:
            yield warning(origin, f"this call will be refused: {error}")
            continue
        if address.type == "tel" and not any(route.fits(address.target) for route in directory.routes):
            yield warning(origin, f"no route in the directory leads to {address.target}")


def _shown_number(config: Config, path: Path, directory: DirectoryFile) -> Iterator[Finding]:
    """Yield that the number which calls outside show is none of ours."""
    number = config.outbound.default_outgoing_source_number
    ours = [entry.number for entry in directory.numbers]
    if number and number not in ours:
        node = load_nodes(path)[0]
        for key in ("outbound", "default_outgoing_source_number"):
            node = node.entries[key] if isinstance(node, MapNode) else node
        assert node is not None
        yield error(node, f"there is no number '{number}' in the directory{did_you_mean(number, ours)}")


def flow_names(folder: Path, memory: Memory | None = None) -> list[str]:
    """Return the names of all flows of a folder, also of those that have mistakes."""
    memory = memory or Memory()
    names = []
    for path in sorted(folder.glob("*")):
        if path.suffix not in SUFFIXES:
            continue
        node, _ = memory.nodes(path)
        name = node.entries.get("name") if isinstance(node, MapNode) else None
        names.append(name.text if isinstance(name, ScalarNode) else path.stem)
    return names
