"""What is kept and what goes: by age, by size, the oldest first."""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from voipbin_sip.recordings.folder import Kept, RecordingFolder
from voipbin_sip.recordings.sweep import DAY, Bounds, Sweep, too_many

NOW = 1_000_000_000.0
ALL = [Kept(NOW - age * DAY, size, Path(str(age))) for age, size in ((9, 10), (5, 20), (1, 40))]


@pytest.mark.parametrize(
    ("bounds", "going"),
    [
        (Bounds(), []),
        (Bounds(days=100), []),
        (Bounds(days=7), ["9"]),
        (Bounds(days=0.5), ["9", "5", "1"]),
        (Bounds(octets=70), []),
        (Bounds(octets=69), ["9"]),
        (Bounds(octets=59), ["9", "5"]),
        (Bounds(octets=39), ["9", "5", "1"]),
        (Bounds(days=7, octets=45), ["9", "5"]),
    ],
)
def test_who_goes(bounds: Bounds, going: list[str]) -> None:
    assert [str(kept.path) for kept in too_many(ALL, bounds, NOW)] == going


async def test_files_go_with_what_is_told(tmp_path: Path) -> None:
    """One that cannot go now stays; what is no recording is left alone."""
    folder = RecordingFolder(tmp_path)
    place = folder.path / "2020" / "01"
    place.mkdir(parents=True)
    ids = [uuid4() for _ in range(3)]
    names = [f"{ids[0]}.wav", f"{ids[1]}.mp3", f"{ids[2]}.ogg", "music.wav"]
    for days, name in enumerate(names):
        (place / name).write_bytes(bytes(100))
        os.utime(place / name, (time.time() - (30 - days) * DAY,) * 2)
    asked: list[UUID] = []

    async def remove(id_: UUID) -> bool:
        asked.append(id_)
        return id_ != ids[1]

    assert await Sweep(folder, Bounds(days=7), remove).sweep() == 2
    assert asked == ids
    assert sorted(path.name for path in place.iterdir()) == sorted([names[1], names[3]])
