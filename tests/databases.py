"""Databases to test with: files of SQLite, and a PostgreSQL server of the tests' own."""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine

from voipbin_sip.store.migrate import upgrade

T = TypeVar("T")
USER = "voipbin"
PASSWORD = secrets.token_hex(8)
_TEMPLATE = "newest"
_SETTINGS = {  # quick, and small: what is in it need not survive the machine
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "autovacuum": "off",
    "max_wal_size": "64MB",
}


def apart(work: Callable[[], Coroutine[object, object, T]]) -> T:
    """Run a coroutine in a thread of its own, whatever loop there is in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


def sqlite_url(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


def make_schema(url: str) -> None:
    """Bring a database to the newest schema."""

    async def work() -> None:
        engine = create_async_engine(url)
        await upgrade(engine)
        await engine.dispose()

    apart(work)


class Postgres:
    """One server on the loopback address, and a new database for whoever wants one."""

    def __init__(self) -> None:
        self._programs = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
        self._folder = Path()
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    @property
    def is_installed(self) -> bool:
        return self._programs is not None and (self._programs / "initdb").exists()

    def make(self) -> None:
        """Make the server's files and start it."""
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            uid, gid = _unprivileged()
            os.chown(self._folder, uid, gid)
            os.chown(password, uid, gid)
        words = [f"--username={USER}", f"--pwfile={password}", "--auth=scram-sha-256", "--no-sync"]
        self._run("initdb", "--encoding=UTF8", "--locale=C", *words, "-D", str(self._data)).communicate()
        self.start()
        apart(lambda: self._execute(f"CREATE DATABASE {_TEMPLATE}"))
        make_schema(self.url(_TEMPLATE))

    def start(self, seconds: float = 30.0) -> None:
        """Start it and wait until it answers."""
        words = ["-D", str(self._data), "-p", str(self._port), "-h", "127.0.0.1", "-k", str(self._folder)]
        for name, value in _SETTINGS.items():
            words += ["-c", f"{name}={value}"]
        self._process = self._run("postgres", *words)
        deadline = time.monotonic() + seconds
        while True:
            try:
                return apart(lambda: self._execute("SELECT 1"))
            except (OSError, asyncpg.PostgresError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it; connections are cut."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(20)
            self._process = None

    def freeze(self) -> None:
        """Let it say nothing any more, without an end of any connection."""
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def remove(self) -> None:
        """End it and remove its files."""
        self.thaw()
        self.stop(signal.SIGQUIT)  # at once
        shutil.rmtree(self._folder, ignore_errors=True)

    def database(self, *, empty: bool = False) -> str:
        """Make a database; returns its URL. `empty`: without any tables."""
        self._made += 1
        name = f"test{self._made}"
        template = "template0" if empty else _TEMPLATE
        apart(lambda: self._execute(f"CREATE DATABASE {name} TEMPLATE {template}"))
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database and all connections to it: each takes 8 MB of the disk."""
        name = url.rpartition("/")[2]
        apart(lambda: self._execute(f"DROP DATABASE {name} WITH (FORCE)"))

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://{USER}:{PASSWORD}@127.0.0.1:{self._port}/{name}"

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _pids(self) -> list[int]:
        if self._process is None:
            return []
        pid = self._process.pid
        with suppress(OSError):
            return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
        return []

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url("postgres").replace("+asyncpg", ""), timeout=5)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _run(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        assert self._programs is not None
        root = os.geteuid() == 0
        uid, gid = _unprivileged() if root else (None, None)
        return subprocess.Popen(
            [str(self._programs / program), *words],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=uid,
            group=gid,
            extra_groups=[] if root else None,
        )


def _unprivileged() -> tuple[int, int]:
    """Return who runs the server where we are root: it refuses to."""
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return found.pw_uid, found.pw_gid
    raise AssertionError("there is neither a user postgres nor nobody")
