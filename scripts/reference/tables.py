"""Markdown tables, and JSON Schemas as such."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

_WORDS = {
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "string": "text",
    "object": "mapping",
}
_LIMITS = (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "up to"))


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield "|---" * len(names) + "|"
    for row in rows:
        yield f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in row)} |"


def of_schema(schema: dict[str, Any], skip: Iterable[str] = ()) -> Iterator[str]:
    """Yield the table of an object's keys."""
    required = schema.get("required", [])
    rows = [
        (
            f"`{name}`",
            kind(key),
            "required" if name in required else shown(key.get("default")),
            key["description"],
        )
        for name, key in schema["properties"].items()
        if name not in skip
    ]
    yield from table(("key", "type", "default", "what"), rows)


def reference(key: dict[str, Any]) -> str:
    """Return the name of the schema that a key, or the entries of its list, leads to; "" for none."""
    return str(key.get("$ref") or key.get("items", {}).get("$ref", "")).rpartition("/")[2]


def kind(key: dict[str, Any]) -> str:
    """Return the type of a key in words."""
    if "anyOf" in key:
        return " or ".join(kind(choice) for choice in key["anyOf"] if choice.get("type") != "null")
    if "const" in key:
        return f"`{key['const']}`"
    if "enum" in key:
        return ", ".join(f"`{word}`" for word in key["enum"])
    if key.get("format") == "path":
        return "path"
    type_ = key.get("type")
    if type_ == "array":
        return "list of mappings" if reference(key) else "list"
    word = "text" if isinstance(type_, list) else _WORDS.get(str(type_), "mapping")
    limits = [f"{name} {key[limit]:.10g}" for limit, name in _LIMITS if limit in key]
    return ", ".join([word, *limits])


def shown(value: Any) -> str:
    """Return a default as it would stand in a file."""
    if value in ("", None, [], {}) or isinstance(value, dict):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{value:.10g}`"
    if isinstance(value, list):
        return " ".join(f"`{entry}`" for entry in value)
    return f"`{value}`"
