"""The recordings of a media worker on disk: a thread that writes what the tick hands over.

The tick hands over stretches of half a second and never waits: where the disk is slower than the calls, what does
not fit the queue is left out (`Disk.takes`), which the file holds as silence. The system calls of this thread
release the interpreter, and between them it holds it for no longer than `SWITCH` at a time.
"""

from __future__ import annotations

import errno
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from media.messages import Record, RecordDone
from media.resample import double, double_state, halve, halve_state
from media.wav import WavFile

WIDE = 320  # samples of a tick at 16 kHz, in a stretch; a tick at 8 kHz fills the first half
SWITCH = 0.0005  # s that this thread may keep the interpreter from the tick
QUEUE_TICKS = 200_000  # of one channel that may wait, 640 octets each: 10 s of 200 stereo recordings
# Each system call of the tick lends the interpreter to this thread for a moment. All recordings hand their sound over
# in one tick; were it written at a stretch, that tick would be late.
_SPREAD = 0.3  # s over which the sound of one tick is written
_PAUSE = 0.002  # s, the longest between two stretches
DISK_FULL = "disk full"


@dataclass(slots=True, eq=False)
class Tape:
    """One recording as tick and disk both know it."""

    order: Record
    channels: int
    fault: str = ""  # set by the disk: no more is written


@dataclass(frozen=True, slots=True)
class Stretch:
    """Sound of a recording from tick `start` on: int16[channels, ticks, 320], of which 8 kHz ticks fill half."""

    tape: Tape
    start: int
    sound: NDArray[np.int16]
    wide: NDArray[np.bool_]  # [channels, ticks]


@dataclass(frozen=True, slots=True)
class End:
    """The recording is over, or goes on in another process."""

    tape: Tape
    reason: str  # "" = elsewhere
    ticks: int
    lost: int


@dataclass(slots=True)
class _Open:
    """A recording's file, and what the rate conversions of its channels remember."""

    file: WavFile
    up: list[NDArray[np.int16]] = field(default_factory=list)
    down: list[NDArray[np.int16]] = field(default_factory=list)


_Item: TypeAlias = Tape | Stretch | End | Callable[[], object]


class Disk:
    """Writes; the thread begins with the first recording. `done` holds what has ended since somebody looked."""

    def __init__(self) -> None:
        self.done: deque[RecordDone] = deque()
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._handed = 0  # ticks by channel; counted by the tick
        self._written = 0  # counted by the thread
        self._files: dict[int, _Open] = {}
        self._thread: threading.Thread | None = None
        self._closing = False

    def begin(self, tape: Tape) -> None:
        """Make a recording's file."""
        self._start()
        self._queue.put(tape)

    def takes(self, stretch: Stretch) -> bool:
        """Hand a stretch over; False: too much waits already, and it is not written."""
        size = stretch.wide.size
        if self._handed - self._written + size > QUEUE_TICKS:
            return False
        self._handed += size
        self._queue.put(stretch)
        return True

    def end(self, end: End) -> None:
        """Close a recording's file once everything that was handed over is in it."""
        self._queue.put(end)

    def call(self, function: Callable[[], object]) -> None:
        """Have something done by the thread, in its turn."""
        self._start()
        self._queue.put(function)

    def let_go(self, recording: int) -> None:
        """Close a recording's file, with which another process goes on."""
        self._queue.put(End(Tape(Record(0, recording, "", "in", 8000), 1), "", 0, 0))

    def close(self, seconds: float = 2.0) -> None:
        """Write what waits, for `seconds` at most, and end the thread."""
        if self._thread is not None:
            self._closing = True
            self._queue.put(None)
            self._thread.join(seconds)

    def _start(self) -> None:
        if self._thread is None:
            sys.setswitchinterval(SWITCH)
            self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, Tape | Stretch | End):
                self._work(item)
            else:
                item()
            if isinstance(item, Stretch) and not self._closing:
                time.sleep(min(_SPREAD / (self._queue.qsize() + 1), _PAUSE))

    def _work(self, item: Tape | Stretch | End) -> None:
        """Do one thing that was handed over."""
        tape = item if isinstance(item, Tape) else item.tape
        try:
            match item:
                case Tape():
                    self._open(item)
                case Stretch():
                    self._write(item)
                case End():
                    self._close(item)
        except OSError as error:
            tape.fault = tape.fault or _words(error)
        finally:
            if isinstance(item, Stretch):
                self._written += item.wide.size
            if isinstance(item, End):
                self._finish(item)

    def _open(self, tape: Tape) -> None:
        number = tape.order.recording
        if number in self._files:  # it has only changed its engine
            return
        file = WavFile(Path(tape.order.path), tape.order.rate, tape.channels)
        channels = range(tape.channels if tape.order.direction != "mix" else 2)
        self._files[number] = _Open(
            file, [double_state(1) for _ in channels], [halve_state(1) for _ in channels]
        )

    def _write(self, stretch: Stretch) -> None:
        tape = stretch.tape
        opened = self._files.get(tape.order.recording)
        if opened is None or tape.fault:
            return
        rate = tape.order.rate
        voices = [
            _at_rate(stretch.sound[channel], stretch.wide[channel], rate, opened, channel)
            for channel in range(len(stretch.sound))
        ]
        if tape.order.direction == "mix":
            total = voices[0].astype(np.int32) + voices[1]
            sound = np.clip(total, -32768, 32767).astype(np.int16)
        else:
            sound = voices[0] if len(voices) == 1 else np.stack(voices, axis=1)
        opened.file.write(stretch.start * (rate // 50), sound.astype("<i2", copy=False).tobytes())
        opened.file.update()

    def _close(self, end: End) -> None:
        opened = self._files.get(end.tape.order.recording)
        if opened is None or not end.reason:
            return
        if not end.tape.fault:
            opened.file.cut(end.ticks * (end.tape.order.rate // 50))
        opened.file.update()

    def _finish(self, end: End) -> None:
        order = end.tape.order
        opened = self._files.pop(order.recording, None)
        if opened is not None:
            opened.file.close()
        if end.reason:
            reason = end.tape.fault or end.reason
            self.done.append(RecordDone(order.leg, order.recording, reason, end.ticks * 20, end.lost * 20))


def _words(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DISK_FULL
    return f"failed: {error.strerror or error}"


def _at_rate(
    ticks: NDArray[np.int16], wide: NDArray[np.bool_], rate: int, opened: _Open, channel: int
) -> NDArray[np.int16]:
    """Return int16[n] at the file's rate of int16[ticks, 320], each tick being at 16 kHz where it is `wide`."""
    parts = []
    borders = [0, *(np.flatnonzero(np.diff(wide)) + 1).tolist(), len(wide)]
    for start, stop in pairwise(borders):
        if wide[start]:
            part = ticks[start:stop].reshape(1, -1)
            if rate == 8000:
                part, opened.down[channel] = halve(part, opened.down[channel])
        else:
            part = ticks[start:stop, : WIDE // 2].reshape(1, -1)
            if rate == 16000:
                part, opened.up[channel] = double(part, opened.up[channel])
        parts.append(part[0])
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
