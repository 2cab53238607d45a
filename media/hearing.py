"""The hearing half of a tick: what legs say, decoded only where someone needs it.

The play pointers of all listening legs advance. Legs whose sound is needed (in-band digits, echo, rooms) are
read from the jitter buffer, decoded, concealed where quanta are lost and spliced where the delay is corrected.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.codecs.g711 import ALAW_DECODE, ULAW_DECODE
from media.conceal import Concealer, drop, hold
from media.digits_in import DigitListener
from media.dtmf.inband import InbandDetector
from media.jitter import JitterBuffer, Step
from media.legs import ALAW, G722, SOUND, ULAW, Legs
from media.mixer import Mixer
from media.passing import Passing
from media.receive import NONE, Receiver
from media.rtp import FRAME, QUANTUM

QUIET = 200.0  # mean magnitude below which a splice is not heard
_DECODE = {ULAW: ULAW_DECODE, ALAW: ALAW_DECODE}


class Hearing:
    """Decodes; keeps the sound of this tick for echo and rooms."""

    def __init__(
        self,
        legs: Legs,
        jitter: JitterBuffer,
        concealer: Concealer,
        listener: DigitListener,
        detector: InbandDetector,
        mixer: Mixer,
        receiver: Receiver,
    ) -> None:
        self._legs = legs
        self._jitter = jitter
        self._concealer = concealer
        self._listener = listener
        self._detector = detector
        self._mixer = mixer
        self._receiver = receiver
        self._inband = listener.inband  # rows that are searched for tones in this tick
        self.passing = Passing(legs, jitter, concealer, mixer)
        self.rows = np.zeros(0, np.intp)  # decoded in this tick
        self.decoded = 0  # frames of 20 ms since the start
        self.sound = np.zeros((0, FRAME), np.int16)
        self.wide: dict[int, NDArray[np.int16]] = {}  # 16 kHz frames of G.722 legs that need them

    def tick(self, now: float) -> None:
        """Hear 20 ms."""
        legs, high = self._legs, self._legs.rows.high
        rows = np.flatnonzero(legs.listening[:high])
        self.wide.clear()
        if self._jitter.mixed:
            for row in self._jitter.unmixed():
                legs.settle(row)
        mixer = self._mixer
        # A leg that sends its digits as events, and is copied, need not be decoded to look for tones.
        rests = mixer.passing & (self._receiver.event_type != NONE)
        self._inband = self._listener.inband & ~rests
        needed = (legs.echo == SOUND) | self._inband | (mixer.plan.mixing & ~mixer.passing)
        needed |= legs.want_said > 0
        step = self._jitter.advance(rows, self._may_splice(rows, needed))
        needed[self.passing.copy(rows, step)] = True
        pick = needed[rows]
        if not pick.all():
            rows = rows[pick]
            step = Step(step.start[pick], step.quanta[pick], step.spliced[pick])
        self.rows = rows
        self.decoded += len(rows)
        if not len(rows):
            self.sound = self.sound[:0]
            return
        self.sound = self._decode(rows, step)
        self._detect(rows, now)

    def _may_splice(self, rows: NDArray[np.intp], needed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which of all rows may be corrected now: nobody listens, or it is quiet."""
        quiet = ~needed
        copied = rows[(self._jitter.correction[rows] != 0) & self._mixer.passing[rows] & ~needed[rows]]
        copied = copied[self._legs.spoken[copied] != G722]
        if len(copied):
            self.passing.recall_now(copied)
            quiet[copied] = self._concealer.is_quiet(copied, QUIET)
        pending = rows[(self._jitter.correction[rows] != 0) & needed[rows]]
        if len(pending):
            quiet[pending] = self._concealer.is_quiet(pending, QUIET)
        return quiet

    def _decode(self, rows: NDArray[np.intp], step: Step) -> NDArray[np.int16]:
        """Return int16[k, 160]: what k rows say in this tick, at 8 kHz."""
        octets, present = self._jitter.read(rows, step.start)
        law = self._legs.spoken[rows]
        flat = octets.reshape(len(rows), FRAME)
        kinds = np.unique(law).tolist() if law.any() else [ULAW]
        if kinds == [ULAW] or kinds == [ALAW]:
            sound = _DECODE[kinds[0]].take(flat)
        else:
            sound = np.zeros((len(rows), FRAME), np.int16)
            for kind in kinds:
                which = np.flatnonzero(law == kind)
                if kind >= G722:
                    for place in which[~step.spliced[which]].tolist():
                        start = int(step.start[place])
                        self._decode_own(int(rows[place]), start, octets[place], present[place], sound[place])
                else:
                    sound[which] = _DECODE[kind].take(flat[which])
        if step.spliced.any():
            for place in np.flatnonzero(step.spliced).tolist():
                self._splice(int(rows[place]), step, place, sound[place], present[place])
        self._concealer.fill(rows, sound, present)
        return sound

    def _decode_own(
        self,
        row: int,
        start: int,
        quanta: NDArray[np.uint8],
        present: NDArray[np.bool_],
        sound: NDArray[np.int16],
    ) -> None:
        """Decode the quanta from `start` on that are there with the leg's decoders, at the rates that somebody needs.

        That is for G.722 and L16, and where more than one codec is buffered.
        """
        leg, plan = self._legs.by_row[row], self._mixer.plan
        narrow = self._legs.law[row] < G722
        codecs: list[str] = []
        if row in self._jitter.mixed:
            known = leg.formats.codecs
            codecs = [known.get(kind, "") for kind in self._jitter.kinds_of(row, start, len(quanta))]
        if not narrow and (self._legs.echo[row] == SOUND or plan.wide[row] or self._legs.want_said[row]):
            self.wide[row] = leg.wideband.decode_wide(quanta, present, codecs)
        if narrow or self._inband[row] or plan.halved[row] or (plan.mixing[row] and not plan.wide[row]):
            last = self._concealer.last[row, QUANTUM:]
            for place in np.flatnonzero(present).tolist():
                span = slice(place * QUANTUM, (place + 1) * QUANTUM)
                codec = codecs[place] if codecs else ""
                last = sound[span] = leg.wideband.decode_narrow(quanta[place].tobytes(), last, codec)

    def _splice(
        self, row: int, step: Step, place: int, sound: NDArray[np.int16], present: NDArray[np.bool_]
    ) -> None:
        """Make a row's frame from the one or three quanta of a correction, in place."""
        count = int(step.quanta[place])
        quanta, there = self._jitter.read(np.array([row]), step.start[place : place + 1], count)
        law = int(self._legs.spoken[row])
        if law >= G722:
            decoded = np.zeros(count * QUANTUM, np.int16)
            self._decode_own(row, int(step.start[place]), quanta[0], there[0], decoded)
        else:
            decoded = _DECODE[law].take(quanta[0].reshape(-1))
        if not there.all():
            # A loss in the middle of a correction: of three quanta the lost one is left out, one is concealed.
            present[:] = False
            if count == 3:
                kept = np.flatnonzero(np.arange(3) != there[0].argmin())
                present[:] = there[0, kept]
                sound[:] = decoded.reshape(3, QUANTUM)[kept].reshape(FRAME)
            return
        sound[:] = drop(decoded) if count == 3 else hold(self._concealer.last[row, QUANTUM:], decoded)
        present[:] = True

    def _detect(self, rows: NDArray[np.intp], now: float) -> None:
        """Look for in-band digits where they are wanted."""
        wanted = self._inband[rows]
        if not wanted.any():
            return
        sound = self.sound
        if not wanted.all():
            rows, sound = rows[wanted], sound[wanted]
        for found in self._detector.process(rows, sound):
            self._listener.tone(found.row, found.digit, found.ms, now)
