"""Somebody who looks for a fault: runs the command of the page, and reads whether it says what the page says."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.documents.shell import appears
from tests.phones.installed import ROOT
from tests.phones.nat import Host
from tests.phones.planted.page import Fault, about
from tests.phones.server import COMMAND

SECONDS = 60.0
API = "http://127.0.0.1:8080"  # as pages have it
REMEMBERED = ("doctor", "check")  # they say all at once, and the doctor takes some seconds


@dataclass(slots=True)
class Operator:
    """Runs commands with one configuration, from its folder."""

    config: Path
    api: str = API  # where its API is, in place of the page's
    at: Host | None = None  # the machine that they sit at, of a network of the tests' own
    _said: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str) -> str:
        """Return all that a command prints."""
        named = [str(self.config)] if words == ("check",) else ["--config", str(self.config)]
        done = subprocess.run(
            [*(self.at.command() if self.at is not None else []), *COMMAND, *words, *named],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return f"{done.stdout}\n{done.stderr}"

    def finds(self, cause: str, *, only: str = "", last: str = "last") -> None:
        """Run the commands that the page names for a cause, and compare.

        Args:
            only: run those that begin so.
            last: the SIP Call-ID of the call that the page calls the last one, where others go on beside it.
        """
        chosen = [fault for fault in about(cause) if " ".join(fault.words).startswith(only)]
        assert chosen, f"no row about {cause!r} has the command {only!r}"
        for fault in chosen:
            printed = self._answer(fault, last)
            assert appears(fault.says, printed), f"{fault.command}\n{fault.says}\n\nbut:\n{printed}"

    async def will_find(self, cause: str, *, only: str = "", last: str = "last") -> None:
        """Do the same while phones go on."""
        await asyncio.to_thread(self.finds, cause, only=only, last=last)

    def _answer(self, fault: Fault, last: str) -> str:
        if fault.words[0] not in REMEMBERED:
            meant = {"last": last, API: self.api}
            return self.run(*(meant.get(word, word) for word in fault.words))
        if fault.command not in self._said:
            self._said[fault.command] = self.run(*fault.words)
        return self._said[fault.command]
