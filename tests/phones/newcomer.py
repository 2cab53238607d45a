"""A newcomer's ten minutes: what the README says, done in a terminal word by word, with a phone beside it.

The commands and the changes are the README's own, cut out of it; `do_it_all` wants each of them to be done.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.documents import shell
from tests.documents.changes import Change, changes
from tests.documents.pages import Block, blocks
from tests.documents.sandbox import Sandbox
from tests.phones import prompts
from tests.phones.account import Account
from tests.phones.linphone import Linphone, linphone
from tests.phones.sound import Stretch, heard, stretches, tones
from tests.terminal.panes import Desk, Pane

PAGE = "README.md"
SIZE = (120, 38)
VOICE = 2000  # Hz, of the caller
RATE, HEADER = 8000, 44  # Hz and bytes, of Linphone's recordings
needs_vi = pytest.mark.skipif(
    shutil.which("vi") is None, reason="vi is not installed; scripts/phones.sh tells why"
)


class Newcomer:
    """Somebody with the README, two terminals and a phone; made by `newcomer`."""

    def __init__(self, desk: Desk, sandbox: Sandbox, server: Pane, own: Pane, notes: Path) -> None:
        self.desk = desk
        self.server = server
        self.own = own
        self._sandbox = sandbox
        self._notes = notes
        self._folder = sandbox.folder.parent
        self._address = f"127.0.0.1:{sandbox.port}"
        self._commands = list(_commands())
        self._changes = [change for block in blocks(PAGE) for change in _changes(block)]
        self._answers = [block.text for block in blocks(PAGE) if block.language == "text"]

    async def says(self, beginning: str) -> str:
        """Type the README's next command, which begins so; returns it."""
        command = self._commands.pop(0)
        assert command.startswith(beginning), f"the README's next command is {command!r}, not {beginning!r}"
        await (self.server if shell.STARTS_SERVER.match(command) else self.own).enter(
            self._sandbox.text(command)
        )
        return command

    def has_done_all(self) -> None:
        """Raises AssertionError where the README says more."""
        assert not self._commands, f"not typed: {self._commands}"
        assert not self._changes, f"not changed: {self._changes}"
        assert not self._answers, f"not seen: {self._answers}"

    async def reads(self) -> str:
        """Wait for the end of a command; the README's next answer stands in what it has printed, which is returned."""
        answer = self._answers.pop(0)
        await self.own.shows("\n$\n")
        said = self.own.screen(past=True)
        assert " ".join(answer.split()) in " ".join(said.split()), f"{answer} is not in\n{said}"
        return said

    async def clears(self) -> None:
        """Clear the screen, once the last command has ended and was read."""
        await self.own.shows("\n$\n")
        await asyncio.sleep(0.8)
        self.own.key("C-l")
        await asyncio.sleep(0.2)

    async def edits(self, number: int) -> None:
        """Make the next changes of the README, all in one file, with vi."""
        mine, self._changes = self._changes[:number], self._changes[number:]
        (name,) = {change.file for change in mine}
        await self.own.enter(f"vi {name}")
        await self.own.shows(f'"{name}" ')
        self.own.type(":set paste")
        self.own.key("Enter")
        for change in mine:
            await self._edit(change)
        await asyncio.sleep(0.6)
        self.own.type(":wq")
        self.own.key("Enter")
        await self.own.shows(f"$ vi {name}")

    async def _edit(self, change: Change) -> None:
        old, new = change.old.splitlines(), change.new.splitlines()
        first = next((at for at, line in enumerate(old) if line != new[at]), len(old))
        if first == len(old):  # lines are added, at the end of the file
            self.own.type("Go")
            self.own.type("\n".join(new[first:]))
        else:
            assert len(old) == len(new) == 1, f"more than one line is changed: {change}"
            self.own.type("/\\V" + old[0].strip().replace("\\", "\\\\").replace("/", "\\/"))
            self.own.key("Enter")
            await asyncio.sleep(0.4)
            self.own.type("cc" + new[0])
        await asyncio.sleep(0.3)
        self.own.key("Escape")

    @asynccontextmanager
    async def phone(self, name: str, *, registered: bool = False) -> AsyncIterator[Caller]:
        """Start Linphone; with the account of the README's extension where it is to be `registered`."""
        account = None
        if registered:
            said = re.search(
                r"^extension (1000) +password (\S+)", self.server.screen(past=True), re.MULTILINE
            )
            assert said, "`make run` shows no password"
            account = Account(said[1], said[2], self._address)
        voice = prompts.write(self._folder / f"{name}-voice.wav", prompts.tone(VOICE, 60.0))
        async with linphone(self._folder, account=account, voice=voice, name=name) as phone:
            if account:
                self.notes(f"has an account now: {account.user}")
            yield Caller(phone, self, self._address)

    def notes(self, text: str) -> None:
        """Note what the phone does, for those who watch."""
        with self._notes.open("a") as notes:
            notes.write(f"{text}\n")


