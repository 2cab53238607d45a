"""Passwords: those that the operator gave, and those of extensions that the server made itself."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from voipbin_sip.directory.carriers import ProviderEntry, TrunkEntry
from voipbin_sip.directory.people import ExtensionEntry
from voipbin_sip.directory.reading import DirectoryFile
from voipbin_sip.named_files import read_secret

PASSWORD_FILE = "extensions.json"
ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no letters that look alike


@dataclass(frozen=True, slots=True)
class Secrets:
    """Every password of a directory."""

    extensions: Mapping[str, str] = field(default_factory=dict)
    trunks: Mapping[str, str] = field(default_factory=dict)  # by domain_name
    providers: Mapping[str, str] = field(default_factory=dict)  # by id


def read_secrets(entries: DirectoryFile, base: Path, data: Path) -> Secrets:
    """Return all passwords; those of extensions are made where there are none. Raises OSError, BadSecretError."""
    trunks = {entry.domain_name: _given(entry, base) for entry in entries.trunks}
    providers = {entry.id: _given(entry, base) for entry in entries.providers}
    return Secrets(
        read_passwords(entries, base, data),
        {name: password for name, password in trunks.items() if password is not None},
        {name: password for name, password in providers.items() if password is not None},
    )


def read_passwords(entries: DirectoryFile, base: Path, data: Path) -> dict[str, str]:
    """Return the password of each extension; missing ones are made and kept in `data`, readable by us only.

    Raises:
        OSError: `data` cannot be read or written.
        BadSecretError: a password file cannot be read.
    """
    store = data / PASSWORD_FILE
    made: dict[str, str] = json.loads(store.read_text()) if store.exists() else {}
    passwords, new = {}, False
    for entry in entries.extensions:
        password = _given(entry, base)
        if password is None:
            if entry.extension not in made:
                made[entry.extension] = new_password()
                new = True
            password = made[entry.extension]
        passwords[entry.extension] = password
    if new:
        _write_private(store, json.dumps(made, indent=1) + "\n")
    return passwords


def new_password() -> str:
    """Return a password that nobody can guess and that can be typed from paper."""
    return "".join(secrets.choice(ALPHABET) for _ in range(16))


def _given(entry: ExtensionEntry | TrunkEntry | ProviderEntry, base: Path) -> str | None:
    """Return the password that the operator gave."""
    if entry.password is None and entry.password_file is not None:
        return read_secret(base / entry.password_file)
    return entry.password


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
