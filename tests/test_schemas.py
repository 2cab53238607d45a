"""The schemas in config/schema/ are those of the code, and every shipped file names the one that it keeps to."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*(ROOT / "config").rglob("*.yaml"), *(ROOT / "bench" / "config").rglob("*.yaml")])


class _Loader(yaml.SafeLoader):
    """Reads dates as text, as editors do."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, form) for tag, form in resolvers if not tag.endswith("timestamp")]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def test_they_are_what_the_code_says() -> None:
    check = subprocess.run(
        [sys.executable, ROOT / "scripts/schemas.py", "--check"], capture_output=True, text=True
    )
    assert check.returncode == 0, check.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_shipped_file_keeps_to_the_schema_that_it_names(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert named is not None
    schema = json.loads((path.parent / named.group(1)).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    document = yaml.load(text, _Loader)  # a SafeLoader
    assert [fault.message for fault in Draft202012Validator(schema).iter_errors(document)] == []
