"""One leg as the server holds it: orders that go to its worker, futures and calls that come back.

Made by `media.client.MediaClient.open_leg`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from media.bank import Clip, ClipBank
from media.codecs.linear import MOST, RATES
from media.dtmf.telephone_event import event_code
from media.gains import MAX_GAIN, MUTES
from media.legs import ECHOES, LAWS
from media.link import WorkerLink, WorkerLost
from media.messages import (
    ClearTap,
    CloseLeg,
    CloseTap,
    Digit,
    DigitsSent,
    Echo,
    Event,
    FirstPacket,
    Gain,
    HandOver,
    Join,
    Leave,
    LegClosed,
    Mute,
    OtherDigits,
    Play,
    PlayDone,
    Record,
    RtpTimeout,
    SendDigits,
    SetStream,
    StopPlay,
    StopRecord,
    Stream,
    TapClosed,
    TapRtp,
)
from media.orders import canonical
from media.send import PTIMES
from media.srtp import KEY, SUITES
from media.stats import LegStats
from media.tap_client import WRITE_AHEAD, TapEnd, tap_order

if TYPE_CHECKING:
    from media.room import Room

_LegOrder: TypeAlias = (
    SetStream
    | Play
    | StopPlay
    | SendDigits
    | Echo
    | OtherDigits
    | Join
    | Leave
    | Mute
    | Gain
    | Record
    | StopRecord
    | ClearTap
    | CloseTap
    | HandOver
    | CloseLeg
)


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
        leg.bank.pin(clips, self._ended)
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
        bank: ClipBank,
        numbers: Callable[[], int],
        link: WorkerLink,
        number: int,
        slot: int,
        address: tuple[str, int],
        listener: LegListener,
    ) -> None:
        self.bank = bank
        self._next_number = numbers
        self.id = number
        self.host, self.port = address
        self.rtcp_port = self.port + 1
        self.link = link
        self.slot = slot
        self.listener = listener
        self.final: asyncio.Future[LegClosed] = asyncio.get_running_loop().create_future()
        self._playouts: dict[int, Playout] = {}
        self._digits: dict[int, asyncio.Future[None]] = {}
        self._taps: dict[int, TapEnd] = {}
        self._closing = False
        self.room: Room | None = None
        self.destination: WorkerLink | None = None  # while the leg moves to another worker
        self._held: list[_LegOrder] = []  # until it is there

    @property
    def home(self) -> WorkerLink:
        """The worker that the leg is in, or on its way to."""
        return self.destination or self.link

    @property
    def open(self) -> bool:
        """Orders still have an effect."""
        return not self._closing

    def set_stream(self, stream: Stream) -> None:
        """Apply what signalling agreed; raises ValueError for what the engine does not know."""
        for codec in (stream.codec, *(other.codec for other in stream.others)):
            if codec not in LAWS:
                raise ValueError(f"no codec {codec!r}: one of {', '.join(LAWS)}")
        if stream.ptime not in PTIMES:
            raise ValueError(f"ptime {stream.ptime} is none of {PTIMES}")
        if RATES.get(stream.codec, 0) * stream.ptime > MOST:
            raise ValueError(f"{stream.ptime} ms of {stream.codec} do not fit into a packet")
        if stream.srtp is not None and stream.srtp.suite not in SUITES:
            raise ValueError(f"no SRTP suite {stream.srtp.suite!r}: one of {', '.join(SUITES)}")
        if stream.srtp is not None and {len(stream.srtp.send), len(stream.srtp.receive)} != {KEY}:
            raise ValueError(f"an SRTP key of {KEY} octets is needed in each direction")
        canonical(stream.host)
        self.order(SetStream(self.id, stream))

    def play(
        self,
        clips: Sequence[Clip],
        *,
        urgent: bool = False,
        stop_digits: str = "",
        loop: bool = False,
        mix: bool = False,
    ) -> Playout:
        """Queue sound; raises ValueError for a released clip.

        `urgent` suspends what plays. In a room the sound is heard instead of the others, with `mix` over them.
        """
        number = self._next_number()
        self.order(Play(self.id, number, [clip.ref for clip in clips], urgent, stop_digits, loop, mix))
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
        number = self._next_number()
        self._digits[number] = sent
        self.order(SendDigits(self.id, number, digits, duration, interval))
        return sent

    def echo(self, mode: str) -> None:
        """Return what the peer sends: "off", "sound" or "stream"."""
        if mode not in ECHOES:
            raise ValueError(f"no echo mode {mode!r}: one of {', '.join(ECHOES)}")
        self.order(Echo(self.id, mode))

    def join(self, room: Room) -> None:
        """Enter a room, leaving the one before; who is in it hears this leg and is heard."""
        if not self._closing:
            room.take(self)

    def leave(self) -> None:
        """Leave the room, if the leg is in one."""
        if self.room is not None:
            self.order(Leave(self.id))
            self.room.lose(self)

    def mute(self, direction: str) -> None:
        """Drop what the leg says ("in"), what it would hear ("out"), "both" or "" for neither."""
        if direction not in MUTES:
            raise ValueError(f"no direction {direction!r}: one of in, out, both or empty for neither")
        self.order(Mute(self.id, direction))

    def gain(self, factor: float) -> None:
        """Set how loud the others of a room hear the leg: 1 = as it comes, 0 to 8."""
        if not 0 <= factor <= MAX_GAIN:
            raise ValueError(f"a gain of {factor} is not between 0 and {MAX_GAIN:.0f}")
        self.order(Gain(self.id, float(factor)))

    def other_digit(self, digit: str) -> None:
        """Tell that the peer sends digits by signalling; `digit` ends playouts that stop on it."""
        self.order(OtherDigits(self.id, digit))

    def tap(
        self,
        *,
        listen: str = "both",
        speak: str = "both",
        rate: int = 8000,
        ahead: float = WRITE_AHEAD,
        rtp: TapRtp | None = None,
        sock: socket.socket | None = None,
        room: bool = False,
    ) -> TapEnd:
        """Listen to the leg and speak into it. Raises ValueError, and WorkerLost where nothing can be any more.

        Args:
            listen: "in": what the leg says, "out": what it hears (but of this tap), "both", "" for neither.
            speak: "in": as if the leg said it, "out": for it to hear, "both", "" for neither.
            ahead: seconds of sound that may be written before they are played.
            rtp: exchange RTP with the host that `sock`, which is given away here, is connected to.
            room: the leg has no phone, and is in a room for the tap.
        """
        order = tap_order(
            self.id, self._next_number(), listen=listen, speak=speak, rate=rate, rtp=rtp, room=room
        )
        if self._closing:
            raise WorkerLost("the leg is gone")
        tap = TapEnd(self, order, sock, ahead)
        if self.destination is None:
            try:
                tap.open()
            except WorkerLost:
                tap.finish(None)
                raise
        self._taps[tap.id] = tap
        return tap

    def stats(self) -> LegStats:
        """Return the counters, at most half a second old; the final ones once the leg is closed."""
        if self.final.done():
            return self._last
        return self.link.stats.read(self.slot)

    def close(self) -> None:
        """Give the leg up; `final` ends with its last counters."""
        if not self._closing:
            if self.room is not None:
                self.room.lose(self)
            self.order(CloseLeg(self.id))
            self._closing = True

    def order(self, order: _LegOrder) -> None:
        """Send an order to the leg's worker; a leg that is gone takes none."""
        if self._closing:
            return
        if self.destination is not None:
            self._held.append(order)
        else:
            self.link.send(order)

    def arrive(self, slot: int) -> None:
        """Go on in the worker that the leg has moved to, with the orders that came meanwhile."""
        assert self.destination is not None
        self.link, self.slot, self.destination = self.destination, slot, None
        for tap in self._taps.values():
            tap.open()
        for order in self._held:
            self.link.send(order)
        self._held.clear()

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
            case TapClosed():
                tap = self._taps.pop(event.tap, None)
                if tap is not None:
                    tap.finish(event)
            case LegClosed():
                self.end(event)

    def end(self, closed: LegClosed) -> None:
        """Settle everything that still waits on the leg."""
        self._closing = True
        if self.room is not None:
            self.room.lose(self)
        self._last = self.stats()._replace(
            packets_sent=closed.packets_sent,
            packets_received=closed.packets_received,
            packets_lost=closed.packets_lost,
            packets_late=closed.packets_late,
            packets_foreign=closed.packets_foreign,
            jitter=closed.jitter,
            round_trip=closed.round_trip,
            peer_lost=closed.peer_lost,
            peer_jitter=closed.peer_jitter,
        )
        for number, playout in self._playouts.items():
            playout.finish(PlayDone(self.id, number, "closed", 0))
        for sent in self._digits.values():
            sent.cancel()
        for tap in self._taps.values():
            tap.finish(None)
        self._playouts.clear()
        self._digits.clear()
        self._taps.clear()
        if not self.final.done():
            self.final.set_result(closed)
