"""One tap as the engine has it: sound of a leg out to a socket, sound from the socket into the leg.

What arrives waits here for its 20 ms, at most `AHEAD` of it: the rest stays where it is, so that whoever sends it
may still take it back. Other hosts send RTP as they like; of theirs the oldest is dropped when too much comes.
Nothing here waits: a socket that takes no packet loses it.
"""

from __future__ import annotations

import socket

import numpy as np
from numpy.typing import NDArray

from media.gains import add
from media.messages import OpenTap
from media.resample import DOUBLE_STATE, HALVE_STATE, double, halve
from media.tap_packets import RtpPackets, SamplePackets

DIRECTIONS = ("", "in", "out", "both")
RATES = (8000, 16000)
AHEAD = 6  # frames kept of what we send ourselves
LOSSY_AHEAD = 100  # of what other hosts send: their bursts
_START = 2  # frames that are to be there before the first one is played, or as many ticks
_READS = 16  # packets taken in one tick
_PACKET = 1 << 16  # octets of the longest


class Converter:
    """Brings one stream of frames to another rate, 8000 or 16000 Hz."""

    def __init__(self) -> None:
        self._past: NDArray[np.int16] | None = None

    def forget(self) -> None:
        """Begin anew after a pause."""
        self._past = None

    def convert(self, frame: NDArray[np.int16], rate: int) -> NDArray[np.int16]:
        """Return 20 ms at this rate."""
        if len(frame) == rate // 50:
            return frame
        work, memory = (double, DOUBLE_STATE) if rate > 8000 else (halve, HALVE_STATE)
        if self._past is None or self._past.shape[1] != memory:
            self._past = np.zeros((1, memory), np.int16)
        converted, self._past = work(frame[None], self._past)
        return converted.reshape(-1)


class Tap:
    """Packets, buffer and counters. `said` and `heard` are of this tick, `sound` is what the tap says in it."""

    def __init__(self, order: OpenTap, sock: socket.socket) -> None:
        for direction in (order.listen, order.speak):
            if direction not in DIRECTIONS:
                raise ValueError(f"no direction {direction!r}: one of in, out, both or empty for neither")
        if order.rate not in RATES:
            raise ValueError(f"a tap of {order.rate} Hz: only {RATES[0]} or {RATES[1]}")
        sock.setblocking(False)
        self.id = order.tap
        self.leg = order.leg
        self.listens_said, self.listens_heard = (
            order.listen in ("in", "both"),
            order.listen in ("out", "both"),
        )
        self.speaks_in, self.speaks_out = order.speak in ("in", "both"), order.speak in ("out", "both")
        self.socket = sock
        self.sent = self.received = self.dropped = 0
        self.packets = RtpPackets(order.rtp) if order.rtp is not None else SamplePackets()
        self.buffer = bytearray()
        self._rate = order.rate
        self._octets = order.rate // 25  # of a frame
        self._lossy = order.rtp is not None
        self._limit = self._octets * (LOSSY_AHEAD if self._lossy else AHEAD)
        self._waited = 0  # ticks since the buffer began to fill
        self._playing = False
        self.sound: NDArray[np.int16] | None = None
        self._says: dict[int, NDArray[np.int16]] = {}  # `sound` by rate
        self._to_leg, self._to_socket = Converter(), Converter()
        self.said: NDArray[np.int16] | None = None
        self.heard: NDArray[np.int16] | None = None

    @property
    def wants_said(self) -> bool:
        """What the leg says is to be decoded for it."""
        return self.listens_said or self.speaks_in

    @property
    def wants_heard(self) -> bool:
        """What the leg hears is to be mixed for it."""
        return self.listens_heard or self.speaks_out

    def read(self) -> None:
        """Take what has arrived, and the frame to say in this tick."""
        self.said = self.heard = None
        self._says.clear()
        for _ in range(_READS):
            if not self._lossy and len(self.buffer) >= self._limit:
                break
            try:
                packet = self.socket.recv(_PACKET)
            except OSError:  # nothing waits, or an ICMP error that an earlier packet brought
                break
            if not packet and not self._lossy:
                break  # the other end is closed; the order to close follows
            samples = self.packets.unwrap(packet)
            self.received += 1
            if samples is None or not (self.speaks_in or self.speaks_out):
                self.dropped += 1
                continue
            self.buffer += samples
        if len(self.buffer) > self._limit and self._lossy:
            self.dropped += 1
            del self.buffer[: len(self.buffer) - self._limit // 2]
        self.sound = self._next()
        if self.sound is None:
            self._to_leg.forget()

    def clear(self) -> None:
        """Forget what is not played yet."""
        self.buffer.clear()

    def says(self, rate: int) -> NDArray[np.int16] | None:
        """Return what it says in this tick at the rate of a leg."""
        if self.sound is None:
            return None
        if rate not in self._says:
            self._says[rate] = self._to_leg.convert(self.sound, rate)
        return self._says[rate]

    def send(self) -> None:
        """Send what the leg said and heard in this tick, silence where it did neither."""
        if not (self.listens_said or self.listens_heard):
            return
        frame = self._together()
        packet = self.packets.wrap(frame)
        try:
            self.socket.send(packet)
            self.sent += 1
        except OSError:  # full, refused or closed
            self.dropped += 1

    def skip(self, ticks: int) -> None:
        """Let ticks pass."""
        self.packets.skip(ticks * self._rate // 50)

    def _next(self) -> NDArray[np.int16] | None:
        """Return the next frame; it begins when enough is there that it will not stop at once."""
        if not self.buffer:
            self._playing, self._waited = False, 0
            return None
        if not self._playing:
            self._waited += 1
            if len(self.buffer) < _START * self._octets and self._waited <= _START:
                return None
            self._playing = True
        taken = bytes(self.buffer[: self._octets])
        del self.buffer[: self._octets]
        return np.frombuffer(taken.ljust(self._octets, b"\0"), "<i2").astype(np.int16, copy=False)

    def _together(self) -> NDArray[np.int16]:
        parts = [part for part in (self.said, self.heard) if part is not None]
        if not parts:
            self._to_socket.forget()
            return np.zeros(self._rate // 50, np.int16)
        if len(parts) == 1:
            return self._to_socket.convert(parts[0], self._rate)
        return self._to_socket.convert(add(*parts), self._rate)
