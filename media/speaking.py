"""The speaking half of a tick: what each leg is sent: digits, else its playout, else its echo or room, else silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from media.codecs.g711 import ALAW_ENCODE, ULAW_ENCODE
from media.gains import add
from media.hearing import Hearing
from media.legs import ALAW, G722, SOUND, STREAM, ULAW, Leg, Legs
from media.messages import Event
from media.mixer import Mixed, Mixer
from media.playout import Player
from media.rtp import FRAME
from media.send import Sender
from media.wideband import RATE

_ENCODE = {ULAW: ULAW_ENCODE, ALAW: ALAW_ENCODE}


class Voices(Protocol):
    """What is added to the sound that legs are played (`media.taps`)."""

    def __bool__(self) -> bool:
        """Whether there is anything."""
        ...

    def say(
        self, rows: NDArray[np.intp], sound: NDArray[np.int16]
    ) -> tuple[NDArray[np.intp], NDArray[np.int16]]:
        """Return rows of 8 kHz and int16[k, 160] with it."""
        ...

    def say_wide(self, row: int, sound: NDArray[np.int16] | None) -> NDArray[np.int16] | None:
        """Return what a leg of 16 kHz is played, int16[320], with it."""
        ...


class Speaking:
    """Chooses, encodes and hands over to the sender."""

    def __init__(
        self,
        legs: Legs,
        player: Player,
        sender: Sender,
        hearing: Hearing,
        mixer: Mixer,
        emit: Callable[[Event], None],
        taps: Voices,
    ) -> None:
        self._legs = legs
        self._player = player
        self._sender = sender
        self._hearing = hearing
        self._mixer = mixer
        self._emit = emit
        self._taps = taps
        self.digits: dict[int, Leg] = {}  # legs that are sending digits, by row
        # What legs hear in this tick, for those who record or stream it: at 8 kHz [k, 160], and at 16 kHz by row.
        self.heard_rows = np.zeros(0, np.intp)
        self.heard = np.zeros((0, FRAME), np.int16)
        self.heard_wide: dict[int, NDArray[np.int16]] = {}

    def tick(self) -> None:
        """Say 20 ms."""
        legs, high = self._legs, self._legs.rows.high
        streaming = legs.streaming[:high]
        sounding = streaming & legs.sending[:high]
        busy = streaming & self._player.busy[:high]
        replaced, tones = self._send_digits()
        if self.digits:
            busy[list(self.digits)] = False
        mixed = self._mixer.mix(self._hearing.rows, self._hearing.sound, self._hearing.wide)
        rows, sound = self._sound(high, busy, tones)
        if self._taps:
            rows, sound = self._taps.say(rows, sound)
        muted = self._mixer.gains.mute_out
        if muted[rows].any():
            rows, sound = rows[~muted[rows]], sound[~muted[rows]]
        if len(mixed.rows):
            rows, sound = _together(rows, sound, mixed)
        self.heard_wide.clear()
        if legs.want_heard[:high].any():
            reached = legs.want_heard[rows].astype(np.bool_) & (sounding[rows] | legs.is_ear[rows])
            self.heard_rows, self.heard = rows[reached], sound[reached]
        octets = self._encode(rows, sound)
        sounding[replaced] = False
        if legs.echo.any():
            sounding &= (legs.echo[:high] != STREAM) | busy
        sending = np.flatnonzero(sounding)
        everyone = np.flatnonzero(streaming)
        if len(sending) < len(everyone):
            self._sender.pause(everyone[~sounding[everyone]])
            heard = sounding[rows]
            rows, octets = rows[heard], octets[heard]
        rows, octets, settled = self._wide(sounding, busy, tones, mixed.wide, rows, octets)
        rows, octets = self._copied(sounding, rows, octets)
        self._sender.send(sending, rows, octets)
        self._sender.silent[settled] = True
        self._sender.tick(everyone)

    def _send_digits(self) -> tuple[list[int], dict[int, NDArray[np.int16]]]:
        """Go on with digits: rows whose sound an event replaces, and frames of tones by row."""
        replaced: list[int] = []
        tones: dict[int, NDArray[np.int16]] = {}
        for row, leg in list(self.digits.items()):
            stream = leg.stream
            if leg.digits is None or stream is None:
                continue
            kind = stream.send_digit_payload_type
            if kind >= 0 and not stream.send:
                kind = -2
            rate = RATE if self._legs.law[row] >= G722 else 8000
            event, tone = leg.digits.tick(self._sender, kind, stream.digit_clock, rate)
            if event:
                replaced.append(row)
            elif tone is not None:
                tones[row] = tone
            for done in leg.digits.finished():
                self._emit(done)
            if leg.digits.idle:
                leg.digits = None
                del self.digits[row]
        return replaced, tones

    def _sound(
        self, high: int, busy: NDArray[np.bool_], tones: dict[int, NDArray[np.int16]]
    ) -> tuple[NDArray[np.intp], NDArray[np.int16]]:
        """Return rows of 8 kHz legs that have something to say, and int16[k, 160] what."""
        law = self._legs.law[:high]
        narrow = law < G722
        rows = np.flatnonzero(busy & narrow)
        parts = [(rows, self._player.frames(rows))] if len(rows) else []
        heard = self._hearing.rows
        if len(heard):
            echo = (self._legs.echo[heard] == SOUND) & narrow[heard] & ~busy[heard]
            if self.digits:
                echo &= ~np.isin(heard, list(self.digits))
            if echo.all():
                parts.append((heard, self._hearing.sound))
            elif echo.any():
                parts.append((heard[echo], self._hearing.sound[echo]))
        tone_rows = [row for row in tones if narrow[row]]
        if tone_rows:
            parts.append((np.array(tone_rows), np.stack([tones[row] for row in tone_rows])))
        if not parts:
            return np.zeros(0, np.intp), np.zeros((0, FRAME), np.int16)
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _encode(self, rows: NDArray[np.intp], sound: NDArray[np.int16]) -> NDArray[np.uint8]:
        """Return uint8[k, 160] by each row's law."""
        law = self._legs.law[rows]
        bits = sound.view(np.uint16)
        alaw = law == ALAW
        if not alaw.any():
            return ULAW_ENCODE.take(bits)
        if alaw.all():
            return ALAW_ENCODE.take(bits)
        octets = np.empty(sound.shape, np.uint8)
        octets[alaw] = ALAW_ENCODE.take(bits[alaw])
        octets[~alaw] = ULAW_ENCODE.take(bits[~alaw])
        return octets

    def _wide(
        self,
        sounding: NDArray[np.bool_],
        busy: NDArray[np.bool_],
        tones: dict[int, NDArray[np.int16]],
        mixed: dict[int, NDArray[np.int16]],
        rows: NDArray[np.intp],
        octets: NDArray[np.uint8],
    ) -> tuple[NDArray[np.intp], NDArray[np.uint8], list[int]]:
        """Add the G.722 legs to what is said; the third part names those that have settled into silence."""
        settled: list[int] = []
        high = len(sounding)
        wide = np.flatnonzero(
            (self._legs.law[:high] >= G722)
            & (sounding | busy | self._legs.is_ear[:high])
            & ~self._mixer.copied[:high]
        )
        if not len(wide):
            return rows, octets, settled
        played = self._played_wide(wide[busy[wide]])
        more: list[bytes] = []
        said: list[int] = []
        for row in wide.tolist():
            sound = played.get(row)
            if sound is None:
                sound = tones.get(row)
            if sound is None and row not in self.digits:
                sound = self._hearing.wide.get(row) if self._legs.echo[row] == SOUND else None
            if self._taps:
                sound = self._taps.say_wide(row, sound)
            if self._mixer.gains.mute_out[row]:
                sound = None
            if row in mixed:
                sound = mixed[row] if sound is None else add(sound, mixed[row])
            if sound is not None and self._legs.want_heard[row] and (sounding[row] or self._legs.is_ear[row]):
                self.heard_wide[row] = sound
            if not sounding[row]:
                continue
            wideband = self._legs.by_row[row].wideband
            if sound is not None:
                more.append(wideband.encode(sound))
            elif self._sender.silent[row]:
                continue
            else:
                more.append(wideband.silence())
                if wideband.settled and self._sender.ptime[row] == 20:
                    settled.append(row)
            said.append(row)
        if said:
            rows = np.concatenate([rows, np.array(said, np.intp)])
            octets = np.concatenate([octets, np.frombuffer(b"".join(more), np.uint8).reshape(-1, FRAME)])
        return rows, octets, settled

    def _copied(
        self, sounding: NDArray[np.bool_], rows: NDArray[np.intp], octets: NDArray[np.uint8]
    ) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
        """Add the legs that get the octets of their partner."""
        passing = self._hearing.passing
        if not len(passing.rows):
            return rows, octets
        more, copies = passing.rows, passing.octets
        heard = sounding[more]
        if not heard.all():
            more, copies = more[heard], copies[heard]
        if not len(rows):
            return more, copies
        return np.concatenate([rows, more]), np.concatenate([octets, copies])

    def _played_wide(self, rows: NDArray[np.intp]) -> dict[int, NDArray[np.int16]]:
        """Return the next 20 ms at 16 kHz of the playouts of these rows."""
        if not len(rows):
            return {}
        return dict(zip(rows.tolist(), self._player.wide_frames(rows), strict=True))


def _together(
    rows: NDArray[np.intp],
    sound: NDArray[np.int16],
    mixed: Mixed,
) -> tuple[NDArray[np.intp], NDArray[np.int16]]:
    """Return what rows play or echo, and what they hear of their rooms, added where it is both."""
    if not len(rows):
        return mixed.rows, mixed.sound
    both = np.isin(mixed.rows, rows)
    if both.any():
        place = {int(row): index for index, row in enumerate(rows)}
        which = [place[row] for row in mixed.rows[both].tolist()]
        sound = sound.copy()
        sound[which] = add(sound[which], mixed.sound[both])
    return np.concatenate([rows, mixed.rows[~both]]), np.concatenate([sound, mixed.sound[~both]])
