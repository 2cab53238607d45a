"""WAV files that are playable at any moment: 16-bit PCM written by place, the sizes in the header kept true.

RIFF/WAVE with the 44 octets of header of a PCM file. The header is made of the file's length, so that whoever
writes it last, or finds the file after a crash (`repair`), makes it true.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

HEADER = 44
_SAMPLE = 2  # octets
_MOST = 0xFFFFFFFF


def wav_header(rate: int, channels: int, octets: int) -> bytes:
    """Return the header of a file with so many octets of sound."""
    frame = channels * _SAMPLE
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", min(octets + HEADER - 8, _MOST), b"WAVE",
        b"fmt ", 16, 1, channels, rate, rate * frame, frame, 8 * _SAMPLE,
        b"data", min(octets, _MOST),
    )  # fmt: skip


def repair(path: Path) -> float:
    """Make the header of a file of ours tell the length that the file has; return its seconds.

    Raises OSError, and ValueError for what is no such file.
    """
    with path.open("r+b") as file:
        head = file.read(HEADER)
        if len(head) < HEADER or head[:4] != b"RIFF" or head[36:40] != b"data":
            raise ValueError(f"{path} is no recording")
        channels, rate = (int(number) for number in struct.unpack("<HI", head[22:28]))
        frame = channels * _SAMPLE
        if not channels or not rate:
            raise ValueError(f"{path} is no recording")
        octets = (os.fstat(file.fileno()).st_size - HEADER) // frame * frame
        file.truncate(HEADER + octets)
        file.seek(0)
        file.write(wav_header(rate, channels, octets))
    return octets / (rate * frame)


class WavFile:
    """A file that grows, readable by us only. What is never written in between is silence.

    Where another process has begun the file, both may write to it. Raises OSError.
    """

    def __init__(self, path: Path, rate: int, channels: int) -> None:
        self._rate, self._channels = rate, channels
        self._frame = channels * _SAMPLE
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            self.update()
        except OSError:
            self.close()
            raise

    def write(self, at: int, sound: bytes) -> None:
        """Write interleaved samples at a place, counted in samples of one channel. Raises OSError."""
        place, left = HEADER + at * self._frame, memoryview(sound)
        while left:
            written = os.pwrite(self._fd, left, place)
            place += written
            left = left[written:]

    def update(self) -> None:
        """Let the header tell the length of now. Raises OSError."""
        octets = max(os.fstat(self._fd).st_size - HEADER, 0)
        octets -= octets % self._frame
        os.pwrite(self._fd, wav_header(self._rate, self._channels, octets), 0)

    def cut(self, samples: int) -> None:
        """Give the file its length, in samples of one channel; what is missing is silence. Raises OSError."""
        os.ftruncate(self._fd, HEADER + samples * self._frame)

    def close(self) -> None:
        """Close it; a second time does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
