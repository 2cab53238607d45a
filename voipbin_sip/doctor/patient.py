"""What is examined: a configuration with all that it names, and the server that runs with it, if one does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flows import FlowSet
from flows.findings import Finding as Fault
from flows.findings import has_errors
from flows.yamlnodes import ListNode, MapNode, Node, ScalarNode, load_nodes
from voipbin_sip.config import Config, Locations, load_config, locations
from voipbin_sip.directory import DirectoryFile
from voipbin_sip.loading import load
from voipbin_sip.observe.running import Running

Ask = Callable[[str], Any]
"""Returns what the running server's API answers to a path; raises NoAnswer."""


class NoAnswer(Exception):  # noqa: N818 - reads as what happened
    """The running server did not answer; the message says why."""


def _nobody(path: str) -> Any:
    raise NoAnswer(f"no server runs: {path} was not asked")


@dataclass(frozen=True, slots=True)
class Patient:
    """A configuration, as far as it could be read, and its server.

    Attributes:
        readable: the configuration file itself has no error; else `config` has the defaults.
        whole: the directory and the flows have none either; else both are empty.
        faults: what `voipbin-sip check` finds.
        server: the server that runs; None: none does.
        ask: what its API answers.
    """

    path: Path
    config: Config
    places: Locations
    directory: DirectoryFile = field(default_factory=DirectoryFile)
    flows: FlowSet = field(default_factory=FlowSet)
    readable: bool = True
    whole: bool = True
    faults: tuple[Fault, ...] = ()
    server: Running | None = None
    ask: Ask = _nobody
    nodes: tuple[Node | None, Node | None] = (None, None)  # of the configuration, of the directory

    def key(self, *keys: str) -> str:
        """Return where a key of the configuration stands, or the nearest one above it."""
        return _place(self.nodes[0], keys)

    def entry(self, section: str, name_key: str, name: str) -> str:
        """Return where an entry of the directory stands."""
        node = self.nodes[1]
        entries = node.entries.get(section) if isinstance(node, MapNode) else None
        for item in entries.items if isinstance(entries, ListNode) else ():
            named = item.entries.get(name_key) if isinstance(item, MapNode) else None
            if isinstance(named, ScalarNode) and named.text == name:
                return f"{item.file}:{item.line}"
        return _place(node, (section,))


def read_patient(path: Path, *, server: Running | None = None, ask: Ask = _nobody) -> Patient:
    """Read all that a configuration names, with mistakes in it too. Blocks for as long as the disk does."""
    loaded, faults = load(path)
    config = loaded.config if loaded is not None else load_config(path)[0]
    if config is None:
        return replace(unread(path), faults=tuple(faults), server=server, ask=ask)
    places = locations(config, path)
    nodes = (load_nodes(path)[0], load_nodes(places.directory)[0])
    if loaded is None:
        return Patient(
            path, config, places, whole=False, faults=tuple(faults), server=server, ask=ask, nodes=nodes
        )
    return Patient(
        path,
        config,
        places,
        loaded.directory,
        loaded.flows,
        whole=not has_errors(faults),
        faults=tuple(faults),
        server=server,
        ask=ask,
        nodes=nodes,
    )


def unread(path: Path) -> Patient:
    """Return a configuration of which nothing is known."""
    default = Config()
    return Patient(path, default, locations(default, path), readable=False, whole=False)


def _place(node: Node | None, keys: tuple[str, ...]) -> str:
    if node is None:
        return ""
    found: Node = node
    line = node.line
    for key in keys:
        if not isinstance(found, MapNode) or key not in found.entries:
            break
        line = found.keys[key].line
        found = found.entries[key]
    return f"{node.file}:{line}"
