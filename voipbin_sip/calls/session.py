"""One call: its SIP leg and its sound brought together. What is the same for calls in and calls out.

Signalling comes in from the switchboard, sound events from the media client. All of it runs in the event loop,
nothing here waits for the network. `IncomingSession` and `OutgoingSession` lie beside this module.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from media.client import MediaLeg
from media.messages import Digit, FirstPacket, LegClosed, RtpTimeout
from voipbin_sip.calls.call import Call, Change
from voipbin_sip.calls.digits import DigitGate
from voipbin_sip.calls.quality import Quality
from voipbin_sip.calls.sound import LegSound
from voipbin_sip.calls.states import CAUSES, Direction, Status, hangup_reason
from voipbin_sip.sip.dialog import Dialog
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import Ended, Offer
from voipbin_sip.sip.sdes import SrtpPolicy
from voipbin_sip.sip.sdp import SessionDescription
from voipbin_sip.transport.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Caps of every call; seconds."""

    duration: float = 3600.0
    rtp_timeout: float = 60.0
    srtp: SrtpPolicy = "optional"  # of calls whose trunk or provider has none of its own


class CallSession:
    """What happens on one call. Implements the media client's LegListener."""

    def __init__(self, call: Call, endpoint: Endpoint, limits: CallLimits) -> None:
        self.call = call
        self.log = structlog.get_logger("call").bind(call=str(call.id))
        self.pressed: Callable[[str], None] = _no_digit
        self.over: Callable[[], None] = _no_end
        self.held: Callable[[bool], None] = nobody_waits
        self.noted: Callable[[str], None] = _no_digit  # digits, by who keeps the record
        self.gone: Callable[[], None] = nobody_is_left
        self.sound: LegSound | None = None
        self._endpoint = endpoint
        self.finished = asyncio.Event()
        self._media_ready = asyncio.Event()
        self._gate = DigitGate()
        self._cause = 0  # ours, of the hang-up
        self._status_before_end = call.status
        self._duration_over = False
        self.holds = False  # the peer wants no sound from us
        self.on_hold = False  # we want no sound from the peer
        self._offering = False  # a re-INVITE of ours is under way
        self._cap = asyncio.get_running_loop().call_later(limits.duration, self._too_long)

    def abandon(self) -> None:
        """Forget a call that never began."""
        self._cap.cancel()

    @property
    def dialog(self) -> Dialog | None:
        """What SIP knows of the peer; None where there is no dialog (any more)."""
        return self._endpoint.core.dialog(self.call.leg)

    async def media_ready(self) -> LegSound:
        """Wait until sound can go both ways (an offerless INVITE settles that with its ACK)."""
        await self._media_ready.wait()
        assert self.sound is not None
        return self.sound

    def quality(self) -> Quality | None:
        """Return how the sound has come across, at most half a second old; None where there was none."""
        return self.call.quality if self.sound is None else Quality.of(self.sound.leg.stats())

    def ring(self) -> None:
        """Tell an unanswered caller that it rings; nothing on a call that we placed."""

    def progress(self) -> None:
        """Let an unanswered caller be heard; nothing on a call that we placed."""

    def answer(self) -> None:
        """Answer; nothing on a call that we placed."""

    def mute(self, direction: str) -> None:
        """Leave out what the call says ("in"), what it would hear of others ("out"), "both" or "" for neither."""
        if self.sound is not None and direction != self.call.mute_direction:
            self.sound.leg.mute(direction)
            self.call.mute_direction = direction
            self.call.tell(Change.MUTE)

    def hold(self, on: bool) -> bool:
        """Tell an answered phone that it is on hold, or is not any more (RFC 3264 section 8.4); False: not now."""
        if self.sound is None or self.call.status is not Status.PROGRESSING or not self._media_ready.is_set():
            return False
        if on is not self.on_hold:
            if self._offering:
                return False
            self.sound.holding = self.on_hold = on
            self._offering = True
            self._endpoint.core.offer(self._endpoint.now(), self.call.leg, self.sound.offer())
            self._endpoint.flush()
        return True

    def hang_up(self, reason: str, why: str = "") -> None:
        """End the call for one of VoIPBIN's reasons; `why` goes into the Reason header and the log."""
        self._end(CAUSES.get(reason, 16), why)

    def refuse(self, status: int, why: str) -> None:
        """End a call that cannot be served with a SIP status."""
        self._end(38, why, status)

    def _end(self, cause: int, why: str, status: int = 0) -> None:
        call, now = self.call, self._endpoint.now()
        before = call.status
        if not call.move(self._ending_status(before)):
            return
        self._status_before_end = before
        self._cause = cause
        call.why = why
        if before is Status.PROGRESSING:
            self._endpoint.core.hang_up(now, call.leg, cause=cause, reason_text=why)
        else:
            self._give_up(now, cause, why, status)
        self._endpoint.flush()

    def _ending_status(self, before: Status) -> Status:
        """Return the status of a call that we are ending."""
        return Status.TERMINATING

    def _give_up(self, now: float, cause: int, why: str, status: int) -> None:
        """End a call that is not answered yet."""
        raise NotImplementedError

    # What signalling tells

    def offered(self, event: Offer) -> None:
        """Settle a re-INVITE or UPDATE: hold, resume, another port or codec."""
        core, now = self._endpoint.core, self._endpoint.now()
        if self.sound is None:
            return
        try:
            description = self.sound.answer(event.offer) if event.offer is not None else self.sound.offer()
        except RemoteProtocolError as error:
            core.refuse_offer(now, self.call.leg, error.status, error.reason)
        else:
            core.accept_offer(now, self.call.leg, description)
            if event.offer is not None and self.sound.agreed is not None:
                self._tell_hold(not self.sound.agreed.send)
        self._endpoint.flush()

    def offer_answered(self, answer: SessionDescription) -> None:
        """The answer to an offer of ours, be it that an offerless re-INVITE made us give it."""
        self._offering = False
        self._accept_answer(answer)

    def offer_refused(self, status: int) -> None:
        """Our re-INVITE was refused: all stays as it was."""
        self.log.info("our offer was refused", status=status)
        self._offering = False
        if self.sound is not None:
            self.sound.holding = self.on_hold = not self.on_hold

    def _tell_hold(self, holds: bool) -> None:
        if holds is not self.holds:
            self.holds = holds
            self.held(holds)

    def info_digit(self, digit: str) -> None:
        """A digit by SIP INFO."""
        if self.sound is not None:
            self.sound.leg.other_digit(digit)
        self._digit(digit, "info")

    def ended(self, event: Ended) -> None:
        """The SIP leg is over: release everything."""
        call = self.call
        last = call.status
        if call.is_over:
            return
        self._cap.cancel()
        call.sip_status, call.sip_reason = event.status, event.reason
        call.hangup_by = "local" if last in (Status.TERMINATING, Status.CANCELING) else "remote"
        if call.direction is Direction.INCOMING and last is Status.TERMINATING:
            last = self._status_before_end
        call.hangup_reason = hangup_reason(
            call.direction, last, self._cause or event.cause, duration_over=self._duration_over
        )
        if self.sound is not None:
            leg = self.sound.leg
            call.quality = Quality.of(leg.stats())
            call.codec = self.sound.agreed.codec if self.sound.agreed is not None else ""
        call.move(Status.HANGUP)
        if self.sound is not None:
            self.sound.close()
            leg.final.add_done_callback(partial(self._keep_quality, leg))
        self.log.info(
            "call ended",
            by=call.hangup_by,
            reason=call.hangup_reason,
            status=event.status,
            why=event.reason,
        )
        self.finished.set()
        self.gone()
        self.over()
        self._forget()

    # What the sound tells (media.client.LegListener)

    def on_digit(self, digit: Digit) -> None:
        """A digit by RFC 4733 or as a tone."""
        self._digit(digit.digit, digit.source)

    def on_first_packet(self, event: FirstPacket) -> None:
        """The caller's packets arrive."""
        self.log.debug("first packet", source=f"{event.host}:{event.port}")

    def on_rtp_timeout(self, event: RtpTimeout) -> None:
        """The caller has vanished, unless it holds: then many phones send nothing at all."""
        if self.holds or self.on_hold:
            return
        self.log.warning("no sound from the caller", seconds=event.seconds)
        self.hang_up("normal", f"no RTP for {event.seconds:.0f} s")

    def on_lost(self, reason: str) -> None:
        """The media worker died."""
        self.log.error("media lost", why=reason)
        self._end(41, "media lost", 500)

    def _forget(self) -> None:
        """Let go of everything that refers to this call, so that it is freed at once and not by the collector."""
        self.pressed, self.over, self.held, self.gone = _no_digit, _no_end, nobody_waits, nobody_is_left
        self.noted = _no_digit
        self.sound = None

    def _keep_quality(self, leg: MediaLeg, _: asyncio.Future[LegClosed]) -> None:
        """The last counters of the sound are there."""
        quality = Quality.of(leg.stats())
        if quality.has_sound:
            self.call.quality = quality
            self.call.tell(Change.QUALITY)
            self.log.info("call quality", **quality.fields())

    def _digit(self, digit: str, source: str) -> None:
        if self._gate.passes(source, self._endpoint.now()):
            self.noted(digit)
            self.pressed(digit)

    def _accept_answer(self, answer: SessionDescription, *, final: bool = True) -> None:
        if self.sound is None:
            return
        try:
            self.sound.accept(answer, final=final)
        except RemoteProtocolError as error:
            self._end(58, str(error.reason))
            return
        self._media_ready.set()

    def _too_long(self) -> None:
        self._duration_over = True
        self.hang_up("timeout", "longest call duration reached")


def _no_digit(digit: str) -> None:
    """Nobody listens."""


def _no_end() -> None:
    """Nobody waits for the end."""


def nobody_waits(held: bool) -> None:
    """There is nobody on the other side."""


def nobody_is_left() -> None:
    """The call was in no bridge."""
