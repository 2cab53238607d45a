"""For how long somebody is heard in a recording: whether there is a message, or only a caller who said nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from media.recorder import SILENT

_SECONDS = 10  # at a time
_FRAME = 0.02  # s


def spoken(path: Path) -> float:
    """Return the seconds of the first channel that are not silence, as `end_of_silence` takes it. Raises OSError."""
    heard = 0
    try:
        with soundfile.SoundFile(path) as file:
            size = int(file.samplerate * _FRAME)
            while len(piece := file.read(_SECONDS * file.samplerate, dtype="int16", always_2d=True)):
                said = piece[: len(piece) // size * size, 0].astype(np.int32).reshape(-1, size)
                heard += int(np.count_nonzero(np.abs(said).mean(axis=1) >= SILENT))
    except soundfile.LibsndfileError as error:
        raise OSError(f"{path.name} cannot be read: {error}") from error
    return heard * _FRAME
