"""Recordings of a terminal as asciicasts, version 2: a line of JSON for the size, then one for each piece of output.

    program | python cast.py FILE COLUMNS LINES

writes one with the times at which the pieces come; tmux's pipe-pane is such a program. It needs nothing but Python.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

PIECE = 65536  # bytes
IDLE = 2.0  # s; players make longer pauses as short
_QUESTIONS = re.compile(
    r"\x1b\[[>=]?\d*[cq]"
)  # what a terminal is; one that plays it would answer (ECMA-48, DA)


def write(source: int, file: Path, size: tuple[int, int]) -> None:
    """Write what comes from a file descriptor until it ends; `size` is columns and lines."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with file.open("w", encoding="utf-8") as cast:
        cast.write(json.dumps(header(size)) + "\n")
        cast.flush()
        start = time.monotonic()
        while data := os.read(source, PIECE):
            if text := _QUESTIONS.sub("", decoder.decode(data)):
                event = [round(time.monotonic() - start, 3), "o", text]
                cast.write(json.dumps(event, ensure_ascii=False) + "\n")
                cast.flush()


def header(size: tuple[int, int]) -> dict[str, object]:
    """Return the first line; nothing in it tells of the machine."""
    return {"version": 2, "width": size[0], "height": size[1], "idle_time_limit": IDLE}


def read(file: Path) -> tuple[dict[str, object], list[tuple[float, str]]]:
    """Return the first line, and the seconds and the text of each piece. Raises ValueError for another file."""
    first, *lines = file.read_text(encoding="utf-8").splitlines()
    told = json.loads(first)
    if told.get("version") != 2:
        raise ValueError(f"{file} is no asciicast of version 2")
    return told, list(_pieces(lines))


def _pieces(lines: Sequence[str]) -> Iterator[tuple[float, str]]:
    before = 0.0
    for line in lines:
        seconds, kind, text = json.loads(line)
        if kind != "o" or seconds < before:
            raise ValueError(f"this is no piece of output, or comes too late: {line}")
        before = seconds
        yield seconds, text


if __name__ == "__main__":
    write(sys.stdin.fileno(), Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3])))
