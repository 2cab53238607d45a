"""The keys of voipbin.yaml and directory.yaml, of their JSON Schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reference.tables import of_schema, reference
from voipbin_sip.schemas import SCHEMAS


def configuration() -> Iterator[str]:
    """Yield docs/reference/configuration.md: plain keys first, then each section with those within it."""
    schema = SCHEMAS["config"]()
    sections = {name: key for name, key in schema["properties"].items() if reference(key)}
    yield from ("", "## At the top", "", *of_schema(schema, sections))
    for name, key in sections.items():
        yield from _section(name, key, schema["$defs"])


def _section(name: str, key: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    schema = known[reference(key)]
    within = {inner: value for inner, value in schema["properties"].items() if reference(value)}
    yield from ("", f"## {name}", "", f"{key['description']}.", "", *of_schema(schema, within))
    for inner, value in within.items():
        yield from _section(f"{name}.{inner}", value, known)


def directory() -> Iterator[str]:
    """Yield docs/reference/directory.md: each list, and the mappings that its entries hold."""
    schema = SCHEMAS["directory"]()
    told: set[str] = set()
    for name, key in schema["properties"].items():
        yield from ("", f"## {name}", "", f"{key['description']}.", "")
        entry = schema["$defs"][reference(key)]
        yield from of_schema(entry)
        for inner, value in entry["properties"].items():
            yield from _within(inner, value, schema["$defs"], told)


def _within(name: str, key: dict[str, Any], known: dict[str, Any], told: set[str]) -> Iterator[str]:
    """Yield the table of a mapping within an entry, once."""
    found = reference(key)
    if not found or found in told:
        return
    told.add(found)
    yield from ("", f"### {name}", "", *of_schema(known[found]))
    for inner, value in known[found]["properties"].items():
        yield from _within(inner, value, known, told)
