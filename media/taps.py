"""All taps of an engine: where in a tick they hear and speak. Without any, a tick costs four looks at an empty dict.

A tap listens to what its leg says before any tap adds to that, and to what it hears without its own voice. What it
speaks "in" comes with the leg's own words into its room, what it speaks "out" with what is played to the leg.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from media.gains import add, clipped
from media.hearing import Hearing
from media.legs import G722, Leg, Legs
from media.messages import ClearTap, CloseTap, Event, OpenTap, TapClosed
from media.speaking import Speaking
from media.tap import Tap
from media.wideband import RATE

Past = tuple[
    int, int, int, bytes
]  # of a tap that its leg took to another worker: id, sequence, timestamp, samples


class Taps:
    """Taps by row. `emit` takes their end."""

    def __init__(self, legs: Legs, emit: Callable[[Event], None]) -> None:
        self._legs = legs
        self._emit = emit
        self._offered: dict[int, socket.socket] = {}  # by tap
        self._past: dict[int, Past] = {}  # by tap
        self._spoken: set[int] = set()  # taps whose voice is in what their leg hears in this tick
        self.of: dict[int, list[Tap]] = {}

    def __bool__(self) -> bool:
        return bool(self.of)

    def offer(self, tap: int, sock: socket.socket) -> None:
        """Take over the socket of a tap that is about to open."""
        self._offered[tap] = sock

    def open(self, leg: Leg, order: OpenTap) -> None:
        """Begin a tap. Raises ValueError."""
        sock = self._offered.pop(order.tap)
        try:
            tap = Tap(order, sock)
        except ValueError:
            sock.close()
            raise
        if past := self._past.pop(order.tap, None):
            _, tap.packets.sequence, tap.packets.timestamp, samples = past
            tap.buffer += samples
        if order.room:
            self._legs.is_ear[leg.row] = True
        self._begin(leg.row, tap)

    def refuse(self, order: OpenTap) -> None:
        """The leg of a tap is gone."""
        if sock := self._offered.pop(order.tap, None):
            sock.close()
        self._emit(TapClosed(order.leg, order.tap, 0, 0, 0))

    def clear(self, leg: Leg, order: ClearTap) -> None:
        """Forget what a tap has not said yet."""
        for tap in self.of.get(leg.row, ()):
            if tap.id == order.tap:
                tap.clear()

    def close(self, leg: Leg, order: CloseTap) -> None:
        """End a tap."""
        for tap in self.of.get(leg.row, ()):
            if tap.id == order.tap:
                self._end(leg.row, tap)
                return
        self._past.pop(order.tap, None)
        self._emit(TapClosed(order.leg, order.tap, 0, 0, 0))

    def take(self, row: int) -> list[Tap]:
        """Give up the taps of a row without closing them."""
        taken = list(self.of.get(row, ()))
        for tap in taken:
            self._forget(row, tap)
        return taken

    def give(self, row: int, taps: list[Tap]) -> None:
        """Go on with taps that another engine has given up."""
        for tap in taps:
            self._begin(row, tap)

    def luggage(self, row: int) -> list[Past]:
        """Return what another worker needs to go on with the taps of a row, as `expect` takes it."""
        return [
            (tap.id, tap.packets.sequence, tap.packets.timestamp, bytes(tap.buffer))
            for tap in self.of.get(row, ())
        ]

    def expect(self, luggage: list[Past]) -> None:
        """Go on like this with taps whose sockets are still to come."""
        self._past.update({past[0]: past for past in luggage})

    def drop(self, row: int) -> None:
        """The leg goes away: its taps end."""
        for tap in self.take(row):
            tap.socket.close()
            self._past.pop(tap.id, None)

    # The tick, in this order

    def read(self) -> None:
        """Take what has arrived."""
        self._spoken.clear()
        for taps in self.of.values():
            for tap in taps:
                tap.read()

    def after_hearing(self, hearing: Hearing) -> None:
        """Listen to what legs say, then add to it."""
        place = {row: index for index, row in enumerate(hearing.rows.tolist())}
        new: dict[int, NDArray[np.int16]] = {}
        for row, taps in self.of.items():
            index = place.get(row)
            narrow = hearing.sound[index] if index is not None else None
            wide = self._legs.law[row] >= G722
            said = hearing.wide.get(row) if wide else narrow
            for tap in taps:
                if tap.listens_said and said is not None:
                    tap.said = said.copy()
            voices = [tap for tap in taps if tap.speaks_in and tap.sound is not None]
            if not voices:
                continue
            if wide:
                hearing.wide[row] = _with(hearing.wide.get(row), voices, RATE)
            if index is not None:
                hearing.sound[index] = _with(narrow, voices, 8000)
            else:
                new[row] = _with(None, voices, 8000)
        hearing.rows, hearing.sound = _appended(hearing.rows, hearing.sound, new)

    def say(
        self, rows: NDArray[np.intp], sound: NDArray[np.int16]
    ) -> tuple[NDArray[np.intp], NDArray[np.int16]]:
        """Add to what 8 kHz legs are played: rows and int16[k, 160]."""
        place: dict[int, int] | None = None
        new: dict[int, NDArray[np.int16]] = {}
        for row, taps in self.of.items():
            voices = [tap for tap in taps if tap.speaks_out and tap.sound is not None]
            if not voices or self._legs.law[row] >= G722:
                continue
            if place is None:
                place = {number: index for index, number in enumerate(rows.tolist())}
                sound = sound.copy()
            if row in place:
                sound[place[row]] = _with(sound[place[row]], voices, 8000)
            else:
                new[row] = _with(None, voices, 8000)
            self._spoken.update(tap.id for tap in voices)
        return _appended(rows, sound, new)

    def say_wide(self, row: int, sound: NDArray[np.int16] | None) -> NDArray[np.int16] | None:
        """Add to what a 16 kHz leg is played in this tick, int16[320]."""
        voices = [tap for tap in self.of.get(row, ()) if tap.speaks_out and tap.sound is not None]
        if not voices:
            return sound
        self._spoken.update(tap.id for tap in voices)
        return _with(sound, voices, RATE)

    def send(self, speaking: Speaking) -> None:
        """Listen to what legs hear, and send."""
        place = {row: index for index, row in enumerate(speaking.heard_rows.tolist())}
        for row, taps in self.of.items():
            wide = self._legs.law[row] >= G722
            index = place.get(row)
            narrow = speaking.heard[index] if index is not None else None
            heard = speaking.heard_wide.get(row) if wide else narrow
            for tap in taps:
                if tap.listens_heard and heard is not None:
                    own = tap.says(RATE if wide else 8000) if tap.id in self._spoken else None
                    tap.heard = heard if own is None else clipped(heard.astype(np.int32) - own)
                tap.send()

    def skip(self, ticks: int) -> None:
        """Let ticks pass that came too late."""
        for taps in self.of.values():
            for tap in taps:
                tap.skip(ticks)

    def _begin(self, row: int, tap: Tap) -> None:
        self.of.setdefault(row, []).append(tap)
        self._legs.want_said[row] += tap.wants_said
        self._legs.want_heard[row] += tap.wants_heard

    def _forget(self, row: int, tap: Tap) -> None:
        self.of[row].remove(tap)
        if not self.of[row]:
            del self.of[row]
        self._legs.want_said[row] -= tap.wants_said
        self._legs.want_heard[row] -= tap.wants_heard

    def _end(self, row: int, tap: Tap) -> None:
        self._forget(row, tap)
        tap.socket.close()
        self._emit(TapClosed(tap.leg, tap.id, tap.sent, tap.received, tap.dropped))


def _appended(
    rows: NDArray[np.intp], sound: NDArray[np.int16], new: dict[int, NDArray[np.int16]]
) -> tuple[NDArray[np.intp], NDArray[np.int16]]:
    """Return rows and their sound with those of others behind them."""
    if not new:
        return rows, sound
    return (
        np.concatenate([rows, np.array(list(new), np.intp)]),
        np.concatenate([sound, np.stack(list(new.values()))]),
    )


def _with(sound: NDArray[np.int16] | None, voices: list[Tap], rate: int) -> NDArray[np.int16]:
    """Return a sound with the voices of taps in it."""
    for tap in voices:
        voice = tap.says(rate)
        assert voice is not None
        sound = voice if sound is None else add(sound, voice)
    assert sound is not None
    return sound
