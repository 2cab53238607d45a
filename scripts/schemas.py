"""Writes the schemas for editors to config/schema/ from the code, and into each shipped file the line that names its.

With --check only compares.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from voipbin_sip.schemas import SCHEMAS, schema_text

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "config" / "schema"
FILES = {
    "*config/voipbin.yaml": "config",
    "*config/directory.yaml": "directory",
    "*config/flows/*.yaml": "flow",
    "*config/scenarios/*.yaml": "scenarios",
}
MARK = "# yaml-language-server: $schema="


def wanted() -> Iterator[tuple[Path, str]]:
    """Yield each file that is written here, with the text that it must have."""
    for name in SCHEMAS:
        yield FOLDER / f"{name}.json", schema_text(name)
    for top in (ROOT / "config", ROOT / "bench" / "config"):
        for path in sorted(top.rglob("*.yaml")):
            place = path.relative_to(ROOT).as_posix()
            name = next((name for form, name in FILES.items() if Path(place).match(form)), None)
            if name is None:
                sys.exit(f"{place}: which schema belongs to it? See FILES in scripts/schemas.py")
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            if lines and lines[0].startswith(MARK):
                del lines[0]
            line = f"{MARK}{os.path.relpath(FOLDER / f'{name}.json', path.parent)}\n"
            yield path, line + "".join(lines)


if __name__ == "__main__":
    for path, text in wanted():
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path.relative_to(ROOT)} is not what the code says; run python scripts/schemas.py")
