"""The files of a configuration: whether they are still those that were read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from flows.loader import SUFFIXES
from voipbin_sip.config import Locations
from voipbin_sip.directory import DirectoryFile

State = Mapping[Path, tuple[int, int, int] | None]


def state_of(files: Iterable[Path]) -> State:
    """Return what changes with each file, behind symbolic links too; None where there is none."""
    return {path: _state(path) for path in files}


def files_of(config: Path, places: Locations, directory: DirectoryFile) -> Iterator[Path]:
    """Yield the files that make a configuration: its own, the directory, passwords, the flows of now."""
    yield config
    yield places.directory
    secrets = [entry.password_file for entry in directory.extensions]
    secrets += [entry.password_file for entry in directory.trunks]
    secrets += [entry.password_file for entry in directory.providers]
    yield from (places.base / secret for secret in secrets if secret is not None)
    try:
        yield from sorted(path for path in places.flows.iterdir() if path.suffix in SUFFIXES)
    except OSError:
        return  # the folder is gone, which is a change too: its files are missing


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
