"""Where the blocks of a page are tried: a folder like a checkout, with ports, and processes, of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.documents import config_files
from tests.documents.pages import ROOT, Block
from tests.documents.people import People
from tests.phones import ports
from tests.phones.server import children

MEDIA_PORTS = 100
SECONDS = 60.0  # the longest that a block may take
_HOSTS = re.compile(r"(?:(?:127\.0\.0\.1|localhost|0\.0\.0\.0):|\bport=|\bPORT=)(\d{4,5})\b")
_ALWAYS = ("5060", "5061", "8080")
_MAKE_READS = ("Makefile", "pyproject.toml", "requirements-lock.txt", "scripts/venv.sh", "scripts/python.sh")


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str


class Sandbox:
    """`folder` with `config/`; `port` of SIP. `close` ends what has been started."""

    def __init__(self, folder: Path, texts: Iterable[str] = ()) -> None:
        self.folder = folder
        self.config = folder / "config"
        named = {port for text in texts for port in _HOSTS.findall(text)}
        self._ports = {name: str(ports.free()) for name in sorted(named.union(_ALWAYS))}
        self.port = int(self._ports["5060"])
        self._media = ports.free_block(MEDIA_PORTS)
        bin_folder = folder / ".venv" / "bin"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))},
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "HOME": str(folder),
            "API": f"http://127.0.0.1:{self._ports['8080']}/v1.0",
        }
        self.place = folder  # the shell's working directory
        self._server: subprocess.Popen[bytes] | None = None
        self._programs: list[tuple[Block, subprocess.Popen[bytes], Path]] = []
        self._people: People | None = None
        self._groups: list[int] = []  # of processes that shell text may have left running
        self._furnish(bin_folder)

    def text(self, text: str) -> str:
        """Return a text of a page with the ports of here."""
        for name, port in self._ports.items():
            text = re.sub(rf"\b{name}\b", port, text)
        return text

    def put(self, block: Block) -> Path | None:
        """Put a YAML block where it belongs; see `config_files.put`."""
        text = self.text(block.text).replace("/etc/", f"{self.config}/etc/")
        path = config_files.put(block, text, self.config)
        self._settle()
        return path

    def run(self, command: str, seconds: float = SECONDS) -> Done:
        """Run shell text; what it sets, and where it goes, holds for the next one; what it leaves running goes on."""
        left, log = self.folder / ".left", self.folder / ".output"
        script = f"trap 'env -0 > {left}; pwd > {left}.place' EXIT; set -aeo pipefail\n{command}"
        with log.open("wb") as output:  # no pipe: what goes on would keep it open
            process = subprocess.Popen(
                ["bash", "-c", script],
                cwd=self.place,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._groups.append(process.pid)
        status = process.wait(seconds)
        done = Done(status, log.read_text(errors="replace"))
        if left.exists():
            pairs = (entry.partition("=") for entry in left.read_text().split("\0") if entry)
            self.environment = {name: value for name, _, value in pairs}
            self.place = Path((self.folder / ".left.place").read_text().rstrip("\n"))
            left.unlink()
        return done

    def make_key(self) -> None:
        """Have an access key as KEY, where the page has not made one."""
        if "KEY" not in self.environment:
            done = self.run("export KEY=$(voipbin-sip accesskey create page)")
            assert "KEY" in self.environment, done.stdout

    def go_on(self, block: Block, argv: list[str]) -> None:
        """Start a program that goes on until the end of the page."""
        log = self.folder / f".program-{block.line}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                argv,
                cwd=self.place,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._programs.append((block, process, log))
        deadline = time.monotonic() + 0.8  # what fails at all fails at once
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)

    def serve(self, command: str = "voipbin-sip serve") -> None:
        """Start the server, by `command`, unless it runs; wait until it is ready."""
        if self._server is not None:
            return
        log = self.folder / ".server"
        with log.open("wb") as output:
            self._server = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60.0
        while not re.search(r"^ready ", self.server_log, re.MULTILINE):
            stopped = self._server.poll() is not None or time.monotonic() > deadline
            assert not stopped, f"`{command}` does not get ready:\n{self.server_log[-3000:]}"
            time.sleep(0.05)

    @property
    def serves(self) -> bool:
        """Whether the server has been started."""
        return self._server is not None

    @property
    def server_log(self) -> str:
        """What the server has printed."""
        path = self.folder / ".server"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def people(self) -> People:
        """Those who call and are called; the server has to run."""
        if self._people is None:
            passwords = config_files.passwords(self.config)
            self._people = People(f"127.0.0.1:{self.port}", passwords)
        return self._people

    def close(self) -> list[str]:
        """End everything; returns what did not go well meanwhile."""
        wrong = []
        if self._people is not None:
            self._people.leave()
            self._people = None
        for block, process, log in self._programs:
            output = log.read_text(errors="replace")
            if process.poll() is not None:
                wrong.append(f"{block} has ended with {process.returncode}:\n{output[-3000:]}")
            elif "Traceback" in output:
                wrong.append(f"{block} has failed:\n{output[-3000:]}")
            _end(process)
        if self._server is not None:
            _end(self._server)
        if "Traceback" in self.server_log:
            wrong.append(f"the server has failed:\n{self.server_log[-3000:]}")
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        self._programs, self._server, self._groups = [], None, []
        return wrong

    def _furnish(self, bin_folder: Path) -> None:
        """Make what a checkout with an installation has."""
        shutil.copytree(ROOT / "config", self.config)
        bin_folder.mkdir(parents=True)
        for name, words in (("voipbin-sip", "-m voipbin_sip.cli.main "), ("python", ""), ("python3", "")):
            script = bin_folder / name
            script.write_text(f'#!/bin/sh\nexec {sys.executable} {words}"$@"\n')
            script.chmod(0o755)
        for name in _MAKE_READS:
            (self.folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)
        (self.folder / ".venv" / ".installed").touch()
        self._settle()

    def _settle(self) -> None:
        """Move the configuration to the ports of here."""
        path = self.config / "voipbin.yaml"
        path.write_text(self.text(path.read_text()).replace("0.0.0.0:", "127.0.0.1:"))
        first = self._media
        here = {
            "media": {"ports": f"{first}-{first + MEDIA_PORTS - 1}", "workers": 1},
            "speech": {"engines": ["nanotts"]},  # starts in no time
            "drain_seconds": 1,
        }
        config_files.merge(path, here)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it has started."""
    for pid in [process.pid, *children(process.pid)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
