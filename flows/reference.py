"""The reference of all action types in Markdown, made of the action classes, for the documentation."""

from __future__ import annotations

from typing import Any

from flows.actions.base import ActionType, Failure, Media
from flows.actions.registry import ACTION_TYPES, NOT_YET
from flows.address import AddressOption
from flows.schema import option_schema


def action_reference() -> str:
    """Return one section for each action type, with a table of its options."""
    sections = [_section(kind) for kind in ACTION_TYPES.values()]
    sections.append(_addresses())
    known = ", ".join(f"`{name}`" for name in sorted(NOT_YET))
    return "\n".join([*sections, f"Known by name and refused until they exist: {known}.\n"])


def _addresses() -> str:
    schema = option_schema(AddressOption)
    lines = ["## Addresses", "", 'Who calls and who is called: `{type: extension, target: "1000"}`.', ""]
    return "\n".join([*lines, *_table(schema), ""])


def _section(kind: type[ActionType]) -> str:
    lines = [f"## {kind.type}", "", *_docstring(kind), ""]
    schema = option_schema(kind)
    if schema.get("properties"):
        lines += [*_table(schema), ""]
    needs = "Needs a call." if kind.media is Media.CALL else "Runs without a call too."
    failure = "the following step runs" if kind.failure is Failure.SKIP else "the run ends"
    lines += [f"{needs} When it fails, {failure}.", ""]
    return "\n".join(lines)


def _table(schema: dict[str, Any]) -> list[str]:
    options: dict[str, Any] = schema["properties"]
    rows = [_row(name, option, name in schema.get("required", [])) for name, option in options.items()]
    return ["| option | type | default | meaning |", "|---|---|---|---|", *rows]


def _docstring(kind: type[ActionType]) -> list[str]:
    return [line.strip() for line in (kind.__doc__ or "").strip().splitlines()]


def _row(name: str, option: dict[str, Any], required: bool) -> str:
    default = "required" if required else _shown(option.get("default"))
    cells = (f"`{name}`", _type(option), default, option.get("description", "–").replace("|", "\\|"))
    return f"| {' | '.join(cells)} |"


def _shown(default: Any) -> str:
    if default in ("", None, [], {}):
        return "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _type(option: dict[str, Any]) -> str:
    """Return the type in words, without the alternative of a text with a variable that every option has."""
    first = option["anyOf"][0] if "anyOf" in option else option
    if "enum" in first:
        return ", ".join(f"`{word}`" for word in first["enum"] if word and isinstance(word, str))
    if "$ref" in first:
        return "address"
    if "$ref" in first.get("items", {}):
        return "list of actions" if first["items"]["$ref"].endswith("action") else "list of addresses"
    words = {"integer": "whole number", "number": "number", "boolean": "true or false", "array": "list"}
    kind = first.get("type")
    if isinstance(kind, list):
        return "text"
    word = words.get(str(kind), "mapping" if kind == "object" else "text")
    low, high = first.get("minimum"), first.get("maximum")
    if low is not None and high is not None:
        word += f", {low} to {high}"
    elif high is not None:
        word += f", up to {high}"
    return word
