"""Carries out the control side's orders on the parts of an engine, between two ticks."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import numpy as np

from media.codecs.g711 import ALAW_SILENCE, ULAW_SILENCE
from media.codecs.linear import RATES
from media.digits_out import DigitSender
from media.formats import Formats
from media.gains import MAX_GAIN, MUTES
from media.latch import NOWHERE, Address, Latch
from media.legs import ALAW, ECHOES, G722, L16, LAWS, STREAM, Leg
from media.messages import (
    ClearTap,
    CloseLeg,
    CloseTap,
    DigitsSent,
    Echo,
    Gain,
    Join,
    Leave,
    LegClosed,
    Mute,
    OpenLeg,
    OpenTap,
    Order,
    OtherDigits,
    Play,
    PlayDone,
    Record,
    RecordDone,
    SendDigits,
    SetStream,
    StopPlay,
    StopRecord,
    Stream,
)
from media.receive import NONE
from media.send import PTIMES
from media.wideband import RATE, Wideband

if TYPE_CHECKING:
    from media.engine import Engine

_SILENCE = {ALAW: ALAW_SILENCE, L16: 0}
_ECHO_DRIFT = 8000  # ticks that an echoed timestamp may be away from our clock


def canonical(host: str) -> str:
    """Return an IP address as the kernel writes it; raise ValueError if it is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, host))
    except OSError:
        raise ValueError(f"{host!r} is no IP address") from None


