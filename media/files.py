"""Audio files as mono int16 at the rate of a call: wav, flac, ogg, opus, mp3, and the raw telephone formats.

Whole files, off the tick: decoding by libsndfile, resampling by soxr, several channels mixed to one. Raw
files have no header and are told by suffix, as Asterisk names them.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from media.codecs import g711, g722

Source: TypeAlias = Path | str | bytes | bytearray | memoryview

_CHUNK_SECONDS = 10  # read in pieces: a header may lie about the length
_MAX_CHANNELS = 16


class AudioError(Exception):
    """The sound cannot be used; the message says why in a sentence."""


def _ulaw(data: bytes) -> NDArray[np.int16]:
    return g711.ULAW_DECODE[np.frombuffer(data, np.uint8)]


def _alaw(data: bytes) -> NDArray[np.int16]:
    return g711.ALAW_DECODE[np.frombuffer(data, np.uint8)]


def _linear(data: bytes) -> NDArray[np.int16]:
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)


def _g722(data: bytes) -> NDArray[np.int16]:
    return g722.Decoder().decode(data)


_RAW: dict[str, tuple[int, int, Callable[[bytes], NDArray[np.int16]]]] = {
    # suffix: rate in Hz, octets a second, decoder
    ".ulaw": (8000, 8000, _ulaw),
    ".ul": (8000, 8000, _ulaw),
    ".alaw": (8000, 8000, _alaw),
    ".al": (8000, 8000, _alaw),
    ".sln": (8000, 16000, _linear),
    ".sln16": (16000, 32000, _linear),
    ".g722": (16000, 8000, _g722),
}


def decode(
    source: Source, rate: int, max_seconds: float = 3600.0, *, suffix: str | None = None
) -> NDArray[np.int16]:
    """Return a file, or its bytes, as int16[n] mono at `rate` (8000 or 16000 Hz).

    `suffix` (".ulaw" …) names the raw format of bytes; for a path its own suffix does. Raises AudioError when
    the source is unreadable, no audio, empty, or longer than `max_seconds`.
    """
    if rate not in (8000, 16000):
        raise ValueError(f"the rate must be 8000 or 16000 Hz, not {rate}")
    place: Path | memoryview
    if isinstance(source, Path | str):
        place = Path(source)
        name, suffix = str(place), place.suffix if suffix is None else suffix
    else:
        place, name = memoryview(source).cast("B"), "the sound"
    raw = _RAW.get((suffix or "").lower())
    try:
        size = place.stat().st_size if isinstance(place, Path) else len(place)
        if not size:
            pcm = np.zeros(0, np.int16)
        elif raw is not None:
            if size > raw[1] * max_seconds:
                raise _too_long(name, max_seconds)
            pcm = _decode_raw(place, raw, rate)
        elif isinstance(place, Path):
            with place.open("rb") as file:
                pcm = _decode_container(file.fileno(), name, rate, max_seconds)
        else:
            pcm = _decode_container(_Memory(place), name, rate, max_seconds)
    except OSError as error:
        raise AudioError(f"{name} cannot be read: {error.strerror or error}") from error
    if not len(pcm):
        raise AudioError(f"{name} is empty: it holds no sound")
    return pcm


def _too_long(name: str, max_seconds: float) -> AudioError:
    return AudioError(f"{name} is too long: at most {max_seconds:g} seconds are allowed")


def _decode_raw(
    place: Path | memoryview, raw: tuple[int, int, Callable[[bytes], NDArray[np.int16]]], rate: int
) -> NDArray[np.int16]:
    """Decode sound without a header."""
    own_rate, _, decoder = raw
    pcm = decoder(place.read_bytes() if isinstance(place, Path) else bytes(place))
    if own_rate == rate:
        return pcm
    return _to_int16(soxr.resample(pcm.astype(np.float32) / 32768, own_rate, rate))


class _Memory(io.BytesIO):
    """Bytes as a file. A broken header may seek before its start: stay, an exception would be lost in C code."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the position if there is such a one; return it."""
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return self.tell()


def _decode_container(file: BinaryIO | int, name: str, rate: int, max_seconds: float) -> NDArray[np.int16]:
    """Decode what libsndfile knows, in pieces, so that no more than `max_seconds` are ever held."""
    try:
        with soundfile.SoundFile(file, closefd=False) as sound:
            own_rate: int = sound.samplerate
            if sound.channels > _MAX_CHANNELS:
                raise AudioError(f"{name} has {sound.channels} channels: at most {_MAX_CHANNELS} are mixed")
            resampler = soxr.ResampleStream(own_rate, rate, 1, dtype="float32") if own_rate != rate else None
            pieces: list[NDArray[np.int16]] = []
            left = int(max_seconds * own_rate)
            while len(piece := sound.read(_CHUNK_SECONDS * own_rate, dtype="float32", always_2d=True)):
                left -= len(piece)
                if left < 0:
                    raise _too_long(name, max_seconds)
                mono = piece.mean(axis=1) if sound.channels > 1 else piece[:, 0]
                pieces.append(_to_int16(resampler.resample_chunk(mono) if resampler else mono))
            if resampler:
                pieces.append(_to_int16(resampler.resample_chunk(np.zeros(0, np.float32), last=True)))
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{name} is not audio that can be played: {error.error_string}") from error
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def _to_int16(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    """Scale sound of ±1 to int16, rounded and clipped."""
    return np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)
