"""`config/directory.yaml`: numbers and extensions, and the passwords that the server made itself."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from flows.findings import Finding, did_you_mean, error, has_errors
from flows.validation import validate
from flows.yamlnodes import ListNode, MapNode, Node, ScalarNode, load_nodes

PASSWORD_FILE = "extensions.json"
ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no letters that look alike


def _number(text: str) -> str:
    bare = text.removeprefix("+")
    if not bare or not all(char in "0123456789*#" for char in bare) or len(bare) > 32:
        raise ValueError("must be digits, * and #, with a leading + for E.164")
    if text.startswith("+") and not (bare.isdigit() and 7 <= len(bare) <= 15 and bare[0] != "0"):
        raise ValueError("an E.164 number has 7 to 15 digits after the + and does not begin with 0")
    return text


def _user(text: str) -> str:
    if not all(char.isalnum() or char in "-_." for char in text):
        raise ValueError("may hold letters, digits, dot, dash and underscore")
    return text


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NumberEntry(_Entry):
    """A number that runs a flow."""

    number: Annotated[str, AfterValidator(_number)]
    flow: str
    public: bool = False
    name: str = ""
    detail: str = ""


class ExtensionEntry(_Entry):
    """A phone."""

    extension: Annotated[str, AfterValidator(_user), Field(min_length=1, max_length=64)]
    name: str = ""
    detail: str = ""
    password: Annotated[str, Field(min_length=1)] | None = None
    password_file: Path | None = None


class ConferenceEntry(_Entry):
    """A room that flows lead callers into."""

    id: Annotated[str, AfterValidator(_user), Field(min_length=1, max_length=64)]
    name: str = ""
    detail: str = ""
    pre_flow_id: str = ""  # each caller goes through it first
    post_flow_id: str = ""  # and through this one who is still there afterwards


class DirectoryFile(_Entry):
    """The whole file."""

    numbers: list[NumberEntry] = []
    extensions: list[ExtensionEntry] = []
    conferences: list[ConferenceEntry] = []
    trunks: list[dict[str, str]] = Field(default=[], max_length=0)


@dataclass(frozen=True, slots=True)
class Directory:
    """Who can be reached; swapped as a whole."""

    numbers: Mapping[str, NumberEntry] = field(default_factory=dict)
    extensions: Mapping[str, ExtensionEntry] = field(default_factory=dict)
    passwords: Mapping[str, str] = field(default_factory=dict)
    conferences: Mapping[str, ConferenceEntry] = field(default_factory=dict)

    def password(self, extension: str) -> str | None:
        """Return the password of an extension, None for an unknown one."""
        return self.passwords.get(extension)


def load_directory(
    path: Path, flow_names: Collection[str] | None
) -> tuple[DirectoryFile | None, list[Finding]]:
    """Read the directory, and check it against the flows if they are known; with any error there is none."""
    node, findings = load_nodes(path)
    if node is None:
        return None, findings
    entries = validate(node, DirectoryFile, findings)
    for section, key in (("numbers", "number"), ("extensions", "extension"), ("conferences", "id")):
        findings += _repeated(key, _values(node, section, key))
    flows = [("numbers", "flow"), ("conferences", "pre_flow_id"), ("conferences", "post_flow_id")]
    for flow in (value for section, key in flows for value in _values(node, section, key) if value.text):
        if flow_names is not None and flow.text not in flow_names:
            findings.append(
                error(flow, f"there is no flow '{flow.text}'{did_you_mean(flow.text, flow_names)}")
            )
    return (None if has_errors(findings) else entries), findings


def read_passwords(entries: DirectoryFile, base: Path, data: Path) -> dict[str, str]:
    """Return the password of each extension; missing ones are made and kept in `data`, readable by us only.

    Raises:
        OSError: a password file cannot be read, or `data` cannot be written.
    """
    store = data / PASSWORD_FILE
    made: dict[str, str] = json.loads(store.read_text()) if store.exists() else {}
    passwords, new = {}, False
    for entry in entries.extensions:
        if entry.password is not None:
            passwords[entry.extension] = entry.password
        elif entry.password_file is not None:
            passwords[entry.extension] = (base / entry.password_file).read_text().strip()
        else:
            if entry.extension not in made:
                made[entry.extension] = "".join(secrets.choice(ALPHABET) for _ in range(16))
                new = True
            passwords[entry.extension] = made[entry.extension]
    if new:
        _write_private(store, json.dumps(made, indent=1) + "\n")
    return passwords


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


def _write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 in one step, so that a crash leaves the old one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
