"""The disk: may the data folder be written, is there room for recordings, are secrets closed to others."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from voipbin_sip.directory import ExtensionEntry, ProviderEntry, TrunkEntry
from voipbin_sip.directory.secrets import PASSWORD_FILE
from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import Patient
from voipbin_sip.observe.running import RUNNING_FILE, find, is_alive
from voipbin_sip.recordings.folder import RecordingFolder
from voipbin_sip.store.backend import DATABASE_FILE

GB = 1_000_000_000
MINUTE = 960_000  # octets of a minute of recording: 8 kHz, 16 bit
LITTLE = 1 * GB
NOTHING = 50_000_000
FEW_NODES = 1000
MOST_KEPT = 200_000  # recordings that are counted


async def disk(patient: Patient, notes: Notes) -> None:
    """Look at the data folder."""
    await apart(lambda: _look(patient, notes))


async def secrets(patient: Patient, notes: Notes) -> None:
    """Look who may read what nobody should."""
    await apart(lambda: _closed(patient, notes))


def _look(patient: Patient, notes: Notes) -> None:
    data, where = patient.places.data, patient.key("data_dir")
    folder = data
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
    except PermissionError as closed:
        _no_right(notes, data, closed, where)
        return
    if not folder.is_dir():
        notes.error(
            f"the data folder {data} cannot be made: {folder} is a file",
            "move it away, or change data_dir",
            where=where,
        )
        return
    if folder == data:
        fault = _write(data)
        if fault is not None:
            _no_right(notes, data, fault, where)
        else:
            notes.ok(f"the data folder {data} can be written")
    elif os.access(folder, os.W_OK | os.X_OK):
        notes.ok(f"the data folder {data} is made at the first start")
    else:
        notes.error(
            f"the data folder {data} cannot be made: {folder} is closed to this user",
            f"make it and give it away: install -d -m 700 -o USER {data}",
            where=where,
        )
    _room(patient, notes, folder, where)
    _stale(notes, data)


def _no_right(notes: Notes, data: Path, fault: OSError, where: str) -> None:
    notes.error(
        f"cannot write to the data folder {data}: {fault.strerror}",
        "make room, give this user the right to, or change data_dir",
        where=where,
    )


def _write(data: Path) -> OSError | None:
    """Return why a file with something in it cannot be written; an empty one fits on a full disk."""
    probe = data / f".doctor-{os.getpid()}"
    try:
        try:
            probe.write_bytes(bytes(8192))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        return error
    return None


def _room(patient: Patient, notes: Notes, folder: Path, where: str) -> None:
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if found.f_files and found.f_favail < FEW_NODES:
        notes.error(
            f"the disk of {folder} has room for {found.f_favail} more files only",
            "remove small files; df -i shows where they are",
            where=where,
        )
    bound = patient.config.recordings.bounds.octets
    kept = sum(one.size for one in RecordingFolder(patient.places.data).all()[:MOST_KEPT])
    left = f"{_size(free)} free on the disk of {folder}"
    if free < NOTHING:
        notes.error(f"{left}: it is full", "recordings and the database stop: make room", where=where)
    elif free < LITTLE:
        notes.warning(
            f"{left}, room for {free // MINUTE} minutes of recording",
            "make room, or set recordings.max_gb",
            where=where,
        )
    elif bound and bound - kept > free:
        notes.warning(
            f"{left}, less than recordings.max_gb lets recordings grow ({_size(kept)} of {_size(bound)})",
            "make room, or lower recordings.max_gb: else the disk is full before the oldest ones go",
            where=patient.key("recordings", "max_gb"),
        )
    else:
        notes.ok(f"{left}; recordings take {_size(kept)}")


def _stale(notes: Notes, data: Path) -> None:
    left = find(data)
    if left is not None and not is_alive(left.pid):
        notes.info(
            f"{data / RUNNING_FILE} is of a server that was killed (process {left.pid})",
            "nothing has to be done: the next one replaces it",
        )


def _closed(patient: Patient, notes: Notes) -> None:
    open_ones = 0
    for path in _secret_files(patient):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue  # not there yet, or `check` tells
        if mode & 0o007:
            open_ones += 1
            notes.warning(
                f"{path} holds secrets and can be read by every user of this machine", f"chmod 600 {path}"
            )
    try:
        mode = stat.S_IMODE(patient.places.data.stat().st_mode)
    except OSError:
        mode = 0o700
    if mode & 0o007:
        open_ones += 1
        notes.warning(
            f"the data folder {patient.places.data} is open to every user of this machine",
            f"chmod 700 {patient.places.data}",
        )
    if not open_ones:
        notes.ok("files with secrets are closed to others")


def _secret_files(patient: Patient) -> Iterator[Path]:
    """Yield the files that hold passwords or keys."""
    base, data, config, directory = (
        patient.places.base,
        patient.places.data,
        patient.config,
        patient.directory,
    )
    yield from (data / name for name in (DATABASE_FILE, PASSWORD_FILE, RUNNING_FILE))
    entries: list[ExtensionEntry | TrunkEntry | ProviderEntry]
    entries = [*directory.extensions, *directory.trunks, *directory.providers]
    named = [entry.password_file for entry in entries] + [
        config.smtp.password_file,
        config.webhook.secret_file,
    ]
    yield from dict.fromkeys(base / path for path in named if path is not None)
    if any(entry.password is not None for entry in entries):
        yield patient.places.directory
    if config.webhook.secret or ":" in config.database.url.rpartition("@")[0].partition("://")[2]:
        yield patient.path


def _size(octets: int) -> str:
    return f"{octets / GB:.1f} GB" if octets >= GB else f"{octets / 1_000_000:.0f} MB"