class Orders:
    """One method per order."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, order: Order, now: float) -> None:
        """Carry out one order; what names a leg that is gone only gets its answer."""
        engine = self._engine
        if isinstance(order, OpenLeg):
            self._open(order)
            return
        leg = engine.legs.by_id.get(getattr(order, "leg", 0))
        if leg is None:
            if isinstance(order, OpenTap):
                engine.taps.refuse(order)
            elif isinstance(order, Play):
                engine.emit(PlayDone(order.leg, order.playout, "closed", 0))
            elif isinstance(order, Record):
                engine.emit(RecordDone(order.leg, order.recording, "hangup", 0, 0))
            return
        match order:
            case SetStream():
                self._set_stream(leg, order.stream, now)
            case Play():
                engine.player.play(leg.row, order)
            case StopPlay():
                engine.player.stop(leg.row, order.playout, "stopped")
            case SendDigits():
                self._send_digits(leg, order)
            case Echo():
                self._echo(leg, order.mode)
            case Join():
                if not order.room:
                    raise ValueError("no room has the number 0")
                engine.mixer.join(leg.row, order.room, engine.last_said(leg.row))
            case Leave():
                engine.mixer.leave(leg.row)
            case Mute():
                self._mute(leg, order.direction)
            case Gain():
                if not 0 <= order.factor <= MAX_GAIN:
                    raise ValueError(f"a gain of {order.factor} is not between 0 and {MAX_GAIN:.0f}")
                engine.mixer.gains.gain[leg.row] = order.factor
            case Record():
                engine.record(leg, order)
            case StopRecord():
                engine.recorder.stop(order.recording)
            case OtherDigits():
                engine.listener.inband[leg.row] = False
                engine.player.digit(leg.row, order.digit)
                engine.recorder.digit(leg.row, order.digit)
                engine.relay.signalled(leg.row, order.digit)
            case OpenTap():
                engine.taps.open(leg, order)
            case ClearTap():
                engine.taps.clear(leg, order)
            case CloseTap():
                engine.taps.close(leg, order)
            case CloseLeg():
                self._close(leg)

    def _free_row(self) -> int:
        """Return a free row, growing the engine if there is none."""
        row = self._engine.legs.rows.take()
        if row is None:
            self._engine.grow()
            row = self._engine.legs.rows.take()
        assert row is not None
        return row

    def _open(self, order: OpenLeg) -> None:
        """Begin a leg whose sockets the network has been given under the same row."""
        engine = self._engine
        row = self._free_row()
        leg = engine.legs.add(order, row)
        engine.jitter.reset(row)
        engine.receiver.reset(row)
        engine.concealer.reset(row)
        engine.detector.reset(row)
        engine.sender.reset(row)
        engine.reports.reset(row)
        engine.mixer.reset(row)
        engine.player.open(row, leg.id)
        engine.listener.open(row, leg.id, inband=order.inband_digits)
        engine.io.open(row, leg.id)

    def _set_stream(self, leg: Leg, stream: Stream, now: float) -> None:
        """Apply what signalling agreed, and open the source latch."""
        engine, row = self._engine, leg.row
        law = LAWS.get(stream.codec)
        if law is None:
            raise ValueError(f"no codec {stream.codec!r}: one of {', '.join(LAWS)}")
        if stream.ptime not in PTIMES:
            raise ValueError(f"ptime {stream.ptime} is none of {PTIMES}")
        engine.io.secure(row, stream.srtp)
        before = leg.stream
        if before is None or before.codec != stream.codec:
            engine.jitter.flush(row)
            engine.concealer.reset(row)
            engine.detector.reset(row)
            leg.wideband = Wideband(stream.codec)
        self._set_formats(leg, stream, anew=before is None or before.codec != stream.codec)
        leg.stream = stream
        legs = engine.legs
        if legs.law[row] != law:
            legs.law[row] = law
            engine.mixer.rooms.changed()
        if row not in engine.jitter.mixed:
            legs.settle(row)
        engine.player.set_rate(row, RATE if law >= G722 else 8000)
        silence = _SILENCE.get(law, ULAW_SILENCE)
        engine.sender.configure(row, stream.send_payload_type, silence, stream.ptime)
        receive = stream.receive
        engine.receiver.payload_type[row] = leg.formats.current if receive else NONE
        events = stream.receive_digit_payload_type
        engine.receiver.event_type[row] = events if receive and events >= 0 else NONE
        engine.receiver.heard[row] = now
        engine.listener.set_clock(row, stream.digit_clock)
        if not receive:
            engine.jitter.flush(row)
        legs.timed_out[row] = False
        legs.streaming[row] = True
        legs.sending[row] = stream.send and stream.port > 0 and stream.host not in NOWHERE
        legs.listening[row] = receive
        if leg.digits is not None:
            engine.speaking.digits[row] = leg
        self.aim(leg, stream)
        engine.reports.start(row, now)

    def _set_formats(self, leg: Leg, stream: Stream, *, anew: bool) -> None:
        """Hear what signalling agreed; a peer that sends another of its codecs than the first may go on with it."""
        engine, row, past = self._engine, leg.row, leg.formats
        leg.formats = formats = Formats(stream, leg.wideband)
        if not anew:
            same = formats.codecs == past.codecs
            if formats.codecs.get(past.current) == past.codec and (same or row not in engine.jitter.mixed):
                formats.current = past.current
            else:
                engine.jitter.flush(row)
                leg.wideband.hear(formats.codec, alone=True)
        engine.use(leg)

    def aim(self, leg: Leg, stream: Stream) -> None:
        """Send to the signalled address and accept a source anew.

        If signalling names the same address again (hold, resume), a source that was learnt stays the preferred one.
        """
        if stream.port == 0 or stream.host in NOWHERE:
            return
        signalled: Address = (canonical(stream.host), stream.port)
        expected = {signalled}
        target = signalled
        if leg.signalled != signalled:
            leg.signalled, leg.source, leg.rtcp_source = signalled, None, None
        elif leg.source is not None:
            expected.add(leg.source)
            target = leg.source
        leg.latch = Latch(expected, leg.formats.types, verified=stream.srtp is not None)
        self._engine.io.aim(leg.row, target)

    def _send_digits(self, leg: Leg, order: SendDigits) -> None:
        """Queue digits."""
        if not order.digits:
            self._engine.emit(DigitsSent(leg.id, order.order))
            return
        if leg.digits is None:
            leg.digits = DigitSender(leg.row)
        leg.digits.add(order)
        if leg.stream is not None:
            self._engine.speaking.digits[leg.row] = leg

    def _echo(self, leg: Leg, mode: str) -> None:
        """Switch the echo."""
        if mode not in ECHOES:
            raise ValueError(f"no echo mode {mode!r}: one of {', '.join(ECHOES)}")
        engine, row = self._engine, leg.row
        engine.legs.echo[row] = ECHOES[mode]
        engine.receiver.echo.pop(row, None)
        leg.echo_offset = None
        if ECHOES[mode] == STREAM:
            engine.receiver.echo[row] = lambda payload, kind, timestamp, marker: self._return(
                leg, payload, kind, timestamp, marker
            )

    def _mute(self, leg: Leg, direction: str) -> None:
        """Switch the mute."""
        if direction not in MUTES:
            raise ValueError(f"no direction {direction!r}: one of in, out, both or empty for neither")
        gains = self._engine.mixer.gains
        gains.mute_in[leg.row], gains.mute_out[leg.row] = MUTES[direction]

    def _return(self, leg: Leg, payload: bytes, kind: int, timestamp: int, marker: bool) -> None:
        """Send a received packet back in our stream: our SSRC and sequence, its spacing in time."""
        engine, stream, row = self._engine, leg.stream, leg.row
        if (
            stream is None
            or not engine.legs.sending[row]
            or engine.player.busy[row]
            or row in engine.speaking.digits
        ):
            return
        format_ = leg.formats.audio.get(kind)
        if format_ is not None:
            if format_.clock != RATES.get(stream.codec, 8000):
                return  # its timestamps would not fit into our stream
            if format_.stretches is not None and format_.send != stream.send_payload_type:
                payload = format_.stretches.load(payload)
            kind = format_.send
        elif kind in leg.formats.events:
            same = leg.formats.events[kind] == stream.digit_clock
            kind = stream.send_digit_payload_type if same else -1
        if kind < 0:
            return
        clock = int(engine.sender.timestamp[row])
        offset = leg.echo_offset
        if offset is None or (timestamp + offset - clock + _ECHO_DRIFT) & 0xFFFFFFFF > 2 * _ECHO_DRIFT:
            leg.echo_offset = offset = (clock - timestamp) & 0xFFFFFFFF
        engine.sender.send_one(row, kind, payload, timestamp + offset, marker=marker)

    def _close(self, leg: Leg) -> None:
        """End everything that the leg does and tell its final counters."""
        engine = self._engine
        engine.player.close(leg.row)
        engine.recorder.close(leg.row)
        engine.reports.leave(leg)
        counters = engine.counters(np.array([leg.row]))[0].tolist()
        engine.remove(leg)
        *counts, jitter, round_trip, peer_lost, peer_jitter, _ = counters
        sent, received, lost, late, foreign = (int(count) for count in counts)
        engine.emit(
            LegClosed(
                leg.id,
                sent,
                received,
                lost,
                late,
                foreign,
                jitter,
                round_trip,
                int(peer_lost),
                peer_jitter,
            )
        )
