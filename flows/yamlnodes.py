"""YAML files as a tree of nodes that know their place, with every scalar kept as the text that was written.

The usual loaders turn `+4915112345` into an integer, `0123` into 83 and `no` into False, and keep the last of
two equal keys. Here a scalar stays text until a model says what it wants (`flows.validation`), equal keys are
refused, and aliases cannot blow a small file up. Used for flows, for the configuration and for the directory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from flows.findings import Finding, Severity
from flows.reasons import SAME_KEY, UNREADABLE

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 200_000  # with aliases written out

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_CORE_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")
)
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# JSON (RFC 8259 section 7) writes characters beyond U+FFFF as two escapes, YAML as one. Every escape is matched, so
# that a backslash behind a backslash begins none.
_ESCAPE = re.compile(r"\\(?:u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|.)", re.IGNORECASE | re.DOTALL)

_HINTS = {
    "mapping values are not allowed in this context": "text with ': ' in it needs quotes",
    "found character that cannot start any token": "text that begins with '@', '`' or '%' needs quotes",
}

_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # BaseLoader: plain scalars are not given types


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A scalar as written; `null` where nothing, `~` or an unquoted null stands."""

    file: Path
    line: int
    column: int
    text: str
    null: bool = False


@dataclass(frozen=True, slots=True)
class ListNode:
    """A sequence."""

    file: Path
    line: int
    column: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping; `keys` has the same keys as `entries`, with the places of the keys themselves."""

    file: Path
    line: int
    column: int
    entries: dict[str, Node]
    keys: dict[str, ScalarNode]


Node: TypeAlias = ScalarNode | ListNode | MapNode
Plain: TypeAlias = "str | list[Plain] | dict[str, Plain] | None"


def load_nodes(path: Path) -> tuple[Node | None, list[Finding]]:
    """Read a YAML file into nodes. With any finding the nodes are None: all findings here are errors."""
    data = read_bytes(path)
    return (None, [data]) if isinstance(data, Finding) else decode_nodes(data, path)


def read_bytes(path: Path) -> bytes | Finding:
    """Return what a YAML file holds, or why it cannot be had."""
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as fault:
        return _at(path, 1, 1, f"cannot be read: {fault.strerror or fault}")
    return data if data is not None else _at(path, 1, 1, f"is larger than {MAX_BYTES // 1024 // 1024} MiB")


def decode_nodes(data: bytes, path: Path) -> tuple[Node | None, list[Finding]]:
    """Turn what a YAML file holds into nodes."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        before = data[: fault.start].decode("utf-8-sig")
        return None, [_at(path, *_position(before), "is not UTF-8 text from here on")]
    return parse_nodes(text, path)


def forbidden_in(text: str) -> str | None:
    """Return the first character of a text that cannot stand in a document, None where all can."""
    found = _FORBIDDEN.search(text)
    return found.group() if found is not None else None


def parse_nodes(text: str, file: Path) -> tuple[Node | None, list[Finding]]:
    """Turn YAML or JSON text into nodes; `file` is only the name that findings carry."""
    forbidden = _FORBIDDEN.search(text)
    if forbidden is not None:
        place = _position(text[: forbidden.start()])
        return None, [_at(file, *place, f"control character U+{ord(forbidden.group()):04X} is not allowed")]
    composer = _Composer(_ESCAPE.sub(_whole_character, text) if "\\u" in text else text, file)
    try:
        node = composer.compose()
    except yaml.YAMLError as fault:
        composer.findings.append(_syntax_finding(fault, text, file))
        node = None
    except _Refused as fault:
        composer.findings.append(fault.finding)
        node = None
    return (None if composer.findings else node), composer.findings


def plain(node: Node) -> Plain:
    """Return the node as dicts, lists and text; null becomes None."""
    if isinstance(node, ScalarNode):
        return None if node.null else node.text
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, value in node.entries.items()}


def _whole_character(escape: re.Match[str]) -> str:
    high, low = escape.groups()
    if high is None:
        return escape.group()
    return f"\\U{0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00:08x}"


