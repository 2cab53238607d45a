"""Writes docs/map.md and the pages of docs/reference/ from the code, below their mark; with --check only compares."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from reference.api import requests
from reference.commands import commands
from reference.events import events
from reference.files import configuration, directory
from reference.flows import actions, variables
from reference.metrics import metrics

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


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "map.md": module_tables,
    "reference/actions.md": actions,
    "reference/api.md": requests,
    "reference/commands.md": commands,
    "reference/configuration.md": configuration,
    "reference/directory.md": directory,
    "reference/events.md": events,
    "reference/metrics.md": metrics,
    "reference/variables.md": variables,
}


def render(page: Path, tables: Callable[[], Iterator[str]]) -> str:
    """Return a page: what stands above the mark, and the tables."""
    head = page.read_text(encoding="utf-8").partition(MARK)[0]
    return "\n".join([head + MARK, *tables()]) + "\n"


if __name__ == "__main__":
    for name, tables in PAGES.items():
        page = ROOT / "docs" / name
        text = render(page, tables)
        if "--check" not in sys.argv:
            page.write_text(text, encoding="utf-8")
        elif page.read_text(encoding="utf-8") != text:
            sys.exit(f"docs/{name} is not what the code says; run python scripts/documents.py")
