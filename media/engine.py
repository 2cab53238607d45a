"""The tick: every 20 ms everything that all legs of one phase hear and say, as array operations.

One row per leg in each part (jitter buffer, receiver, concealer, player, sender); this module only orders their
work. It does no I/O (`media.io.PacketIO` does) and reads no clock (`now` is given), so that a test drives it tick
by tick. A worker runs two engines 10 ms apart (`media.worker`); orders from the control side come in between.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from media.conceal import Concealer
from media.digits_in import DigitListener
from media.dtmf.inband import InbandDetector
from media.dtmf.telephone_event import TelephoneEvent
from media.hearing import Hearing
from media.io import PacketIO
from media.jitter import JitterBuffer
from media.latch import Address
from media.legs import L16, MIXED, Leg, Legs
from media.messages import Digit, Event, FirstPacket, Order, Record, RtpTimeout, Stream
from media.mixer import Mixer
from media.orders import Orders
from media.playout import Player
from media.receive import Receiver
from media.recorder import Recorder, Taken
from media.recorder_disk import Disk
from media.relay import Relay
from media.reports import Reports
from media.rows import STEP
from media.rtp import Batch
from media.secure_io import SecureIO
from media.send import Sender
from media.speaking import Speaking
from media.stats import StatsTable
from media.taps import Taps
from media.wideband import RATE

ROUNDS = 8  # packets of one leg that a tick takes at most
STATS_TICKS = 25  # between two writes of the statistics


class Engine:
    """All legs of one phase. `emit` takes the events for the control side."""

    def __init__(
        self,
        io: PacketIO,
        bank: NDArray[np.int16],
        emit: Callable[[Event], None],
        *,
        stats: StatsTable | None = None,
        disk: Disk | None = None,
        seed: int | None = None,
    ) -> None:
        random = np.random.default_rng(seed)
        self._io = SecureIO(io)
        self._emit = emit
        self._stats = stats
        self._ticks = 0
        self._batch = Batch(STEP)
        self.legs = Legs()
        capacity = self.legs.grow()
        self.jitter = JitterBuffer(capacity)
        self.receiver = Receiver(capacity, self.jitter, self)
        self.listener = DigitListener(capacity, self._pressed, self._going_on)
        self.detector = InbandDetector(capacity)
        self.player = Player(capacity, bank, emit)
        self.sender = Sender(capacity, self._io, random)
        self.reports = Reports(capacity, self._io, self.legs, self.receiver, self.sender, random)
        self.concealer = Concealer(capacity)
        self.mixer = Mixer(self.legs, self.player)
        self._hearing = Hearing(
            self.legs,
            self.jitter,
            self.concealer,
            self.listener,
            self.detector,
            self.mixer,
            self.receiver,
        )
        self.taps = Taps(self.legs, emit)
        self.speaking = Speaking(
            self.legs, self.player, self.sender, self._hearing, self.mixer, emit, self.taps
        )
        self.recorder = Recorder(self.legs, self.mixer.gains, disk or Disk())
        self.relay = Relay(self.legs, self.mixer, self.speaking)
        self._orders = Orders(self)

    @property
    def io(self) -> SecureIO:
        """The network."""
        return self._io

    @property
    def emit(self) -> Callable[[Event], None]:
        """Where events go."""
        return self._emit

    def order(self, order: Order, now: float) -> None:
        """Carry out an order of the control side."""
        self._orders.take(order, now)

    def grow(self) -> None:
        """Make room for more legs."""
        capacity = self.legs.grow()
        for part in (
            self.jitter,
            self.receiver,
            self.listener,
            self.detector,
            self.player,
            self.sender,
            self.reports,
            self.mixer,
        ):
            part.grow(capacity)
        self.concealer.grow(capacity)
        self._batch = Batch(capacity)

    def tick(self, now: float) -> None:
        """Hear and say 20 ms; `now` in monotonic seconds."""
        self._receive(now)
        if self.taps:
            self.taps.read()
        self.mixer.prepare(list(self.speaking.digits))
        self._hearing.tick(now)
        self.recorder.hear(self._hearing)
        if self.taps:
            self.taps.after_hearing(self._hearing)
        self.listener.tick(now)
        self.speaking.tick()
        if self.taps:
            self.taps.send(self.speaking)
        self.recorder.tick(self.speaking)
        self._watch(now)
        self.reports.tick(now)
        self._ticks += 1
        if self._stats is not None and self._ticks % STATS_TICKS == 0:
            self._write_stats(self._stats)

    def skip(self, ticks: int) -> None:
        """Let ticks pass that came too late to be worth anything: pointers and timestamps go on, nothing is sent."""
        rows = np.flatnonzero(self.legs.streaming[: self.legs.rows.high])
        self.jitter.skip(rows, ticks)
        self.sender.tick(rows, ticks)
        self.taps.skip(ticks)
        self.recorder.skip(ticks)

    def _receive(self, now: float) -> None:
        """Take what has come from the network."""
        strangers = self._io.rx_open()
        if strangers:
            self._judge(strangers, now)
        for _ in range(ROUNDS):
            if not self._io.rx(self._batch):
                break
            self.receiver.take(self._batch, now)

    def _judge(self, strangers: list[tuple[int, bytes, Address]], now: float) -> None:
        """Take packets of legs whose source is not locked: those that lock it, and what follows from there."""
        accepted: dict[int, list[bytes]] = {}
        for row, packet, source in strangers:
            leg = self.legs.by_row.get(row)
            if leg is None:
                continue
            if leg.latch is None and row in accepted and source == leg.source:
                accepted[row].append(packet)
            elif (
                leg.latch is not None
                and leg.latch.accepts(packet, source, now)
                and self._lock(leg, source, accepted)
            ):
                accepted[row].insert(0, packet)
            else:
                self.receiver.foreign[row] += 1
        self._accept(accepted, now)

    def _accept(self, accepted: dict[int, list[bytes]], now: float) -> None:
        """Take packets that were read before their source was locked, by row."""
        while accepted:
            self._batch.clear()
            for row, packets in accepted.items():
                self._batch.add(row, packets.pop(0))
            self.receiver.take(self._batch, now)
            accepted = {row: packets for row, packets in accepted.items() if packets}

    def _lock(self, leg: Leg, source: Address, accepted: dict[int, list[bytes]]) -> bool:
        """Hear this source only from now on; keep what has come from it already, if it is recent."""
        waiting = self._io.lock(leg.row, source)
        if waiting is None:
            return False
        accepted[leg.row] = waiting[-ROUNDS:]
        leg.latch, leg.source = None, source
        if leg.reported != source:
            leg.reported = source
            self._emit(FirstPacket(leg.id, *source))
        return True

    def event(self, row: int, payload: bytes, timestamp: int, ssrc: int, clock: int) -> None:
        """Take a telephone event from the receiver."""
        if clock:
            self.listener.set_clock(row, clock)
        self.listener.event(row, payload, timestamp, ssrc)

    def mixes(self, row: int, before: int) -> None:
        """Let the leg's own decoders sort out what is of which codec, until all is of the newest."""
        leg = self.legs.by_row[row]
        self.jitter.mix(row, before)
        leg.wideband.hear(leg.formats.codec, alone=self.legs.spoken[row] != MIXED)
        self.legs.spoken[row] = MIXED

    def rtcp(self, row: int, packet: bytes, now: float) -> None:
        """Take an RTCP packet that came on the RTP port, from the locked source."""
        self.reports.take(row, packet, now)

    def _pressed(self, row: int, digit: Digit) -> None:
        """Pass a digit on and stop what it stops."""
        self._emit(digit)
        self.player.digit(row, digit.digit)
        self.recorder.digit(row, digit.digit)

    def _going_on(self, row: int, event: TelephoneEvent, ms: int, new: bool) -> None:
        """Pass a telephone event on to the other one of a room of two."""
        self.relay.event(row, event, ms, new=new)

    def _watch(self, now: float) -> None:
        """Report legs that have not sent anything valid for their time-out."""
        legs, high = self.legs, self.legs.rows.high
        silent = legs.listening[:high] & (legs.timeout[:high] > 0)
        if not silent.any():
            return
        over = silent & (now - self.receiver.heard[:high] >= legs.timeout[:high])
        for row in np.flatnonzero(over & ~legs.timed_out[:high]).tolist():
            self._emit(RtpTimeout(legs.by_row[row].id, float(legs.timeout[row])))
        legs.timed_out[:high] = over

    def _write_stats(self, stats: StatsTable) -> None:
        """Copy the counters of all legs into the shared table."""
        rows = np.flatnonzero(self.legs.rows.used[: self.legs.rows.high])
        if not len(rows):
            return
        self._hearing.passing.recall_now(rows)
        slots = np.array([self.legs.by_row[row].slot for row in rows.tolist()])
        stats.table[slots] = self.counters(rows)

    def counters(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return float64[k, fields] in the order of `media.stats.FIELDS`."""
        receiver = self.receiver
        columns = (
            self.sender.packets[rows],
            receiver.packets[rows],
            receiver.lost(rows),
            self.jitter.late[rows],
            receiver.foreign[rows],
            receiver.jitter[rows] / 8,
            self.reports.round_trip[rows],
            self.reports.peer_lost[rows],
            self.reports.peer_jitter[rows] / 8,
            self.concealer.level(rows),
        )
        return np.stack([column.astype(np.float64) for column in columns], axis=1)

    def resume(self, leg: Leg, source: Address, now: float) -> bool:
        """Hear a source that was locked elsewhere; False if the kernel knows no way to it."""
        accepted: dict[int, list[bytes]] = {}
        if not self._lock(leg, source, accepted):
            return False
        self._accept({row: packets for row, packets in accepted.items() if packets}, now)
        return True

    def aim(self, leg: Leg, stream: Stream) -> None:
        """Send to the signalled address and accept a source anew."""
        self._orders.aim(leg, stream)

    @property
    def decoded(self) -> int:
        """How many frames of 20 ms have been decoded; those that pass through are not."""
        return self._hearing.decoded

    def use(self, leg: Leg) -> None:
        """Let a leg's packets be coded as its codecs want."""
        self.sender.use(leg.row, leg.wideband.stretches)
        self.receiver.use(leg.row, leg.formats)

    def last_said(self, row: int) -> NDArray[np.int16]:
        """Return the last 20 ms that a leg said, int16[160] or at 16 kHz int16[320], as its room heard it."""
        self._hearing.passing.recall_now(np.array([row]))
        wide = self.mixer.plan.wide
        if row < len(wide) and wide[row]:
            return self.legs.by_row[row].wideband.last_said
        last: NDArray[np.int16] = self.concealer.last[row]
        return last

    def record(self, leg: Leg, order: Record, taken: Taken | None = None) -> None:
        """Begin a recording of a leg, or go on with it."""
        if order.direction == "room" and order.rate == RATE and leg.stream is None:
            self.legs.law[leg.row] = L16  # to hear its room at 16 kHz; nothing is ever sent
            self.mixer.rooms.changed()
        self.recorder.start(leg.row, order, taken)

    def remove(self, leg: Leg) -> None:
        """Close a leg's sockets and forget it."""
        self._io.close(leg.row)
        self.forget(leg)

    def forget(self, leg: Leg) -> None:
        """Make a leg's row free; its playouts have been closed or taken."""
        self.speaking.digits.pop(leg.row, None)
        self.mixer.remove(leg.row, self.last_said(leg.row))
        self.relay.close(leg.row)
        self.taps.drop(leg.row)
        self.listener.close(leg.row)
        self.receiver.reset(leg.row)
        self.jitter.mixed.pop(leg.row, None)
        self._io.secure(leg.row, None)
        self.legs.remove(leg)
