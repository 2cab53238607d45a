"""Writes the tables of docs/map.md and docs/flows.md from the code; with --check only compares."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from flows.actions.base import ActionType, Failure, Media
from flows.actions.registry import ACTION_TYPES

ROOT = Path(__file__).resolve().parents[1]
MARK = "<!-- from here on written by scripts/documents.py -->"
STANDARD = re.compile(r"RFC \d{4}|ITU-T [A-Z]\.\d+")


def module_tables() -> Iterator[str]:
    """Yield docs/map.md: each module with the first paragraph of its docstring and the standards it names."""
    for package in ("flows", "media", "voipbin_sip"):
        yield from ("", f"## {package}", "", "| module | what | standard |", "|---|---|---|")
        for path in sorted((ROOT / package).rglob("*.py")):
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            first = " ".join(text.partition("\n\n")[0].split()).replace("|", "/")
            standards = ", ".join(dict.fromkeys(STANDARD.findall(text)))
            yield f"| `{path.relative_to(ROOT).as_posix()}` | {first} | {standards} |"


def action_tables() -> Iterator[str]:
    """Yield docs/flows.md: each action with its options."""
    for name, action in ACTION_TYPES.items():
        yield from ("", f"### {name}", "", inspect.cleandoc(action.__doc__ or ""), "", traits(action))
        if action.model_fields:
            yield from ("", "| option | type | default | meaning |", "|---|---|---|---|")
        for key, field in action.model_fields.items():
            default = (
                "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
            )
            meaning = (field.description or "").replace("|", "/")
            yield f"| `{field.alias or key}` | {type_name(field.annotation)} | {default} | {meaning} |"


def traits(action: type[ActionType]) -> str:
    """Return what holds for the action beside its options."""
    parts = ["Waits until it is over." if action.waits else "Goes on at once."]
    if action.media is Media.CALL:
        parts.append("Needs a call.")
    after = "the next step runs" if action.failure is Failure.SKIP else "the run ends"
    return " ".join([*parts, f"If it fails, {after}."])


def type_name(annotation: object) -> str:
    """Return a type as an operator would call it."""
    text = getattr(annotation, "__name__", "") if isinstance(annotation, type) else str(annotation)
    if "Literal" in text:
        return " ".join(f"`{choice}`" for choice in re.findall(r"'([^']+)'", text))
    kinds = {"str": "text", "int": "number", "float": "number", "bool": "true or false"}
    kinds |= {"list": "list", "tuple": "list", "dict": "map", "Mapping": "map"}
    name = re.split(r"[\[ ]", text)[0].rpartition(".")[2]
    return kinds.get(name, name)


def render(page: Path, tables: Callable[[], Iterator[str]]) -> str:
    """Return a page: what stands above the mark, and the tables."""
    head = page.read_text(encoding="utf-8").partition(MARK)[0]
    return "\n".join([head + MARK, *tables()]) + "\n"


if __name__ == "__main__":
    for name, tables in (("map.md", module_tables), ("flows.md", action_tables)):
        page = ROOT / "docs" / name
        text = render(page, tables)
        if "--check" not in sys.argv:
            page.write_text(text, encoding="utf-8")
        elif page.read_text(encoding="utf-8") != text:
            sys.exit(f"docs/{name} is not what the code says; run python scripts/documents.py")
