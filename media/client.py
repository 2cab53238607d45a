"""The server's way to the media engine: legs, clips and playouts, in the event loop of the control process.

Everything here is synchronous but starting and closing; what happens on a leg comes back to its `LegListener` or
through futures. A worker that dies or hangs takes its legs with it: they are told once, and a new one is started.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from media.bank import DEFAULT_SAMPLES, BankFull, Clip, ClipBank
from media.link import WorkerLink, WorkerLost
from media.media_leg import LegListener, MediaLeg, Playout
from media.messages import (
    Digit,
    Event,
    FirstPacket,
    HandedOver,
    HandOver,
    LegClosed,
    Load,
    OpenLeg,
    Record,
    RecordDone,
    RtpTimeout,
    TakeOver,
)
from media.ports import NoPort, PortPool
from media.recorder import DIRECTIONS, RATES
from media.recording import Recording
from media.room import Room
from media.stats import SLOTS, LegStats
from media.tap_client import TapEnd, TapEnded

__all__ = [
    "BankFull", "Clip", "LegListener", "LegStats", "MediaClient", "MediaLeg", "NoPort", "Playout", "Recording", "Room",
    "TapEnd", "TapEnded", "WorkerLost",
]  # fmt: skip

_RESTART_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0)  # waits before starting a worker anew, the last for ever


class MediaClient:
    """All media of this server.

    Args:
        ports: the range of RTP ports.
        bank_samples: the room for clips.
        words: takes what workers write on standard error, a traceback in one piece; None: it goes where ours goes.
    """

    def __init__(
        self,
        *,
        ports: range,
        workers: int = 1,
        bank_samples: int = DEFAULT_SAMPLES,
        words: Callable[[str], None] | None = None,
    ) -> None:
        if workers < 1:
            raise ValueError("at least one media worker is needed")
        self.bank = ClipBank(bank_samples)
        self._ports = PortPool(ports, time.monotonic)
        self._words = words
        self._links = [self._new_link() for _ in range(workers)]
        self._slots: dict[WorkerLink, list[int]] = {}
        self._legs: dict[int, MediaLeg] = {}
        self._recordings: dict[int, Recording] = {}
        self._loads: dict[WorkerLink, Load] = {}
        self._number = 0
        self._restarts: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self) -> None:
        """Start the workers. Raises WorkerLost."""
        await asyncio.gather(*(self._start(link) for link in self._links))

    async def close(self) -> None:
        """End all legs and workers."""
        self._closed = True
        for task in self._restarts:
            task.cancel()
        await asyncio.gather(*(link.close() for link in self._links))
        for leg in list(self._legs.values()):
            self._forget(leg, LegClosed(leg.id, 0, 0, 0, 0, 0, 0.0, 0.0))
        self._lose_recordings([*self._recordings.values()])
        self.bank.close()

    @property
    def load(self) -> list[Load]:
        """What each worker said last about how busy it is."""
        return [self._loads.get(link, Load(0, 0.0, 0)) for link in self._links]

    @property
    def alive(self) -> list[bool]:
        """Whether each worker runs; one that died is replaced within a second."""
        return [link.alive for link in self._links]

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers, for the operator's eyes."""
        return [link.pid for link in self._links]

    def open_leg(
        self,
        host: str,
        listener: LegListener,
        *,
        inband_digits: bool = True,
        rtp_timeout: float = 0,
        beside: MediaLeg | None = None,
    ) -> MediaLeg:
        """Open RTP and RTCP ports on a local address, in the least loaded worker. Raises NoPort and WorkerLost.

        `beside` asks for the worker of another leg, which spares a move when both join one room.
        `inband_digits` listens for tones until another source of digits shows up; `rtp_timeout` in seconds, 0 = never.
        """
        links = [link for link in self._links if link.alive and self._slots[link]]
        if not links:
            raise WorkerLost("no media worker is running, or all are full")
        link = min(links, key=lambda link: -len(self._slots[link]))
        if beside is not None and beside.home in links:
            link = beside.home
        port, rtp, rtcp = self._ports.open(host)
        slot = self._slots[link].pop()
        leg = MediaLeg(self.bank, self._next_number, link, self._next_number(), slot, (host, port), listener)
        try:
            link.stats.clear(slot)
            link.send(OpenLeg(leg.id, slot, inband_digits, float(rtp_timeout)), (rtp, rtcp))
        except BaseException:
            self._slots[link].append(slot)
            self._ports.release(port)
            raise
        finally:
            rtp.close()
            rtcp.close()
        self._legs[leg.id] = leg
        return leg

    def room(self) -> Room:
        """Return a new, empty room."""
        return Room(self, self._next_number())

    def record(
        self,
        leg: MediaLeg,
        path: Path,
        *,
        direction: str = "both",
        rate: int = 8000,
        duration: int = 0,
        silence: int = 0,
        stop_digits: str = "",
    ) -> Recording:
        """Write what a leg says and hears into a WAV file; see `media.messages.Record`. Raises ValueError.

        A leg that is gone already ends it at once.
        """
        if direction not in DIRECTIONS or rate not in RATES:
            raise ValueError(f"no recording of {direction!r} at {rate} Hz")
        recording = Recording(leg, self._next_number())
        if not leg.open:
            recording.finish(RecordDone(leg.id, recording.number, "hangup", 0, 0))
            return recording
        leg.order(
            Record(leg.id, recording.number, str(path), direction, rate, duration, silence, stop_digits)
        )
        self._recordings[recording.number] = recording
        return recording

    def record_room(self, room: Room, path: Path, *, rate: int = 8000, duration: int = 0) -> Recording:
        """Record what is said in a room. Raises NoPort and WorkerLost, and ValueError where nobody is in it."""
        ear = self._ear(room)
        return self.record(ear, path, direction="room", rate=rate, duration=duration)

    def tap_room(self, room: Room, **terms: Any) -> TapEnd:
        """Listen to a room and speak into it; `terms` as for `MediaLeg.tap`, but without directions.

        Raises NoPort and WorkerLost, and ValueError where nobody is in the room.
        """
        ear = self._ear(room)
        try:
            tap = ear.tap(listen="out", speak="in", room=True, **terms)
        except BaseException:
            ear.close()
            raise
        tap.closed.add_done_callback(lambda _: ear.close())
        return tap

    def _ear(self, room: Room) -> MediaLeg:
        """Return a leg without a phone that is in a room."""
        if not room.legs:
            raise ValueError("the room is empty")
        beside = room.legs[0]
        ear = self.open_leg(beside.host, _NoListener(), inband_digits=False, beside=beside)
        try:
            ear.join(room)
        except WorkerLost:
            ear.close()
            raise
        return ear

    def move(self, leg: MediaLeg, link: WorkerLink) -> None:
        """Let a leg go on in another worker. Raises WorkerLost if that one is gone or full.

        What is ordered meanwhile waits; its peer hears a gap of a few packets at most.
        """
        if not link.alive or not self._slots[link]:
            raise WorkerLost("the media worker of the room is gone or full")
        if leg.destination is None:
            leg.order(HandOver(leg.id))
        leg.destination = link

    def add_clip(self, pcm: NDArray[np.int16], rate: int) -> Clip:
        """Put int16[n] mono sound of 8000 or 16000 Hz where the workers can play it. Raises BankFull."""
        return self.bank.add(pcm, rate)

    def _next_number(self) -> int:
        """Return a number that no leg, playout or digit order has had."""
        self._number += 1
        return self._number

    def _new_link(self) -> WorkerLink:
        return WorkerLink(self.bank.fd, self._event, self._lost, self._words)

    async def _start(self, link: WorkerLink) -> None:
        await link.start()
        self._slots[link] = list(range(SLOTS))

    def _event(self, link: WorkerLink, event: Event, sockets: list[socket.socket]) -> None:
        """Pass a worker's event to its leg."""
        try:
            self._take(link, event, sockets)
        finally:
            for sock in sockets:
                sock.close()

    def _take(self, link: WorkerLink, event: Event, sockets: list[socket.socket]) -> None:
        if isinstance(event, Load):
            self._loads[link] = event
            return
        if isinstance(event, RecordDone):
            self._recorded(event)
            return
        leg = self._legs.get(getattr(event, "leg", 0))
        if leg is None:
            return
        if isinstance(event, HandedOver):
            self._go_on(leg, event, sockets)
        elif isinstance(event, LegClosed):
            unasked = leg.open
            self._forget(leg, event)
            if unasked:
                leg.listener.on_lost("the media worker could not take the leg's sockets")
        else:
            leg.take(event)

    def _go_on(self, leg: MediaLeg, event: HandedOver, sockets: list[socket.socket]) -> None:
        """Take a leg that its worker has handed over to where it goes."""
        link = leg.destination
        assert link is not None
        if not link.alive or not self._slots[link] or len(sockets) != 2:
            stats = leg.stats()
            self._forget(leg, LegClosed(leg.id, *stats[:-1]))
            leg.listener.on_lost("the media worker of the leg's room is gone or full")
            self._lose_recordings([item for item in self._recordings.values() if item.leg is leg])
            return
        slot = self._slots[link].pop()
        link.stats.table[slot] = leg.link.stats.table[leg.slot]
        self._slots[leg.link].append(leg.slot)
        link.send(TakeOver(leg.id, slot, event.luggage), sockets)
        leg.arrive(slot)

    def _recorded(self, event: RecordDone) -> None:
        """A recording is over; what only listened for it goes away."""
        recording = self._recordings.pop(event.recording, None)
        if recording is not None:
            recording.finish(event)
            if isinstance(recording.leg.listener, _NoListener):
                recording.leg.close()

    def _lose_recordings(self, lost: Sequence[Recording]) -> None:
        """Nobody writes these any more."""
        for recording in lost:
            self._recorded(RecordDone(recording.leg.id, recording.number, "media lost", 0, 0))

    def _forget(self, leg: MediaLeg, closed: LegClosed) -> None:
        """A leg's sockets are closed: its ports rest, its futures end."""
        del self._legs[leg.id]
        self._slots[leg.link].append(leg.slot)
        self._ports.release(leg.port)
        leg.end(closed)

    def _lost(self, link: WorkerLink) -> None:
        """A worker has died: tell its legs and start another one in its place."""
        self._loads.pop(link, None)
        lost = [item for item in self._recordings.values() if item.leg.link is link]
        gone = [leg for leg in self._legs.values() if leg.link is link]
        for leg in gone:
            was_open = leg.open
            stats = leg.stats()
            self._forget(leg, LegClosed(leg.id, *stats[:-1]))
            if was_open:
                leg.listener.on_lost(f"the media worker {link.fate}")
        self._lose_recordings(lost)
        del self._slots[link]
        if not self._closed:
            task = asyncio.get_running_loop().create_task(self._restart(link))
            self._restarts.add(task)
            task.add_done_callback(self._restarts.discard)

    async def _restart(self, old: WorkerLink) -> None:
        """Start a worker instead of one that died, however often it takes."""
        place = self._links.index(old)
        for attempt in itertools.count():
            await asyncio.sleep(_RESTART_SECONDS[min(attempt, len(_RESTART_SECONDS) - 1)])
            link = self._new_link()
            try:
                await self._start(link)
            except (WorkerLost, OSError):
                continue
            self._links[place] = link
            await old.close()
            return


class _NoListener:
    """Listens to a leg that has no phone (`MediaClient.record_room`)."""

    def on_digit(self, digit: Digit) -> None:
        """Nobody presses any."""

    def on_first_packet(self, packet: FirstPacket) -> None:
        """Nothing is expected."""

    def on_rtp_timeout(self, timeout: RtpTimeout) -> None:
        """Nor missed."""

    def on_lost(self, reason: str) -> None:
        """The recording tells."""
