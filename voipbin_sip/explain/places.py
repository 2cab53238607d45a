"""Where rules stand: `directory.yaml:30`, `voipbin.yaml:54`, or that the API made them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Protocol

from flows import Flow
from flows.yamlnodes import ListNode, MapNode, Node, ScalarNode, load_nodes
from voipbin_sip.directory import RouteEntry
from voipbin_sip.toll.allowed import read_entry

MADE = "made by the API"
_KEYS = {
    "number": ("numbers", "number"),
    "extension": ("extensions", "extension"),
    "conference": ("conferences", "id"),
    "trunk": ("trunks", "domain_name"),
    "provider": ("providers", "id"),
}


class Places(Protocol):
    """Knows where the entries of a directory stand."""

    def entry(self, kind: str, name: str) -> str:
        """Return the place of a number, extension, conference, trunk or provider."""
        ...

    def route(self, rank: int, route: RouteEntry) -> str:
        """Return the place of a route, which is the `rank`th of the directory."""
        ...


class FilePlaces:
    """The places in a directory file, as it is now."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entry(self, kind: str, name: str) -> str:
        """Return the place of an entry, the file's name where it has none."""
        section, key = _KEYS[kind]
        for item in self._items(section):
            value = item.entries.get(key) if isinstance(item, MapNode) else None
            if isinstance(value, ScalarNode) and value.text == name:
                return _at(item)
        return self._path.name

    def route(self, rank: int, route: RouteEntry) -> str:
        """Return the place of a route."""
        items = self._items("routes")
        return _at(items[rank]) if rank < len(items) else self._path.name

    def _items(self, section: str) -> tuple[Node, ...]:
        node = self._root.entries.get(section) if isinstance(self._root, MapNode) else None
        return node.items if isinstance(node, ListNode) else ()

    @cached_property
    def _root(self) -> Node | None:
        return load_nodes(self._path)[0]


class SettingPlaces:
    """The places of keys in the configuration file, as it is now."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def key(self, *keys: str) -> str:
        """Return the place of a key, or of the last one on the way to it that is there."""
        node, found = self._root, ""
        for key in keys:
            if not isinstance(node, MapNode) or key not in node.entries:
                break
            found, node = _at(node.keys[key]), node.entries[key]
        return found or f"{self._path.name}, where it is not set"

    def allowed(self, entry: str | tuple[str, int]) -> str:
        """Return the place of an entry of `outbound.allow`, as `read_entry` gives it."""
        node: Node | None = self._root
        for key in ("outbound", "allow"):
            node = node.entries.get(key) if isinstance(node, MapNode) else None
        for item in node.items if isinstance(node, ListNode) else ():
            if isinstance(item, ScalarNode) and _entry(item.text) == entry:
                return _at(item)
        return self.key("outbound", "allow")

    @cached_property
    def _root(self) -> Node | None:
        return load_nodes(self._path)[0]


def flow_place(flow: Flow) -> str:
    """Return where a flow stands."""
    return str(flow.origin) if flow.trusted else MADE


def _entry(text: str) -> str | tuple[str, int] | None:
    try:
        return read_entry(text)
    except ValueError:  # the file has changed since
        return None


def _at(node: Node) -> str:
    return f"{node.file.name}:{node.line}"
