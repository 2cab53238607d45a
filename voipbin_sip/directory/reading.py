"""Reads the directory file: every entry checked, and what entries say about each other and about flows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

from pydantic import Field

from flows.findings import Finding, did_you_mean, error, has_errors, warning
from flows.memory import Memory
from flows.validation import validate
from flows.yamlnodes import ListNode, MapNode, Node, ScalarNode
from voipbin_sip.directory.carriers import ProviderEntry, RouteEntry, TrunkEntry
from voipbin_sip.directory.fields import Entry
from voipbin_sip.directory.people import ConferenceEntry, ExtensionEntry, NumberEntry
from voipbin_sip.named_files import read_secret, secret_findings, value_at

_NAMED_BY = (
    ("numbers", "number"),
    ("extensions", "extension"),
    ("conferences", "id"),
    ("trunks", "domain_name"),
    ("providers", "id"),
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FLOWS = (("numbers", "flow"), ("conferences", "pre_flow_id"), ("conferences", "post_flow_id"))


class DirectoryFile(Entry):
    """The whole file."""

    numbers: tuple[NumberEntry, ...] = Field(default=(), description="Which number runs which flow")
    extensions: tuple[ExtensionEntry, ...] = Field(default=(), description="Phones")
    conferences: tuple[ConferenceEntry, ...] = Field(default=(), description="Rooms")
    trunks: tuple[TrunkEntry, ...] = Field(default=(), description="PBXes that call in and out through us")
    providers: tuple[ProviderEntry, ...] = Field(default=(), description="Carriers")
    routes: tuple[RouteEntry, ...] = Field(default=(), description="Which numbers go out by which provider")


def load_directory(
    path: Path,
    flow_names: Collection[str] | None,
    base: Path | None = None,
    memory: Memory | None = None,
) -> tuple[DirectoryFile | None, list[Finding]]:
    """Read the directory, and check it against the flows if they are known; with any error there is none.

    Password files are looked at where it is known from which folder their paths are counted (`base`). With the
    `memory` of the last time, a file that says the same is not read again.
    """
    node, findings = (memory or Memory()).nodes(path)
    if node is None:
        return None, findings
    entries = validate(node, DirectoryFile, findings)
    for section, key in _NAMED_BY:
        findings += _repeated(key, _values(node, section, key))
    if flow_names is not None:
        for section, key in _FLOWS:
            findings += _unknown("flow", _values(node, section, key), flow_names)
    providers = [value.text for value in _values(node, "providers", "id")]
    findings += _unknown("provider", _values(node, "routes", "provider_id"), providers)
    if entries is not None and base is not None:
        findings += _unreadable(node, entries, base)
    return (None if has_errors(findings) else entries), findings


def _unreadable(node: Node, entries: DirectoryFile, base: Path) -> Iterator[Finding]:
    """Yield the password files that cannot be read, at the keys that name them."""
    for section in ("extensions", "trunks", "providers"):
        for number, entry in enumerate(getattr(entries, section)):
            if entry.password is None and entry.password_file is not None:
                place = value_at(node, section, number, "password_file")
                yield from secret_findings(partial(read_secret, base / entry.password_file), place)


def _unknown(kind: str, values: list[ScalarNode], names: Collection[str]) -> Iterator[Finding]:
    """Yield the references that lead nowhere."""
    for value in values:
        if not value.text or value.text in names:
            continue
        if kind == "flow" and _UUID.fullmatch(value.text):
            yield warning(value, f"no file has the flow {value.text}; it has to be one that the API made")
        else:
            yield error(value, f"there is no {kind} '{value.text}'{did_you_mean(value.text, names)}")


def _values(node: Node, section: str, key: str) -> list[ScalarNode]:
    """Return the scalars of one key in all entries of a section, as far as they are there."""
    entries = node.entries.get(section) if isinstance(node, MapNode) else None
    items = entries.items if isinstance(entries, ListNode) else ()
    values = [item.entries.get(key) for item in items if isinstance(item, MapNode)]
    return [value for value in values if isinstance(value, ScalarNode)]


def _repeated(key: str, values: list[ScalarNode]) -> list[Finding]:
    first: dict[str, ScalarNode] = {}
    findings = []
    for value in values:
        if value.text in first:
            line = first[value.text].line
            findings.append(error(value, f"{key} '{value.text}' stands already at line {line}"))
        first.setdefault(value.text, value)
    return findings
