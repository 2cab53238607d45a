"""How commands on the same machine find the running server: one file in the data folder, readable by us only.

It names the process, the address of the API and a token that is good until the server ends. Who can read the file
owns the data folder anyway.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

RUNNING_FILE = "running.json"


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs, or ran and was killed."""

    pid: int
    api: str  # base URL, to be reached from this machine
    token: str  # for `Authorization: Bearer`


def new_token() -> str:
    """Return a token that nobody can guess, in the form of an access key."""
    return f"vb_{secrets.token_urlsafe(32)}"


def announce(data: Path, running: Running) -> None:
    """Write the file in one go. Raises OSError."""
    number, name = tempfile.mkstemp(dir=data, prefix=f".{RUNNING_FILE}.")  # mode 0600
    try:
        with os.fdopen(number, "w") as file:
            json.dump(asdict(running), file)
        Path(name).replace(data / RUNNING_FILE)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def withdraw(data: Path, running: Running) -> None:
    """Remove the file, unless another server has written its own meanwhile."""
    if find(data) == running:
        with suppress(OSError):
            (data / RUNNING_FILE).unlink()


def find(data: Path) -> Running | None:
    """Return the server that says to run on a data folder, None where none does."""
    try:
        told = json.loads((data / RUNNING_FILE).read_text())
        return Running(int(told["pid"]), str(told["api"]), str(told["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_alive(pid: int) -> bool:
    """Return whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
