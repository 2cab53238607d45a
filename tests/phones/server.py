"""The server under test: a process of its own, configured in a temporary folder, on the loopback address."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

import yaml

from tests.phones import ports, prompts
from tests.phones.installed import ROOT
from tests.phones.nat import Host

_SCRIPT = Path(sys.executable).parent / "voipbin-sip"
# Without an installation (a working tree on the path) the command is started by its function.
COMMAND = (
    [str(_SCRIPT)]
    if _SCRIPT.exists()
    else [sys.executable, "-c", "from voipbin_sip.cli.main import app; app()"]
)
MEDIA_PORTS = 400


def configure(
    folder: Path,
    flows: Mapping[str, str],
    *,
    numbers: Mapping[str, str] | None = None,
    media: Mapping[str, object] | None = None,
    extensions: Mapping[str, str] | None = None,
    conferences: Sequence[Mapping[str, str]] = (),
    sections: Mapping[str, object] | None = None,
    sip: Mapping[str, object] | None = None,
    **keys: object,
) -> tuple[Path, int]:
    """Write a configuration with flows (file name to YAML text) and tones; returns its path and the SIP port.

    `numbers` says which number runs which flow, anyone may call them; none: 100, 200, 300 … in order.
    `extensions` gives the password of each, `conferences` the entries of the directory, `sections` more of it
    (trunks, providers, routes).
    """
    if numbers is None:
        numbers = {str(100 * position): flow for position, flow in enumerate(flows, start=1)}
    port = ports.free()
    first = ports.free_block(MEDIA_PORTS)
    (folder / "flows").mkdir(parents=True, exist_ok=True)
    for name, text in flows.items():
        (folder / "flows" / f"{name}.yaml").write_text(text)
    prompts.write_tones(folder / "sounds")
    directory = {
        "numbers": [{"number": number, "flow": flow, "public": True} for number, flow in numbers.items()],
        "extensions": [{"extension": name, "password": word} for name, word in (extensions or {}).items()],
        "conferences": [dict(conference) for conference in conferences],
        **(sections or {}),
    }
    (folder / "directory.yaml").write_text(yaml.safe_dump(directory))
    config: dict[str, object] = {
        "domain": "voipbin.test",
        "data_dir": "data",
        "flows": "flows",
        "directory": "directory.yaml",
        "sip": {"listen": [f"udp://127.0.0.1:{port}", f"tcp://127.0.0.1:{port}"], **(sip or {})},
        "media": {"ports": f"{first}-{first + MEDIA_PORTS - 1}", "workers": 1, **(media or {})},
        "http": {"listen": f"127.0.0.1:{ports.free()}"},
        "drain_seconds": 3,
        **keys,
    }
    path = folder / "voipbin.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path, port


class Server:
    """One running server; made by `serving`."""

    def __init__(self, config: Path, port: int, at: Host | None = None) -> None:
        self.config = config
        self.port = port
        self.address = f"{at.address if at is not None else '127.0.0.1'}:{port}"
        self._command = [*(at.command() if at is not None else []), *COMMAND]
        self.log = config.parent / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    def start(self, seconds: float = 60.0) -> None:
        """Start it and wait for the line that begins with "ready "."""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._command, "serve", "--config", str(self.config)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server is not ready:\n{self.tail()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it with all its processes, for sure."""
        if self._process is not None:
            for pid in [self.process.pid, *children(self.process.pid)]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()

    def tail(self) -> str:
        """Return the end of what it printed."""
        return self.log.read_text(errors="replace")[-6000:]

    @property
    def api(self) -> str:
        """Return the base URL of its API, without the version."""
        (line,) = [text for text in self.log.read_text().splitlines() if text.startswith("ready ")]
        return line.partition(" http=")[2].split()[0]

    def make_accesskey(self, name: str = "tests") -> str:
        """Return the token of a new access key, made as an operator does."""
        command = [*COMMAND, "accesskey", "create", name, "--config", str(self.config)]
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
        ).stdout.strip()

    @cached_property
    def accesskey(self) -> str:
        """The token of one that was made when it was first wanted."""
        return self.make_accesskey()

    def media_sockets(self) -> int:
        """Return how many UDP ports of the media range are open on this machine."""
        config = yaml.safe_load(self.config.read_text())
        first, last = (int(number) for number in config["media"]["ports"].split("-"))
        used = 0
        for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
            used += first <= int(line.split()[1].rpartition(":")[2], 16) <= last
        return used

    def media_sockets_left(self, seconds: float) -> int:
        """Wait until all media ports are closed (they rest a while after a call); returns how many are not."""
        deadline = time.monotonic() + seconds
        while self.media_sockets() and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.media_sockets()

    def _ready(self) -> bool:
        return any(line.startswith("ready ") for line in self.log.read_text(errors="replace").splitlines())


def children(pid: int) -> list[int]:
    """Return the processes that a process started, and theirs."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                found += [int(child), *children(int(child))]
        except OSError:
            continue  # it ended meanwhile
    return found


@contextmanager
def serving(
    folder: Path,
    flows: Mapping[str, str],
    *,
    numbers: Mapping[str, str] | None = None,
    media: Mapping[str, object] | None = None,
    extensions: Mapping[str, str] | None = None,
    conferences: Sequence[Mapping[str, str]] = (),
    sections: Mapping[str, object] | None = None,
    sip: Mapping[str, object] | None = None,
    at: Host | None = None,
    **keys: object,
) -> Iterator[Server]:
    """Configure and start a server, end it afterwards; arguments as for `configure`.

    `at` is a machine of a network of the tests' own (tests/phones/nat.py) to run it on.
    """
    if at is not None:
        sip = {"listen": [f"udp://{at.address}:5060", f"tcp://{at.address}:5060"], **(sip or {})}
    path, port = configure(
        folder,
        flows,
        numbers=numbers,
        media=media,
        extensions=extensions,
        conferences=conferences,
        sections=sections,
        sip=sip,
        **keys,
    )
    server = Server(path, port if at is None else 5060, at)
    try:
        server.start()
        yield server
        assert "Traceback" not in server.log.read_text(errors="replace"), server.tail()
    finally:
        server.kill()
        print(f"--- server\n{server.tail()}")  # pytest shows it for a failed test
