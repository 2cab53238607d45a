"""Several programs side by side in one terminal, each in a pane with a title; what the whole shows can be recorded."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.phones.server import children
from tests.terminal import cast
from tests.terminal.tmux import TMUX, Terminal

_SETTINGS = (
    ("status", "off"),
    ("escape-time", "0"),
    ("default-terminal", "tmux-256color"),
    ("pane-border-status", "top"),
    ("pane-border-format", " #{@title} "),
    ("pane-border-style", "fg=colour244"),
    ("pane-active-border-style", "fg=colour244"),
)


class Pane(Terminal):
    """One of them."""

    def __init__(self, folder: Path, id_: str) -> None:
        super().__init__(folder)
        self._id = id_

    def focus(self) -> None:
        """Let the cursor be seen here; what is typed goes where it goes anyway."""
        self._tmux("select-pane")

    async def shows(self, *texts: str, timeout: float = 60.0) -> str:
        """Wait as `Terminal` does, but longer: several programs want their time."""
        return await super().shows(*texts, timeout=timeout)

    async def enter(self, line: str) -> None:
        """Type a line word by word, and Enter."""
        for number, word in enumerate(line.split(" ")):
            self.type(f" {word}" if number else word)
            await asyncio.sleep(0.05)
        self.key("Enter")

    def _tmux(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        command, *rest = arguments
        return super()._tmux(command, "-t", self._id, *rest, env=env)


class Desk:
    """The terminal; a context, which ends all that runs in it. `size`: columns and lines."""

    def __init__(
        self,
        title: str,
        command: Sequence[str | Path],
        cwd: Path,
        env: Mapping[str, str],
        *,
        size: tuple[int, int],
    ) -> None:
        self._cwd = cwd
        self._size = size
        self._whole = Terminal.start(command, cwd, env, size=size)
        self._watcher: Terminal | None = None
        for name, value in _SETTINGS:
            self._whole._tmux("set-option", "-g", name, value)
        self.first = self._titled(self._whole._tmux("list-panes", "-F", "#{pane_id}"), title)

    def split(
        self, pane: Pane, title: str, command: Sequence[str | Path], *, below: int = 0, beside: int = 0
    ) -> Pane:
        """Take `below` lines or `beside` columns from a pane for another one."""
        where = ["-v", "-l", str(below)] if below else ["-h", "-l", str(beside)]
        words = shlex.join(str(word) for word in command)
        made = ["-P", "-F", "#{pane_id}", "-c", str(self._cwd)]
        return self._titled(pane._tmux("split-window", *where, *made, words), title)

    def record(self, file: Path) -> None:
        """Begin to record; see `cast`."""
        columns, lines = self._size
        see: list[str | Path] = [
            "env",
            "-u",
            "TMUX",
            "-u",
            "TMUX_PANE",
            TMUX or "tmux",
            "-S",
            self._whole._socket,
            "attach",
        ]
        self._watcher = Terminal.start(["sh", "-c", 'read go; exec "$@"', "sh", *see], size=self._size)
        writer = [sys.executable, "-S", cast.__file__, str(file), str(columns), str(lines)]
        self._watcher._tmux("pipe-pane", shlex.join(writer))
        deadline = time.monotonic() + 10.0
        while not file.exists():
            assert time.monotonic() < deadline, f"nobody writes {file}"
            time.sleep(0.05)
        self._watcher.key("Enter")

    def screen(self) -> str:
        """Return what is seen of all panes."""
        assert self._watcher is not None, "it is not recorded"
        return self._watcher.screen()

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        if self._watcher is not None:
            self._watcher.close()
        programs = self._whole._tmux("list-panes", "-F", "#{pane_pid}").split()
        for program in [pid for pane in programs for pid in children(int(pane))]:
            with suppress(ProcessLookupError):
                os.kill(program, signal.SIGKILL)
        self._whole.close()

    def _titled(self, id_: str, title: str) -> Pane:
        pane = Pane(self._whole._folder, id_.strip())
        pane._tmux("set-option", "-p", "@title", title)
        return pane
