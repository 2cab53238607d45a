"""Writes the module table of docs/map.md from the modules' own docstrings; with --check only compares."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAP = ROOT / "docs" / "map.md"
MARK = "<!-- from here on written by scripts/map.py -->"
STANDARD = re.compile(r"(?:RFC \d{4}|ITU-T [A-Z]\.\d+)")


def table(package: str) -> list[str]:
    """Return the rows of one package."""
    rows = []
    for path in sorted((ROOT / package).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first = " ".join(text.partition("\n\n")[0].split())
        standards = ", ".join(dict.fromkeys(STANDARD.findall(text)))
        rows.append(f"| `{name}` | {first.replace('|', '/')} | {standards} |")
    return rows


def render() -> str:
    """Return the whole page: what stands above the mark, and the tables."""
    lines = [MAP.read_text(encoding="utf-8").partition(MARK)[0] + MARK]
    for package in ("flows", "media", "voipbin_sip"):
        lines += ["", f"## {package}", "", "| module | what | standard |", "|---|---|---|", *table(package)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    page = render()
    if "--check" in sys.argv:
        if MAP.read_text(encoding="utf-8") != page:
            sys.exit("docs/map.md is not what the modules say; run python scripts/map.py")
    else:
        MAP.write_text(page, encoding="utf-8")
