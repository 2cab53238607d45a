"""The control side's end of one media worker: starts the process, carries messages both ways, notices its end.

A worker says once a second how busy it is (`Load`). One that falls silent hangs, and so do all of its calls: it is
killed, which is an end like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from media.messages import VERSION, Event, Hello, Order, Stop
from media.stats import StatsTable, create_stats

START_SECONDS = 10.0
STOP_SECONDS = 3.0
HANG_SECONDS = 2.0  # without a word: twice the time between two of them
_LOOK_SECONDS = 0.25
_QUIET_SECONDS = 0.2  # without more on standard error: what was written belongs together
_MAX_WORDS = 16_000  # octets of it that are kept
_RECORD = 1 << 16
# A matrix library that spreads a tick over threads of its own makes it later, not faster.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_ROOT = str(Path(__file__).resolve().parent.parent)


class WorkerLost(Exception):  # noqa: N818 - reads as what happened
    """The media worker has ended or cannot be reached."""


class WorkerLink:
    """One worker process.

    `event` is called for each of its events, with the sockets that came beside it, `lost` once if it ends unasked.
    `words` is called with what it writes on standard error, a traceback in one piece; None: it goes where ours goes.
    """

    def __init__(
        self,
        bank_fd: int,
        event: Callable[[WorkerLink, Event, list[socket.socket]], None],
        lost: Callable[[WorkerLink], None],
        words: Callable[[str], None] | None = None,
    ):
        self._bank_fd = bank_fd
        self._event = event
        self._lost = lost
        self._words = words
        self._listening: asyncio.Task[None] | None = None
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Event).decode
        self._waiting: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._socket: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._hello: asyncio.Future[Hello] | None = None
        self._stats_fd = create_stats()
        self.stats = StatsTable(self._stats_fd)
        self._heard = 0.0  # when it said something last
        self._look: asyncio.TimerHandle | None = None
        self.alive = False
        self.fate = "ended"  # what became of it, once it is lost
        self.pid = 0

    async def start(self) -> None:
        """Start the process and wait until it says Hello. Raises WorkerLost."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            fds = (theirs.fileno(), self._bank_fd, self._stats_fd)
            path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "media.worker", *map(str, fds),
                pass_fds=fds, stdin=asyncio.subprocess.DEVNULL,
                stderr=None if self._words is None else asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": path, **_ONE_THREAD},
            )  # fmt: skip
        finally:
            theirs.close()
            os.close(self._stats_fd)
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        self._socket, self._hello = ours, loop.create_future()
        loop.add_reader(ours, self._readable)
        self.pid = self._process.pid
        if self._process.stderr is not None and self._words is not None:
            self._listening = loop.create_task(_listen(self._process.stderr, self._words))
        try:
            hello = await asyncio.wait_for(self._hello, START_SECONDS)
        except TimeoutError:
            await self._kill()
            raise WorkerLost(f"the media worker did not start within {START_SECONDS:.0f} s") from None
        if hello.version != VERSION:
            await self._kill()
            raise WorkerLost(f"the media worker speaks version {hello.version}, not {VERSION}")
        self.alive = True
        self._heard = loop.time()
        self._look_later(self._heard)

    def send(self, order: Order, fds: Sequence[socket.socket] = ()) -> None:
        """Send an order, with sockets for the worker to take over. Raises WorkerLost."""
        if self._socket is None:
            raise WorkerLost("the media worker is gone")
        data = self._encode(order)
        if len(data) > _RECORD:
            raise ValueError(
                f"an order of {len(data)} octets does not fit a record of {_RECORD}: too many clips at once"
            )
        numbers = tuple(os.dup(sock.fileno()) for sock in fds)
        self._waiting.append((data, numbers))
        if len(self._waiting) == 1:
            self._flush()

    async def close(self) -> None:
        """End the worker and wait for it."""
        self.alive = False
        if self._socket is not None:
            self.send(Stop())
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
            except TimeoutError:
                await self._kill()
        if self._listening is not None:
            await asyncio.wait((self._listening,), timeout=STOP_SECONDS)
        self._disconnect()

    def _flush(self) -> None:
        """Send what waits; come back when the socket takes more."""
        assert self._socket is not None
        loop = asyncio.get_running_loop()
        while self._waiting:
            data, fds = self._waiting[0]
            try:
                socket.send_fds(self._socket, [data], fds)
            except BlockingIOError:
                loop.add_writer(self._socket, self._flush)
                return
            except OSError:
                return  # the reader notices the end
            self._waiting.popleft()
            for fd in fds:
                os.close(fd)
        loop.remove_writer(self._socket)

    def _readable(self) -> None:
        """Take what the worker says."""
        while self._socket is not None:
            try:
                data, fds, _, _ = socket.recv_fds(self._socket, _RECORD, 2)
            except BlockingIOError:
                return
            except OSError:
                data, fds = b"", []
            if not data:
                self._ended()
                return
            self._heard = asyncio.get_running_loop().time()
            event = self._decode(data)
            if isinstance(event, Hello):
                if self._hello is not None and not self._hello.done():
                    self._hello.set_result(event)
            else:
                self._event(self, event, [socket.socket(fileno=fd) for fd in fds])

    def _look_later(self, now: float) -> None:
        due = now + _LOOK_SECONDS
        self._look = asyncio.get_running_loop().call_at(due, self._look_after, due)

    def _look_after(self, due: float) -> None:
        """Kill the worker if it hangs. If we come late ourselves, its words may wait to be read: not now then."""
        if not self.alive:
            return
        now = asyncio.get_running_loop().time()
        if now - due > _LOOK_SECONDS:
            self._heard = now
        if now - self._heard <= HANG_SECONDS:
            self._look_later(now)
            return
        self.fate = "hung and was killed"
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        self._ended()  # a process in the kernel's hands may take its time to die

    def _ended(self) -> None:
        """The worker has closed its end."""
        self._disconnect()
        if self._hello is not None and not self._hello.done():
            self._hello.set_exception(
                WorkerLost("the media worker ended while starting; its stderr says why")
            )
        if self.alive:
            self.alive = False
            self._lost(self)

    def _disconnect(self) -> None:
        if self._look is not None:
            self._look.cancel()
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        loop.remove_writer(self._socket)
        self._socket.close()
        self._socket = None
        for _, fds in self._waiting:
            for fd in fds:
                os.close(fd)
        self._waiting.clear()

    async def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()


async def _listen(stream: asyncio.StreamReader, words: Callable[[str], None]) -> None:
    """Pass on what comes until its end, in pieces between which it is quiet for a moment."""
    said = b""
    while True:
        try:
            async with asyncio.timeout(_QUIET_SECONDS if said else None):
                data = await stream.read(4096)
        except TimeoutError:
            words(said.decode("utf-8", "replace"))
            said = b""
            continue
        if not data:
            break
        said = (said + data)[-_MAX_WORDS:]
    if said:
        words(said.decode("utf-8", "replace"))
