"""A call that came to us: it rings, may hear early media, is answered or refused."""

from __future__ import annotations

from voipbin_sip.calls.call import Call
from voipbin_sip.calls.session import CallLimits, CallSession
from voipbin_sip.calls.sound import LegSound
from voipbin_sip.calls.states import STATUS_OF_CAUSE, Status
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.sdp import SessionDescription
from voipbin_sip.transport.endpoint import Endpoint


class IncomingSession(CallSession):
    """The callee side of an INVITE."""

    def __init__(self, call: Call, endpoint: Endpoint, limits: CallLimits) -> None:
        super().__init__(call, endpoint, limits)
        self._early = False

    def begin(self, sound: LegSound, offer: SessionDescription | None) -> None:
        """Take the offer in. Raises RemoteProtocolError(488) where no codec fits, or ours must not leave."""
        self.sound = sound
        if offer is not None:
            sound.wait()
            sound.answer(offer)
            self._media_ready.set()
            if sound.exposed:
                self.log.warning("the caller sent its SRTP keys over signalling that is not secure")
        elif sound.needs_tls:
            raise RemoteProtocolError(488, "Incompatible transport protocol")

    def ring(self) -> None:
        """Send 180."""
        if self.call.status is Status.RINGING and not self._early:
            self._endpoint.core.ring(self._endpoint.now(), self.call.leg)
            self._endpoint.flush()

    def progress(self) -> None:
        """Send 183, so that an unanswered caller hears and is heard. Needs the caller's offer."""
        sound = self.sound
        description = sound.description if sound is not None else None
        if sound is None or description is None or self.call.status is not Status.RINGING or self._early:
            return
        self._early = True
        sound.begin()
        self._endpoint.core.progress(self._endpoint.now(), self.call.leg, description)
        self._endpoint.flush()

    def answer(self) -> None:
        """Send 200; nothing if that is done."""
        if self.sound is None or not self.call.move(Status.PROGRESSING):
            return
        description = self.sound.description or self.sound.offer()
        self.sound.begin()
        self._endpoint.core.answer(self._endpoint.now(), self.call.leg, description)
        self._endpoint.flush()

    def confirmed(self, answer: SessionDescription | None) -> None:
        """The ACK came, with the answer if the offer was ours."""
        if answer is not None:
            self._accept_answer(answer)

    def _give_up(self, now: float, cause: int, why: str, status: int) -> None:
        self._endpoint.core.reject(now, self.call.leg, status or STATUS_OF_CAUSE[cause], why or None)
