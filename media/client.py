"""The server's way to the media engine: legs, clips and playouts, in the event loop of the control process.

Everything here is synchronous but starting and closing; what happens on a leg comes back to its `LegListener` or
through futures. A worker that dies takes its legs with it: they are told once, and a new one is started.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from media.bank import DEFAULT_SAMPLES, BankFull, Clip, ClipBank
from media.dtmf.telephone_event import event_code
from media.legs import ECHOES, LAWS
from media.link import WorkerLink, WorkerLost
from media.messages import (
    CloseLeg,
    Digit,
    DigitsSent,
    Echo,
    Event,
    FirstPacket,
    LegClosed,
    Load,
    OpenLeg,
    OtherDigits,
    Play,
    PlayDone,
    RtpTimeout,
    SendDigits,
    SetStream,
    StopPlay,
    Stream,
)
from media.orders import canonical
from media.ports import NoPort, PortPool
from media.send import PTIMES
from media.stats import SLOTS, LegStats

__all__ = [
    "BankFull", "Clip", "LegListener", "LegStats", "MediaClient", "MediaLeg", "NoPort", "Playout", "WorkerLost",
]  # fmt: skip

_RESTART_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0)  # waits before starting a worker anew, the last for ever


class LegListener(Protocol):
    """Who is told what happens on a leg, in the event loop. Must not block or raise."""

    def on_digit(self, digit: Digit) -> None:
        """A digit was pressed."""
        ...

    def on_first_packet(self, packet: FirstPacket) -> None:
        """The peer's source address is known."""
        ...

    def on_rtp_timeout(self, timeout: RtpTimeout) -> None:
        """Nothing valid has come for the leg's time-out."""
        ...

    def on_lost(self, reason: str) -> None:
        """The leg has no media any more and will not get it back."""
        ...


class Playout:
    """Sound that was ordered for a leg. Cancelling `done` (or the task that awaits it) stops the sound."""

    def __init__(self, leg: MediaLeg, number: int, clips: Sequence[Clip]) -> None:
        self._leg = leg
        self._number = number
        loop = asyncio.get_running_loop()
        # The clips must stay in the bank until the worker is done with them, whatever becomes of `done`.
        self._ended: asyncio.Future[PlayDone] = loop.create_future()
        leg.client.bank.pin(clips, self._ended)
        self.done: asyncio.Future[PlayDone] = loop.create_future()
        self.done.add_done_callback(lambda _: self.stop())

    def stop(self) -> None:
        """End it now; `done` tells when it has."""
        if not self._ended.done():
            self._leg.order(StopPlay(self._leg.id, self._number))

    def finish(self, event: PlayDone) -> None:
        """The worker is done with it."""
        self._ended.set_result(event)
        if not self.done.done():
            self.done.set_result(event)


class MediaLeg:
    """One leg's media: an RTP and an RTCP port here, and in a worker all that happens on them."""

    def __init__(
        self,
        client: MediaClient,
        link: WorkerLink,
        number: int,
        slot: int,
        address: tuple[str, int],
        listener: LegListener,
    ) -> None:
        self.client = client
        self.id = number
        self.host, self.port = address
        self.rtcp_port = self.port + 1
        self.link = link
        self.slot = slot
        self.listener = listener
        self.final: asyncio.Future[LegClosed] = asyncio.get_running_loop().create_future()
        self._playouts: dict[int, Playout] = {}
        self._digits: dict[int, asyncio.Future[None]] = {}
        self._closing = False

    @property
    def open(self) -> bool:
        """Orders still have an effect."""
        return not self._closing

    def set_stream(self, stream: Stream) -> None:
        """Apply what signalling agreed; raises ValueError for what the engine does not know."""
        if stream.codec not in LAWS:
            raise ValueError(f"no codec {stream.codec!r}: one of {', '.join(LAWS)}")
        if stream.ptime not in PTIMES:
            raise ValueError(f"ptime {stream.ptime} is none of {PTIMES}")
        canonical(stream.host)
        self.order(SetStream(self.id, stream))

    def play(
        self, clips: Sequence[Clip], *, urgent: bool = False, stop_digits: str = "", loop: bool = False
    ) -> Playout:
        """Queue sound; raises ValueError for a released clip. `urgent` suspends what plays."""
        number = self.client.next_number()
        self.order(Play(self.id, number, [clip.ref for clip in clips], urgent, stop_digits, loop))
        playout = Playout(self, number, clips)
        if self._closing:
            playout.finish(PlayDone(self.id, number, "closed", 0))
        else:
            self._playouts[number] = playout
        return playout

    def stop_playing(self) -> None:
        """End all that plays or waits to."""
        self.order(StopPlay(self.id, 0))

    def send_digits(self, digits: str, duration: int = 160, interval: int = 100) -> asyncio.Future[None]:
        """Send digits, `duration` ms each, `interval` ms apart; the future ends when they have left.

        Raises ValueError for anything but 0-9, *, # and A-D. The future is cancelled if the leg goes away first.
        """
        for digit in digits:
            event_code(digit)
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._closing:
            sent.cancel()
            return sent
        number = self.client.next_number()
        self._digits[number] = sent
        self.order(SendDigits(self.id, number, digits, duration, interval))
        return sent

    def echo(self, mode: str) -> None:
        """Return what the peer sends: "off", "sound" or "stream"."""
        if mode not in ECHOES:
            raise ValueError(f"no echo mode {mode!r}: one of {', '.join(ECHOES)}")
        self.order(Echo(self.id, mode))

    def other_digit(self, digit: str) -> None:
        """Tell that the peer sends digits by signalling; `digit` ends playouts that stop on it."""
        self.order(OtherDigits(self.id, digit))

    def stats(self) -> LegStats:
        """Return the counters, at most half a second old; the final ones once the leg is closed."""
        if self.final.done():
            return self._last
        return self.link.stats.read(self.slot)

    def close(self) -> None:
        """Give the leg up; `final` ends with its last counters."""
        if not self._closing:
            self.order(CloseLeg(self.id))
            self._closing = True

    def order(self, order: SetStream | Play | StopPlay | SendDigits | Echo | OtherDigits | CloseLeg) -> None:
        """Send an order to the leg's worker; a leg that is gone takes none."""
        if not self._closing:
            self.link.send(order)

    def take(self, event: Event) -> None:
        """Take an event of the worker."""
        match event:
            case PlayDone():
                playout = self._playouts.pop(event.playout, None)
                if playout is not None:
                    playout.finish(event)
            case DigitsSent():
                sent = self._digits.pop(event.order, None)
                if sent is not None and not sent.done():
                    sent.set_result(None)
            case Digit():
                self.listener.on_digit(event)
            case FirstPacket():
                self.listener.on_first_packet(event)
            case RtpTimeout():
                self.listener.on_rtp_timeout(event)
            case LegClosed():
                self.end(event)

    def end(self, closed: LegClosed) -> None:
        """Settle everything that still waits on the leg."""
        self._closing = True
        self._last = self.stats()._replace(
            packets_sent=closed.packets_sent,
            packets_received=closed.packets_received,
            packets_lost=closed.packets_lost,
            packets_late=closed.packets_late,
            packets_foreign=closed.packets_foreign,
            jitter=closed.jitter,
            round_trip=closed.round_trip,
        )
        for number, playout in self._playouts.items():
            playout.finish(PlayDone(self.id, number, "closed", 0))
        for sent in self._digits.values():
            sent.cancel()
        self._playouts.clear()
        self._digits.clear()
        if not self.final.done():
            self.final.set_result(closed)


