"""One tap as the server holds it: frames of a leg's sound to read, sound to write that the leg plays in real time.

Both ways are bounded and nobody waits: who reads too slowly loses the oldest frames, who writes more than `ahead`
seconds ahead of real time loses the oldest of that. Only as much as keeps a worker busy for a tenth of a second is
out of our hands, so that `clear` takes back nearly all.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from media.messages import ClearTap, CloseTap, OpenTap, TapClosed, TapRtp
from media.tap import DIRECTIONS, RATES
from media.tap_packets import CODECS

if TYPE_CHECKING:
    from media.media_leg import MediaLeg

WRITE_AHEAD = 60.0  # seconds of sound that may wait to be played
READ_BEHIND = 250  # frames that may wait to be read: 5 s
_KERNEL_OUT = 8192  # octets of socket buffer towards the worker: some 0.4 s of sound
_PACKET = 1 << 16


class TapEnded(Exception):  # noqa: N818 - reads as what happened
    """The leg or the tap is gone."""


class TapEnd:
    """The server's end of a tap. Made by `media.media_leg.MediaLeg.tap`.

    With `rtp` the sound goes to and from the host that the socket is connected to, straight from the worker; there
    is nothing to read or write then.

    Attributes:
        closed: ends with the final counters; None where nobody could tell them.
    """

    def __init__(self, leg: MediaLeg, order: OpenTap, sock: socket.socket | None, ahead: float) -> None:
        self._leg = leg
        self._order = order
        self._loop = asyncio.get_running_loop()
        self._ours: socket.socket | None = None
        if sock is None:
            self._ours, sock = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._ours.setblocking(False)
            self._ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_OUT)
            self._loop.add_reader(self._ours, self._readable)
        sock.setblocking(False)
        self._far = sock
        self._frame = order.rate // 25  # octets
        self._limit = int(ahead * order.rate) * 2
        self._frames: deque[bytes] = deque()
        self._came = asyncio.Event()
        self._waiting = bytearray()
        self._blocked = False
        self._over = False
        self.unread = 0  # frames dropped
        self.unplayed = 0  # octets dropped
        self.closed: asyncio.Future[TapClosed | None] = self._loop.create_future()

    @property
    def id(self) -> int:
        """Number of the tap."""
        return self._order.tap

    @property
    def listen(self) -> str:
        """What of the leg is heard: in, out, both or nothing."""
        return self._order.listen

    @property
    def speak(self) -> str:
        """Where to it speaks: in, out, both or nowhere."""
        return self._order.speak

    @property
    def rate(self) -> int:
        """Samples per second."""
        return self._order.rate

    @property
    def ahead(self) -> float:
        """Seconds of sound that wait to be played, without what the worker has already."""
        return len(self._waiting) / 2 / self.rate

    @property
    def is_over(self) -> bool:
        """Nothing comes any more."""
        return self._over

    def open(self) -> None:
        """Begin in the worker that the leg is in now; again when it has moved."""
        if not self._over:
            self._leg.link.send(self._order, (self._far,))

    async def read(self) -> bytes:
        """Return the next 20 ms, int16, little endian. Raises TapEnded."""
        while not self._frames:
            if self._over:
                raise TapEnded
            self._came.clear()
            await self._came.wait()
        return self._frames.popleft()

    def write(self, samples: bytes) -> None:
        """Queue sound, int16, little endian, of any length."""
        if self._over or self._ours is None or not self._order.speak:
            return
        self._waiting += samples
        excess = len(self._waiting) - self._limit
        if excess > 0:
            del self._waiting[: excess + excess % 2]
            self.unplayed += excess
        if not self._blocked:
            self._flush()

    def clear(self) -> None:
        """Play nothing any more of what was written."""
        self._waiting.clear()
        if self._over or self._ours is None:
            return
        with suppress(OSError):  # nothing is left
            while self._far.recv(_PACKET):  # what is on its way
                pass
        self._leg.order(ClearTap(self._leg.id, self.id))

    def close(self) -> None:
        """End the tap; `closed` tells when it has."""
        if not self._over:
            self._leg.order(CloseTap(self._leg.id, self.id))
            self._end()

    def finish(self, event: TapClosed | None) -> None:
        """The worker is done with it, or the leg is gone."""
        self._end()
        if not self.closed.done():
            self.closed.set_result(event)

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        if self._ours is not None:
            self._loop.remove_reader(self._ours)
            self._loop.remove_writer(self._ours)
            self._ours.close()
        self._far.close()
        self._waiting.clear()
        self._came.set()

    def _readable(self) -> None:
        assert self._ours is not None
        for _ in range(READ_BEHIND):
            try:
                frame = self._ours.recv(_PACKET)
            except OSError:
                break
            if not frame:
                break
            self._frames.append(frame)
        while len(self._frames) > READ_BEHIND:
            self._frames.popleft()
            self.unread += 1
        self._came.set()

    def _flush(self) -> None:
        """Send as much as the socket takes; come back when it takes more."""
        assert self._ours is not None
        while size := min(len(self._waiting), self._frame) & ~1:
            try:
                self._ours.send(self._waiting[:size])
            except BlockingIOError:
                if not self._blocked:
                    self._blocked = True
                    self._loop.add_writer(self._ours, self._flush)
                return
            except OSError:
                return  # the worker is gone, which the leg is told
            del self._waiting[:size]
        if self._blocked:
            self._blocked = False
            self._loop.remove_writer(self._ours)


def tap_order(
    leg: int, number: int, *, listen: str, speak: str, rate: int, rtp: TapRtp | None, room: bool
) -> OpenTap:
    """Return the order for a tap. Raises ValueError for what the engine does not know."""
    for direction in (listen, speak):
        if direction not in DIRECTIONS:
            raise ValueError(f"no direction {direction!r}: one of in, out, both or empty for neither")
    if rate not in RATES:
        raise ValueError(f"a tap of {rate} Hz: only {RATES[0]} or {RATES[1]}")
    if rtp is not None and rtp.codec not in CODECS:
        raise ValueError(f"no codec {rtp.codec!r} for a tap: one of {', '.join(CODECS)}")
    if rtp is not None and rtp.codec != "L16" and rate != 8000:
        raise ValueError(f"{rtp.codec} has 8000 Hz")
    return OpenTap(leg, number, listen, speak, rate, rtp, room)
