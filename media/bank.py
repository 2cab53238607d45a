"""The clip bank: decoded prompts in one shared memory file, written by the control side, read by all workers.

Space is given out first fit. The same sound added twice is stored once. A stretch of sound stays while a `Clip` or
a playout refers to it; after that it is kept as long as there is room and evicted oldest first.
"""

from __future__ import annotations

import asyncio
import hashlib
import mmap
import os
from collections import OrderedDict
from collections.abc import Sequence
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from media.messages import ClipRef, PlayDone
from media.rtp import FRAME

DEFAULT_SAMPLES = 1 << 27  # 256 MiB of address space; memory is used as clips come
RATES = (8000, 16000)
_ALIGN = 32  # samples: a cache line


class BankFull(Exception):  # noqa: N818 - reads as what happened
    """Everything in the clip bank is in use."""


class _Region:
    """A stretch of the bank."""

    __slots__ = ("key", "ref", "users")

    def __init__(self, ref: ClipRef, key: bytes) -> None:
        self.ref = ref
        self.key = key
        self.users = 0


class Clip:
    """A caller's hold on sound in the bank: release it, use it as a context, or let it be garbage."""

    __slots__ = ("_bank", "_region")

    def __init__(self, bank: ClipBank, region: _Region) -> None:
        self._bank = bank
        self._region: _Region | None = region
        bank.use(region)

    @property
    def region(self) -> _Region:
        """The stretch of the bank; raises ValueError after `release`."""
        if self._region is None:
            raise ValueError("the clip has been released")
        return self._region

    @property
    def ref(self) -> ClipRef:
        """Where the sound is."""
        return self.region.ref

    @property
    def milliseconds(self) -> int:
        """Length of the sound."""
        return self.ref.samples * 1000 // self.ref.rate

    def release(self) -> None:
        """Give up the hold; playouts that use the sound keep it until they are done."""
        if self._region is not None:
            self._bank.unuse(self._region)
            self._region = None

    def __enter__(self) -> Clip:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


class ClipBank:
    """The control side's view of the bank."""

    def __init__(self, samples: int = DEFAULT_SAMPLES) -> None:
        self.samples = samples
        self.fd = os.memfd_create("voipbin-clips", os.MFD_CLOEXEC)
        os.ftruncate(self.fd, (samples + FRAME) * 2)
        self._sound = np.frombuffer(mmap.mmap(self.fd, (samples + FRAME) * 2), np.int16)
        self._free: list[tuple[int, int]] = [(0, samples)]  # offset and length, by offset
        self._known: dict[bytes, _Region] = {}
        self._idle: OrderedDict[bytes, _Region] = OrderedDict()  # least recently used first

    def add(self, pcm: NDArray[np.int16], rate: int) -> Clip:
        """Store int16[n] mono sound of 8000 or 16000 Hz; raises BankFull and ValueError."""
        if rate not in RATES:
            raise ValueError(f"a clip has 8000 or 16000 Hz, not {rate}")
        if pcm.ndim != 1 or pcm.dtype != np.int16:
            raise ValueError(f"a clip is int16[n], not {pcm.dtype}{list(pcm.shape)}")
        sound = np.ascontiguousarray(pcm)
        key = hashlib.blake2b(sound.data, digest_size=16, salt=rate.to_bytes(4, "big")).digest()
        region = self._known.get(key)
        if region is None:
            offset = self._allocate(len(sound))
            self._sound[offset : offset + len(sound)] = sound
            region = self._known[key] = _Region(ClipRef(offset, len(sound), rate), key)
        return Clip(self, region)

    def pin(self, clips: Sequence[Clip], done: asyncio.Future[PlayDone]) -> None:
        """Keep the sound of these clips until `done` is."""
        regions = [clip.region for clip in clips]
        for region in regions:
            self.use(region)

        def unpin(_: object) -> None:
            for region in regions:
                self.unuse(region)

        done.add_done_callback(unpin)

    def use(self, region: _Region) -> None:
        """Count one more user of a region."""
        region.users += 1
        self._idle.pop(region.key, None)

    def unuse(self, region: _Region) -> None:
        """Count one user less; what nobody uses may be evicted."""
        region.users -= 1
        if region.users == 0:
            self._idle[region.key] = region

    def close(self) -> None:
        """Close the file; the memory goes when its last user does."""
        os.close(self.fd)

    def _allocate(self, samples: int) -> int:
        """Find room, evicting what is unused."""
        size = max(_ALIGN, -(-samples // _ALIGN) * _ALIGN)
        while True:
            for place, (offset, length) in enumerate(self._free):
                if length >= size:
                    self._free[place : place + 1] = [(offset + size, length - size)] if length > size else []
                    return offset
            if not self._idle:
                raise BankFull(f"no room for {samples} samples of sound in a bank of {self.samples}")
            _, region = self._idle.popitem(last=False)
            del self._known[region.key]
            self._give_back(region.ref.offset, max(_ALIGN, -(-region.ref.samples // _ALIGN) * _ALIGN))

    def _give_back(self, offset: int, size: int) -> None:
        """Return a stretch to the free list, joined with its neighbours."""
        joined: list[tuple[int, int]] = []
        for start, length in sorted([*self._free, (offset, size)]):
            if joined and joined[-1][0] + joined[-1][1] == start:
                joined[-1] = (joined[-1][0], joined[-1][1] + length)
            else:
                joined.append((start, length))
        self._free = joined


def map_bank(fd: int) -> NDArray[np.int16]:
    """Map a bank read-only, as a worker does."""
    size = os.fstat(fd).st_size
    return np.frombuffer(mmap.mmap(fd, size, prot=mmap.PROT_READ), np.int16)