class MediaClient:
    """All media of this server. `ports` is the range of RTP ports, `bank_samples` the room for clips."""

    def __init__(self, *, ports: range, workers: int = 1, bank_samples: int = DEFAULT_SAMPLES) -> None:
        if workers < 1:
            raise ValueError("at least one media worker is needed")
        self.bank = ClipBank(bank_samples)
        self._ports = PortPool(ports, time.monotonic)
        self._links = [self._new_link() for _ in range(workers)]
        self._slots: dict[WorkerLink, list[int]] = {}
        self._legs: dict[int, MediaLeg] = {}
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
        self.bank.close()

    @property
    def load(self) -> list[Load]:
        """What each worker said last about how busy it is."""
        return [self._loads.get(link, Load(0, 0.0, 0)) for link in self._links]

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers, for the operator's eyes."""
        return [link.pid for link in self._links]

    def open_leg(
        self, host: str, listener: LegListener, *, inband_digits: bool = True, rtp_timeout: float = 0
    ) -> MediaLeg:
        """Open RTP and RTCP ports on a local address, in the least loaded worker. Raises NoPort and WorkerLost.

        `inband_digits` listens for tones until another source of digits shows up; `rtp_timeout` in seconds, 0 = never.
        """
        links = [link for link in self._links if link.alive and self._slots[link]]
        if not links:
            raise WorkerLost("no media worker is running, or all are full")
        link = min(links, key=lambda link: -len(self._slots[link]))
        port, rtp, rtcp = self._ports.open(host)
        slot = self._slots[link].pop()
        leg = MediaLeg(self, link, self.next_number(), slot, (host, port), listener)
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

    def add_clip(self, pcm: NDArray[np.int16], rate: int) -> Clip:
        """Put int16[n] mono sound of 8000 or 16000 Hz where the workers can play it. Raises BankFull."""
        return self.bank.add(pcm, rate)

    def next_number(self) -> int:
        """Return a number that no leg, playout or digit order has had."""
        self._number += 1
        return self._number

    def _new_link(self) -> WorkerLink:
        return WorkerLink(self.bank.fd, self._event, self._lost)

    async def _start(self, link: WorkerLink) -> None:
        await link.start()
        self._slots[link] = list(range(SLOTS))

    def _event(self, link: WorkerLink, event: Event) -> None:
        """Pass a worker's event to its leg."""
        if isinstance(event, Load):
            self._loads[link] = event
            return
        leg = self._legs.get(getattr(event, "leg", 0))
        if leg is None:
            return
        if isinstance(event, LegClosed):
            unasked = leg.open
            self._forget(leg, event)
            if unasked:
                leg.listener.on_lost("the media worker could not take the leg's sockets")
        else:
            leg.take(event)

    def _forget(self, leg: MediaLeg, closed: LegClosed) -> None:
        """A leg's sockets are closed: its ports rest, its futures end."""
        del self._legs[leg.id]
        self._slots[leg.link].append(leg.slot)
        self._ports.release(leg.port)
        leg.end(closed)

    def _lost(self, link: WorkerLink) -> None:
        """A worker has died: tell its legs and start another one in its place."""
        self._loads.pop(link, None)
        gone = [leg for leg in self._legs.values() if leg.link is link]
        for leg in gone:
            was_open = leg.open
            stats = leg.stats()
            self._forget(leg, LegClosed(leg.id, *stats[:7]))
            if was_open:
                leg.listener.on_lost("the media worker ended")
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
