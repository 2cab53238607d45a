"""The media process: `python -m media.worker SOCKET BANK STATS` with three inherited file descriptors.

SOCKET is one end of a SEQPACKET socketpair: orders come in (with a leg's sockets as file descriptors beside
`OpenLeg`), events go out. The process ends when the other end is closed or says Stop. Legs are split between two
engines whose ticks are 10 ms apart, which halves the work of a wake-up.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import socket
import sys
import time
from collections import deque

import msgspec

from media.bank import map_bank
from media.engine import Engine
from media.handover import Luggage, put_in, take_out
from media.messages import (
    VERSION,
    CloseLeg,
    Event,
    HandedOver,
    HandOver,
    Hello,
    Join,
    LegClosed,
    Load,
    OpenLeg,
    OpenTap,
    Order,
    Stop,
    TakeOver,
    TapClosed,
)
from media.recorder_disk import Disk
from media.rtp import TICK
from media.sockets import SocketIO
from media.stats import StatsTable

RECORD = 1 << 16  # octets of the longest message
_ORDERS = 256  # taken at one wake-up at most: the tick must not wait for a storm of calls
_PHASES = 2
_PRIORITY = -10  # nice value where we may take it: a tick that waits for the processor is heard
_STEP = TICK / _PHASES


class Worker:
    """The loop: orders, then the phase's tick, at absolute deadlines."""

    def __init__(self, link: socket.socket, bank_fd: int, stats_fd: int) -> None:
        link.setblocking(False)
        self._link = link
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Order).decode
        self._out: deque[tuple[bytes, tuple[socket.socket, ...]]] = deque()
        bank, stats = map_bank(bank_fd), StatsTable(stats_fd)
        self._networks = [SocketIO() for _ in range(_PHASES)]
        self._disk = Disk()
        self._engines = [
            Engine(network, bank, self._emit, stats=stats, disk=self._disk) for network in self._networks
        ]
        self._phase: dict[int, int] = {}  # of each leg
        self._busy = 0.0  # seconds of work since the last Load
        self._late = 0
        self._running = True

    def run(self) -> None:
        """Tick until told to stop or left alone."""
        self._emit(Hello(VERSION, os.getpid()))
        deadline = time.monotonic() + _STEP
        load_due = deadline + 1.0
        phase = 0
        while self._running:
            self._tell_recordings()
            self._flush()
            wait = deadline - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            started = time.monotonic()
            skipped = int((started - deadline) / TICK)
            if skipped > 0:
                # Too late for these ticks to be worth anything; a burst would only fill the peers' buffers.
                for engine in self._engines:
                    engine.skip(skipped)
                deadline += skipped * TICK
                self._late += skipped
            self._take_orders(started)
            self._engines[phase].tick(started)
            self._busy += time.monotonic() - started
            if started >= load_due:
                self._tell_load(started - load_due + 1.0)
                load_due = started + 1.0
            phase = (phase + 1) % _PHASES
            deadline += _STEP
        self._end_recordings()

    def _take_orders(self, now: float) -> None:
        """Carry out the orders that wait."""
        for _ in range(_ORDERS):
            try:
                data, fds, _, _ = socket.recv_fds(self._link, RECORD, 2)
            except BlockingIOError:
                return
            except OSError:
                data, fds = b"", []
            if not data:
                self._running = False
                return
            order = self._decode(data)
            if isinstance(order, Stop):
                self._running = False
                return
            self._carry_out(order, fds, now)

    def _carry_out(self, order: Order, fds: list[int], now: float) -> None:
        """Give an order to the engine of its leg."""
        assert not isinstance(order, Stop)
        if isinstance(order, OpenLeg | TakeOver):
            sizes = [len(engine.legs.by_id) for engine in self._engines]
            if len(fds) != 2:  # this process may not open more files: the leg cannot be, the others go on
                self._emit(LegClosed(order.leg, 0, 0, 0, 0, 0, 0.0, 0.0))
                return
            phase = self._phase[order.leg] = sizes.index(min(sizes))
            self._networks[phase].offer(order.leg, socket.socket(fileno=fds[0]), socket.socket(fileno=fds[1]))
            if isinstance(order, TakeOver):
                luggage = msgspec.msgpack.decode(order.luggage, type=Luggage)
                luggage.opened.slot = order.slot
                put_in(self._engines[phase], luggage, now)
                return
        elif isinstance(order, HandOver):
            self._hand_over(order)
            return
        elif isinstance(order, OpenTap):
            phase = self._phase.get(order.leg, 0)
            if len(fds) != 1:
                self._emit(TapClosed(order.leg, order.tap, 0, 0, 0))
                return
            self._engines[phase].taps.offer(order.tap, socket.socket(fileno=fds[0]))
        elif isinstance(order, CloseLeg):
            phase = self._phase.pop(order.leg, 0)
        elif isinstance(order, Join):
            phase = self._bring(order, now)
        else:
            phase = self._phase.get(order.leg, 0)
        self._engines[phase].order(order, now)

    def _hand_over(self, order: HandOver) -> None:
        """Send a leg back to the control side."""
        phase = self._phase.pop(order.leg, 0)
        leg = self._engines[phase].legs.by_id.get(order.leg)
        if leg is None:
            return
        row = leg.row
        taken = take_out(self._engines[phase], leg)
        for recording in taken.recordings:
            self._disk.let_go(recording.order.recording)
        luggage = msgspec.msgpack.encode(taken)
        sockets = self._networks[phase].release(row)
        self._out.append((self._encode(HandedOver(order.leg, luggage)), sockets))

    def _bring(self, order: Join, now: float) -> int:
        """Bring a leg to the engine of the room that it joins; return that engine's phase."""
        before = self._phase.get(order.leg, 0)
        phases = [phase for phase in range(_PHASES) if order.room in self._engines[phase].mixer.rooms.members]
        leg = self._engines[before].legs.by_id.get(order.leg)
        if leg is None or not phases or phases == [before]:
            return before
        row = leg.row
        taps = self._engines[before].taps.take(row)
        luggage = take_out(self._engines[before], leg)
        self._networks[phases[0]].offer(order.leg, *self._networks[before].release(row))
        put_in(self._engines[phases[0]], luggage, now)
        brought = self._engines[phases[0]].legs.by_id[order.leg]
        brought.wideband, brought.formats = leg.wideband, leg.formats
        self._engines[phases[0]].use(brought)
        self._engines[phases[0]].taps.give(brought.row, taps)
        self._phase[order.leg] = phases[0]
        return phases[0]

    def _emit(self, event: Event) -> None:
        """Queue an event for the control side."""
        self._out.append((self._encode(event), ()))

    def _flush(self) -> None:
        """Send queued events, as many as the socket takes."""
        while self._out:
            data, sockets = self._out[0]
            try:
                socket.send_fds(self._link, [data], [sock.fileno() for sock in sockets])
            except BlockingIOError:
                return
            except OSError:  # the control side is gone: so are its calls
                self._running = False
                return
            self._out.popleft()
            for sock in sockets:
                sock.close()

    def _tell_recordings(self) -> None:
        """Report the recordings whose files are closed."""
        while self._disk.done:
            self._emit(self._disk.done.popleft())

    def _end_recordings(self) -> None:
        """Let no sound be lost that was recorded, also where the control side is gone."""
        for engine in self._engines:
            engine.recorder.close_all()
        self._disk.close()
        self._tell_recordings()
        self._flush()

    def _tell_load(self, seconds: float) -> None:
        """Report how busy the last second was."""
        legs = sum(len(engine.legs.by_id) for engine in self._engines)
        self._emit(Load(legs, round(self._busy / seconds, 4), self._late))
        self._busy = 0.0


def main(arguments: list[str]) -> None:
    """Run a worker on the inherited descriptors."""
    link, bank, stats = (int(argument) for argument in arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        # A terminal's ^C and many supervisors signal the whole group; calls go on while the server drains.
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(PermissionError):
        os.nice(_PRIORITY)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # two sockets for each leg
    worker = Worker(socket.socket(fileno=link), bank, stats)
    gc.collect()
    gc.freeze()
    gc.disable()  # a collection would be a late tick; nothing here makes cycles per packet or per tick
    worker.run()


if __name__ == "__main__":
    main(sys.argv[1:])
