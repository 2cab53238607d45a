"""pyVoIP as tests use it; the phone itself is programs/pyvoip_phone.py, in a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.phones import ports, prompts
from tests.phones.child import Child
from tests.phones.installed import PYVOIP_PYTHON

PROGRAM = Path(__file__).parent / "programs" / "pyvoip_phone.py"


class Pyvoip:
    """A phone on the loopback address; made by `pyvoip`."""

    def __init__(self, child: Child, folder: Path, recording: Path) -> None:
        self.child = child
        self.recording = recording
        self._folder = folder

    async def call(self, number: str, server: str) -> None:
        """Call a number and wait until it is answered; the server is the one that the phone was made for."""
        await self.child.say(f"call {number}")
        await self.child.line("^ANSWERED")

    async def press(self, digits: str) -> None:
        """Press digits, sent as DTMF in the sound: pyVoIP has no other way."""
        await self.play(prompts.write(self._folder / f"digits-{digits}.wav", prompts.dtmf(digits)))

    async def play(self, file: Path) -> None:
        """Send a wav file as the caller's voice, once."""
        await self.child.say(f"play {file}")

    async def hang_up(self) -> None:
        """Hang up."""
        await self.child.say("hangup")

    async def over(self, seconds: float = 15.0) -> int:
        """Wait for the end of the call. The recording is complete afterwards."""
        await self.child.line("^ENDED", seconds)
        await self.child.say("quit")
        await self.child.ended()
        return 200


@asynccontextmanager
async def pyvoip(folder: Path, server: str, *, name: str = "pyvoip") -> AsyncIterator[Pyvoip]:
    """Start a phone that calls the server HOST:PORT."""
    home = folder / name
    home.mkdir()
    recording = home / "heard.wav"
    argv = [PYVOIP_PYTHON, PROGRAM, server.rpartition(":")[2], ports.free(), ports.free_block(4), recording]
    async with Child([str(word) for word in argv], folder=home) as child:
        await child.line("^UP", 20.0)
        yield Pyvoip(child, home, recording)
