"""Room for clips: shared, refcounted, evicted oldest first."""

from __future__ import annotations

import asyncio
import gc

import numpy as np
import pytest
from numpy.typing import NDArray

from media.bank import BankFull, ClipBank, map_bank
from media.messages import PlayDone


def sound(seed: int, samples: int) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-9000, 9000, samples).astype(np.int16)


def test_a_worker_reads_what_was_added() -> None:
    bank = ClipBank(10_000)
    mapped = map_bank(bank.fd)
    pcm = sound(1, 1234)
    clip = bank.add(pcm, 8000)
    assert np.array_equal(mapped[clip.ref.offset : clip.ref.offset + clip.ref.samples], pcm)
    assert clip.milliseconds == 154
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 1


def test_clips_do_not_overlap() -> None:
    bank = ClipBank(100_000)
    clips = [bank.add(sound(number, 100 + 37 * number), 8000) for number in range(30)]
    mapped = map_bank(bank.fd)
    for number, clip in enumerate(clips):
        assert np.array_equal(mapped[clip.ref.offset :][: clip.ref.samples], sound(number, 100 + 37 * number))


def test_the_same_sound_is_stored_once_but_not_at_another_rate() -> None:
    bank = ClipBank(10_000)
    first, second = bank.add(sound(1, 3000), 8000), bank.add(sound(1, 3000), 8000)
    assert first.ref == second.ref
    assert bank.add(sound(1, 3000), 16000).ref.offset != first.ref.offset


def test_full_when_everything_is_in_use() -> None:
    bank = ClipBank(10_000)
    kept = [bank.add(sound(number, 3000), 8000) for number in range(3)]
    with pytest.raises(BankFull, match="3000"):
        bank.add(sound(9, 3000), 8000)
    kept[1].release()
    assert bank.add(sound(9, 3000), 8000).milliseconds == 375


def test_unused_clips_stay_until_the_room_is_needed_and_go_oldest_first() -> None:
    bank = ClipBank(9_600)
    for number in range(3):
        with bank.add(sound(number, 3200), 8000):
            pass
    before = bank.add(sound(0, 3200), 8000).ref  # used again: now the youngest
    gc.collect()
    newcomer = bank.add(sound(7, 3200), 8000)
    assert newcomer.ref.offset == 3200
    assert bank.add(sound(0, 3200), 8000).ref == before


def test_neighbours_join_to_make_room_for_a_longer_clip() -> None:
    bank = ClipBank(9_600)
    for number in range(3):
        bank.add(sound(number, 3200), 8000).release()
    assert bank.add(sound(9, 9600), 8000).ref.offset == 0


def test_garbage_releases() -> None:
    bank = ClipBank(4000)
    bank.add(sound(1, 4000), 8000)
    gc.collect()
    assert bank.add(sound(2, 4000), 8000).ref.samples == 4000


async def test_a_playout_keeps_its_sound() -> None:
    bank = ClipBank(4000)
    clip = bank.add(sound(1, 4000), 8000)
    done: asyncio.Future[PlayDone] = asyncio.get_running_loop().create_future()
    bank.pin([clip], done)
    clip.release()
    with pytest.raises(BankFull):
        bank.add(sound(2, 4000), 8000)
    done.set_result(PlayDone(1, 1, "end", 500))
    await asyncio.sleep(0)
    bank.add(sound(2, 4000), 8000)


def test_a_released_clip_cannot_be_played_and_may_be_released_again() -> None:
    clip = ClipBank(4000).add(sound(1, 10), 8000)
    clip.release()
    clip.release()
    with pytest.raises(ValueError, match="released"):
        _ = clip.ref


@pytest.mark.parametrize(
    ("pcm", "rate"),
    [
        (np.zeros(10, np.int16), 44100),
        (np.zeros(10, np.float32), 8000),
        (np.zeros((10, 2), np.int16), 8000),
    ],
)
def test_other_sound_is_refused(pcm: NDArray[np.int16], rate: int) -> None:
    with pytest.raises(ValueError, match="a clip"):
        ClipBank(1000).add(pcm, rate)


def test_an_empty_clip_takes_no_harm() -> None:
    assert ClipBank(1000).add(np.zeros(0, np.int16), 8000).milliseconds == 0
