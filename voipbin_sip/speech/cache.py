"""Spoken utterances kept on disk, and the newest of them in memory.

A file is named by the SHA-256 of everything that makes the sound what it is, so an entry never goes stale;
when the engine changes, old files are simply not asked for again and are the first to be removed. Files and
folder are readable by the server's user only, because prompts may hold names and numbers of callers.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import zlib
from collections import OrderedDict
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

_log = structlog.get_logger(__name__)

_HEAD = struct.Struct("<8sIII")  # mark, rate in Hz, count of samples, CRC-32 of the samples
_MARK = b"speech\x00\x01"
_SUFFIX = ".speech"


class MemoryCache:
    """The utterances spoken last, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._entries: OrderedDict[str, NDArray[np.int16]] = OrderedDict()

    def get(self, key: str) -> NDArray[np.int16] | None:
        """Return the utterance, or None."""
        sound = self._entries.get(key)
        if sound is not None:
            self._entries.move_to_end(key)
        return sound

    def put(self, key: str, sound: NDArray[np.int16]) -> None:
        """Keep an utterance, in place of the ones not used for longest."""
        if key in self._entries or sound.nbytes > self._limit:
            return
        self._entries[key] = sound
        self._used += sound.nbytes
        while self._used > self._limit:
            _, oldest = self._entries.popitem(last=False)
            self._used -= oldest.nbytes


class DiskCache:
    """A folder of utterances, up to a number of bytes; least recently used files go first.

    May be called from several threads. Every fault of the disk is a warning, once, and a cache miss.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._sizes: OrderedDict[str, int] | None = None  # key -> bytes, the least recently used first
        self._used = 0
        self._warned = False

    def get(self, key: str, rate: int) -> NDArray[np.int16] | None:
        """Return an utterance as read-only int16 mono at `rate` Hz, or None. A damaged file is removed."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn("read", error)
            return None
        sound = _unpack(data, rate)
        if sound is None:
            _log.warning("removed a damaged file from the speech cache", file=path.name)
            self._forget(key)
            return None
        self._touch(key)
        return sound

    def put(self, key: str, rate: int, sound: NDArray[np.int16]) -> None:
        """Write an utterance; it is there completely or not at all."""
        data = _pack(sound, rate)
        if len(data) > self._limit:
            return
        path = self._path(key)
        part = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
        with self._lock:
            self._index()  # before there is a part of ours, which it would take for one that was left behind
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
            part.replace(path)
        except OSError as error:
            self._warn("write", error)
            with contextlib.suppress(OSError):
                part.unlink()
            return
        with self._lock:
            sizes = self._index()
            self._used += len(data) - sizes.get(key, 0)
            sizes[key] = len(data)
            sizes.move_to_end(key)
        self._shrink()

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / (key + _SUFFIX)

    def _touch(self, key: str) -> None:
        with self._lock:
            if self._sizes is not None and key in self._sizes:
                self._sizes.move_to_end(key)
        try:
            os.utime(self._path(key))  # so that the order of use survives a restart
        except OSError as error:
            self._warn("touch", error)

    def _forget(self, key: str) -> None:
        with self._lock:
            self._used -= self._index().pop(key, 0)
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            self._warn("remove", error)

    def _shrink(self) -> None:
        while True:
            with self._lock:
                if self._used <= self._limit:
                    return
                key = next(iter(self._index()))
            self._forget(key)

    def _index(self) -> OrderedDict[str, int]:
        """Return what the folder holds, read from the disk at the first `put`; the caller holds the lock."""
        if self._sizes is None:
            found = []
            for path in self._folder.glob("??/*"):
                try:
                    status = path.stat()
                    if path.suffix == _SUFFIX:
                        found.append((status.st_mtime_ns, path.stem, status.st_size))
                    elif path.suffix == ".part":
                        path.unlink()  # left by a server that was killed
                except OSError as error:
                    self._warn("list", error)
            found.sort()
            self._sizes = OrderedDict((key, size) for _, key, size in found)
            self._used = sum(self._sizes.values())
        return self._sizes

    def _warn(self, doing: str, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("the speech cache does not work", doing=doing, error=str(error))


def _pack(sound: NDArray[np.int16], rate: int) -> bytes:
    samples = sound.astype("<i2", copy=False).tobytes()
    return _HEAD.pack(_MARK, rate, len(sound), zlib.crc32(samples)) + samples


def _unpack(data: bytes, rate: int) -> NDArray[np.int16] | None:
    if len(data) < _HEAD.size:
        return None
    mark, stored_rate, count, check = _HEAD.unpack_from(data)
    samples = memoryview(data)[_HEAD.size :]
    if mark != _MARK or stored_rate != rate or len(samples) != 2 * count or zlib.crc32(samples) != check:
        return None
    return np.frombuffer(samples, "<i2").astype(np.int16, copy=False)
