from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from voipbin_sip.speech.cache import DiskCache, MemoryCache


def sound(length: int, value: int = 7) -> NDArray[np.int16]:
    return np.full(length, value, np.int16)


def key(number: int) -> str:
    return f"{number:064x}"


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_is_put_comes_back_also_after_a_restart(tmp_path: Path) -> None:
    DiskCache(tmp_path / "new", 10_000).put(key(1), 8000, sound(100))
    found = DiskCache(tmp_path / "new", 10_000).get(key(1), 8000)
    assert found is not None
    assert found.dtype == np.int16
    assert (found == 7).all()
    assert len(found) == 100


def test_what_was_not_put_is_not_there(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10_000)
    cache.put(key(1), 8000, sound(100))
    assert cache.get(key(2), 8000) is None


def test_only_the_server_may_read_it(tmp_path: Path) -> None:
    DiskCache(tmp_path / "new", 10_000).put(key(1), 8000, sound(100))
    (file,) = files(tmp_path)
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 700)
    for number in (1, 2, 3):
        cache.put(key(number), 8000, sound(100))  # 220 bytes each
    assert cache.get(key(1), 8000) is not None
    cache.put(key(4), 8000, sound(100))
    assert [number for number in (1, 2, 3, 4) if cache.get(key(number), 8000) is not None] == [1, 3, 4]
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 700


def test_the_order_of_use_survives_a_restart(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 700)
    for number in (1, 2, 3):
        cache.put(key(number), 8000, sound(100))
    for age, path in enumerate(sorted(files(tmp_path), reverse=True)):
        os.utime(path, (1000 - age, 1000 - age))  # 1 is the oldest
    os.utime(next(path for path in files(tmp_path) if path.stem == key(1)), (2000, 2000))
    again = DiskCache(tmp_path, 700)
    again.put(key(4), 8000, sound(100))
    assert [number for number in (1, 2, 3, 4) if again.get(key(number), 8000) is not None] == [1, 3, 4]


@pytest.mark.parametrize("damage", ["short", "empty", "flipped", "foreign", "rate"])
def test_damaged_files_are_removed(tmp_path: Path, damage: str) -> None:
    cache = DiskCache(tmp_path, 10_000)
    cache.put(key(1), 8000, sound(100))
    (file,) = files(tmp_path)
    data = bytearray(file.read_bytes())
    if damage == "flipped":
        data[-1] ^= 1
    changed = {"short": data[:-2], "empty": b"", "foreign": b"RIFF" + data[4:]}.get(damage, data)
    file.write_bytes(bytes(changed))
    assert cache.get(key(1), 16000 if damage == "rate" else 8000) is None
    assert files(tmp_path) == []
    cache.put(key(1), 8000, sound(50))
    assert cache.get(key(1), 8000) is not None


def test_remains_of_a_killed_server_are_removed(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "x.1-2.part").write_bytes(b"half")
    DiskCache(tmp_path, 10_000).put(key(1), 8000, sound(100))
    assert [path.suffix for path in files(tmp_path)] == [".speech"]


def test_two_that_are_written_first_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = DiskCache(tmp_path, 10_000)
    move = Path.replace

    def replace(path: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", move)
        other = threading.Thread(target=cache.put, args=(key(2), 8000, sound(100)))
        other.start()
        other.join(10)
        return move(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    cache.put(key(1), 8000, sound(100))
    assert [file.stem for file in files(tmp_path)] == [key(1), key(2)]


def test_a_folder_that_cannot_be_made_is_a_miss(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = DiskCache(tmp_path / "file" / "cache", 10_000)
    cache.put(key(1), 8000, sound(100))
    assert cache.get(key(1), 8000) is None


def test_sounds_larger_than_the_cache_are_not_kept(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 100)
    cache.put(key(1), 8000, sound(100))
    assert files(tmp_path) == []


def test_memory_keeps_the_last_ones() -> None:
    cache = MemoryCache(600)
    for name in "abc":
        cache.put(name, sound(100))
    assert cache.get("a") is not None
    cache.put("d", sound(100))
    assert [name for name in "abcd" if cache.get(name) is not None] == ["a", "c", "d"]
    cache.put("e", sound(1000))
    assert cache.get("e") is None
    assert cache.get("d") is not None
