"""What a media worker writes on standard error comes to the server, a traceback in one piece."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from media.client import MediaClient

SPEAKS = """
import sys, threading, time

def speak():
    sys.stderr.write("first\\n")
    sys.stderr.flush()
    time.sleep(1.0)
    for line in ("Traceback (most recent call last):\\n", "  more of it\\n", "ValueError: \\xff\\n"):
        sys.stderr.write(line)
        sys.stderr.flush()
        time.sleep(0.02)

if sys.argv[0] == "-m":
    threading.Thread(target=speak, daemon=True).start()
"""


async def test_words_of_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(SPEAKS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    words: asyncio.Queue[str] = asyncio.Queue()
    client = MediaClient(ports=range(24_700, 24_704), bank_samples=1000, words=words.put_nowait)
    try:
        async with asyncio.timeout(20.0):
            await client.start()
            assert await words.get() == "first\n"
            whole = await words.get()
            assert whole.startswith("Traceback (most recent call last):\n  more of it\nValueError: ")
            assert whole.endswith("\n")
    finally:
        await client.close()
    assert words.empty()
