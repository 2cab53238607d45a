"""Recordings of terminals are whole, whatever the pieces are in which the output comes."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from tests.terminal import cast


def test_a_recording_has_times_and_whole_characters(tmp_path: Path) -> None:
    file = tmp_path / "a.cast"
    source, sink = os.pipe()
    writer = threading.Thread(target=cast.write, args=(source, file, (80, 24)))
    writer.start()
    arrow = "→".encode()
    for piece in (b"a\x1b[>c", arrow[:1], arrow[1:] + b"\r\n"):
        os.write(sink, piece)
        time.sleep(0.05)
    os.close(sink)
    writer.join(5)
    os.close(source)
    told, pieces = cast.read(file)
    assert (told["width"], told["height"]) == (80, 24)
    assert "".join(text for _, text in pieces) == "a→\r\n", "without the question what the terminal is"
    assert pieces[-1][0] >= 0.05


@pytest.mark.parametrize(
    "lines", ['{"version": 1}', '{"version": 2}\n[2, "o", "a"]\n[1, "o", "b"]'], ids=["version", "order"]
)
def test_other_files_are_none(lines: str, tmp_path: Path) -> None:
    (tmp_path / "a.cast").write_text(lines)
    with pytest.raises(ValueError, match=r"asciicast|too late"):
        cast.read(tmp_path / "a.cast")