class _Refused(Exception):  # noqa: N818 - control flow inside this module
    """The text cannot be read any further."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding


class _Composer:
    """Builds the tree from parser events, so that depth and size are bounded before anything is built."""

    def __init__(self, text: str, file: Path) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self._events: Iterator[Event] = yaml.parse(text, Loader=_Loader)
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._open: set[str] = set()
        self._count = 0

    def compose(self) -> Node | None:
        """Return the root of the only document."""
        next(self._events)  # start of the stream
        event = next(self._events)
        if isinstance(event, StreamEndEvent):
            raise _Refused(_at(self.file, 1, 1, "is empty"))
        root = self._node(next(self._events), 0)
        next(self._events)  # end of the document
        event = next(self._events)
        if isinstance(event, DocumentStartEvent):
            raise _Refused(self._finding(event, "a second document ('---') is not allowed"))
        return root

    def _node(self, event: Event, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise _Refused(self._finding(event, f"nested deeper than {MAX_DEPTH} levels"))
        if isinstance(event, AliasEvent):
            return self._alias(event)
        assert isinstance(event, NodeEvent)
        self._spend(1, event)
        before = self._count
        anchor = event.anchor
        if anchor is not None:
            self._open.add(anchor)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!") and tag not in _CORE_TAGS:
            self.findings.append(self._finding(event, f"tag '{_short_tag(tag)}' is not allowed"))
        node: Node
        if isinstance(event, ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, SequenceStartEvent):
            node = self._list(event, depth)
        else:
            assert isinstance(event, MappingStartEvent)
            node = self._map(event, depth)
        if anchor is not None:
            self._open.discard(anchor)
            self._anchors[anchor] = node, self._count - before + 1
        return node

    def _alias(self, event: AliasEvent) -> Node:
        if event.anchor in self._open:
            raise _Refused(self._finding(event, f"alias '*{event.anchor}' stands inside its own anchor"))
        if event.anchor not in self._anchors:
            raise _Refused(self._finding(event, f"alias '*{event.anchor}' has no anchor before it"))
        node, weight = self._anchors[event.anchor]
        self._spend(weight, event)
        return node

    def _scalar(self, event: ScalarEvent) -> ScalarNode:
        is_plain = event.implicit[0] and not event.style
        null = event.tag == "tag:yaml.org,2002:null" or (is_plain and event.value in _NULLS)
        return ScalarNode(self.file, *_place(event), event.value, null)

    def _list(self, event: SequenceStartEvent, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(item := next(self._events), SequenceEndEvent):
            items.append(self._node(item, depth + 1))
        return ListNode(self.file, *_place(event), tuple(items))

    def _map(self, event: MappingStartEvent, depth: int) -> MapNode:
        entries: dict[str, Node] = {}
        keys: dict[str, ScalarNode] = {}
        while not isinstance(item := next(self._events), MappingEndEvent):
            key = self._node(item, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, ScalarNode):
                self.findings.append(self._finding(item, "a key must be a single word or text"))
            elif key.text == "<<":
                self.findings.append(self._finding(item, "merge keys ('<<') are not supported"))
            elif key.text in entries:
                first = keys[key.text]
                twice = self._finding(item, f"key '{key.text}' stands already at line {first.line}")
                self.findings.append(replace(twice, why=SAME_KEY))
            else:
                entries[key.text] = value
                keys[key.text] = key
        return MapNode(self.file, *_place(event), entries, keys)

    def _spend(self, nodes: int, event: Event) -> None:
        self._count += nodes
        if self._count > MAX_NODES:
            raise _Refused(self._finding(event, f"has more than {MAX_NODES} values, aliases written out"))

    def _finding(self, event: Event, message: str) -> Finding:
        return _at(self.file, *_place(event), message)


def _syntax_finding(fault: yaml.YAMLError, text: str, file: Path) -> Finding:
    if not isinstance(fault, yaml.MarkedYAMLError):
        return _at(file, 1, 1, f"is not YAML: {fault}")
    mark = fault.problem_mark or fault.context_mark
    message = fault.problem or fault.context or "is not YAML"
    if mark is None:
        return _at(file, 1, 1, message)
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        message = "indentation must be made of blanks, not of tabs"
    elif message in _HINTS:
        message = f"{message}: {_HINTS[message]}"
    elif fault.context:
        message = f"{message} ({fault.context}{_context_line(fault)})"
    return _at(file, mark.line + 1, mark.column + 1, message)


def _context_line(fault: yaml.MarkedYAMLError) -> str:
    if fault.context_mark is None or fault.context_mark.line == getattr(fault.problem_mark, "line", -1):
        return ""
    return f" that began at line {fault.context_mark.line + 1}"


def _place(event: Event) -> tuple[int, int]:
    mark = event.start_mark
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def _position(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _at(file: Path, line: int, column: int, message: str) -> Finding:
    return Finding(file, line, column, Severity.ERROR, message, UNREADABLE)