class Caller:
    """The phone of a newcomer, who dials what the README says."""

    def __init__(self, phone: Linphone, newcomer: Newcomer, server: str) -> None:
        self._phone = phone
        self._newcomer = newcomer
        self._server = server

    async def dials(self, number: str) -> None:
        """Dial, and wait for the answer."""
        self._newcomer.notes(f"dials {number}")
        await self._phone.call(number, self._server)
        self._newcomer.notes("is answered")

    async def dials_in_vain(self, number: str, *, asked: bool = False) -> None:
        """Dial, and wait until it has failed, or until a password is `asked` for, which the newcomer has not."""
        self._newcomer.notes(f"dials {number}")
        await self._phone.child.say(f"call sip:{number}@{self._server}")
        if asked:
            await self._phone.child.line(r"Password for \S+ on ")
            self._newcomer.notes("is asked for a password")
        else:
            await self._phone.child.line(r"Call \d+ with .* error")
            self._newcomer.notes("does not get through")

    async def presses(self, digit: str) -> None:
        """Press a key."""
        self._newcomer.notes(f"presses {digit}")
        await self._phone.press(digit)

    async def hears(self, seconds: float) -> None:
        """Wait until that much was heard."""
        await self._until(lambda found: sum(s.seconds for s in found if s.kind != "silence") >= seconds)

    async def hears_itself(self) -> None:
        """Wait until the tone comes back that the phone sends."""
        await self._until(lambda found: VOICE in tones(found))
        self._newcomer.notes("hears itself")

    async def _until(self, reached: Callable[[list[Stretch]], bool]) -> None:
        deadline = time.monotonic() + 40.0
        while not reached(found := await asyncio.to_thread(self._heard_so_far)):
            assert time.monotonic() < deadline, f"only this was heard: {found}"
            await asyncio.sleep(0.3)

    def _heard_so_far(self) -> list[Stretch]:
        """Read the recording while the phone writes it: its header comes last."""
        data = self._phone.recording.read_bytes() if self._phone.recording.exists() else b""
        samples = np.frombuffer(data[HEADER : len(data) // 2 * 2], dtype="<i2") / 32768
        return stretches(samples, RATE)

    async def hangs_up(self) -> list[Stretch]:
        """Hang up; returns what was heard."""
        await self._phone.hang_up()
        self._newcomer.notes("hangs up")
        return await self._over()

    async def is_hung_up(self) -> list[Stretch]:
        """Wait for the server to hang up; returns what was heard."""
        found = await self._over()
        self._newcomer.notes("the call is over")
        return found

    async def _over(self) -> list[Stretch]:
        await self._phone.over()
        return await asyncio.to_thread(heard, self._phone.recording)


@contextmanager
def newcomer(folder: Path) -> Iterator[Newcomer]:
    """Sit down before a fresh copy of the project's folder, in `folder`."""
    sandbox = Sandbox(folder / "voipbin_sip", [PAGE])
    notes = folder / "phone.txt"
    notes.touch()
    (folder / "bashrc").write_text("PS1='$ '\nunset HISTFILE\n")
    bash: list[str | Path] = ["bash", "--rcfile", folder / "bashrc"]
    with Desk("the server", bash, sandbox.folder, sandbox.environment, size=SIZE) as desk:
        own = desk.split(desk.first, "the newcomer", bash, below=26)
        desk.split(desk.first, "the phone", ["tail", "-n", "+1", "-f", notes], beside=38)
        own.focus()
        yield Newcomer(desk, sandbox, desk.first, own, notes)
    sandbox.close()


def _commands() -> Iterator[str]:
    """Yield the README's commands from `make run` on, without those for who builds it."""
    for block in blocks(PAGE):
        if block.language == "sh":
            lines = [line.partition(" #")[0].strip() for line in block.text.splitlines()]
            yield from (line for line in lines if line and line != "make test")
        elif block.language == "console":
            yield from (command for command, _ in shell.console(block.text))


def _changes(block: Block) -> list[Change]:
    return list(changes(block)) if block.language == "diff" else []
