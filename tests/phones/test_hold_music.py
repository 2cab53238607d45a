"""Who is put on hold in a call between two phones hears music, and the other one again afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.phones import sound
from tests.phones.desks import PASSWORD, VOICES, desk, pjsua_desk
from tests.phones.installed import needs_baresip, needs_pjsua
from tests.phones.server import Server, serving

pytestmark = pytest.mark.phones

FLOW = """
name: workshop
actions:
  - type: connect
    option: {destinations: [{type: extension, target: "1001"}]}
  - type: hangup
"""
WINDOW = 0.2  # s
LOWEST, HIGHEST = 150, 600  # Hz: the notes of the music; both phones' voices are higher


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("hold")
    extensions = {"1000": PASSWORD, "1001": PASSWORD}
    with serving(folder, {"workshop": FLOW}, extensions=extensions) as server:
        yield server


def pitches(samples: npt.NDArray[np.float64], rate: int) -> list[float]:
    """Return the strongest frequency (Hz) of each window that is not silent."""
    size = int(WINDOW * rate)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    loud = frames[np.sqrt((frames**2).mean(axis=1)) > 0.005]
    spectra = np.abs(np.fft.rfft(loud * np.hanning(size), axis=1))
    return [float(pitch) for pitch in spectra.argmax(axis=1) * rate / size]


@needs_pjsua
@needs_baresip
async def test_who_is_held_hears_music_and_then_the_other_one_again(server: Server, tmp_path: Path) -> None:
    async with (
        pjsua_desk("1000", server, tmp_path) as caller,
        desk("baresip", "1001", server, tmp_path) as called,
    ):
        calling = asyncio.create_task(caller.call("100", server.address))
        await called.rings()
        await called.answer()
        await calling
        await asyncio.sleep(1.5)
        await caller.hold()
        await asyncio.sleep(2.5)
        await caller.resume()
        await asyncio.sleep(1.5)
        await caller.hang_up()
        await asyncio.gather(caller.over(), called.over())
    heard = pitches(*sound.load(called.recording))
    music = [LOWEST < pitch < HIGHEST for pitch in heard]
    voice = [abs(pitch - VOICES["pjsua"]) < 20 for pitch in heard]
    first, last = music.index(True), len(music) - 1 - music[::-1].index(True)
    assert sum(music) >= 8
    assert len({round(pitch, -1) for pitch, note in zip(heard, music, strict=True) if note}) >= 3  # a melody
    assert sum(voice[:first]) >= 3
    assert sum(voice[last:]) >= 3
    assert not any(voice[first + 1 : last])
