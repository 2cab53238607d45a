"""A finished WAV file in another format: Ogg (Vorbis) and MP3, by libsndfile.

While a recording goes on it is always WAV, which a crash leaves playable and which costs nothing. Of a minute of
stereo at 8 kHz, Vorbis makes 0.13 s of work and MP3 0.33 s, in a thread that holds nobody up.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from pathlib import Path

import soundfile

_CODINGS = {"ogg": ("OGG", "VORBIS"), "mp3": ("MP3", "MPEG_LAYER_III")}
_SECONDS = 10  # at a time
_NICE = 15


def encode(source: Path, target: Path, given_up: threading.Event) -> None:
    """Write a WAV file as what the suffix of `target` says, and remove it. Raises OSError; the WAV file stays then.

    `given_up` ends it, with an InterruptedError.
    """
    container, coding = _CODINGS[target.suffix[1:]]
    with contextlib.suppress(OSError, AttributeError):  # calls go first; a nicety
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    new = target.with_name(target.name + ".new")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            soundfile.SoundFile(source) as wav,
            soundfile.SoundFile(
                new, "w", wav.samplerate, wav.channels, format=container, subtype=coding
            ) as coded,
        ):
            while len(piece := wav.read(_SECONDS * wav.samplerate, dtype="int16")):
                if given_up.is_set():
                    raise InterruptedError(errno.EINTR, "the server is shutting down")
                coded.write(piece)
            frames, rate = wav.frames, wav.samplerate
        # What a full disk refuses in the end, libsndfile does not tell.
        if soundfile.info(new).frames < frames - rate // 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except (
        soundfile.LibsndfileError,
        AssertionError,
    ) as error:  # the latter where less was written than given
        new.unlink(missing_ok=True)
        raise OSError(errno.EIO, f"{source.name} cannot be coded") from error
    except OSError:
        new.unlink(missing_ok=True)
        raise
    new.replace(target)
    source.unlink()
