"""Carries out what phones ask for with REFER: blind and attended transfers (RFC 3515, RFC 3891, RFC 5589).

In the words of RFC 5589 the transferor sends the REFER, the transferee is who it talks to, the target is called.
We are in the middle, so that the transferee's phone learns nothing of it: the target takes the transferor's seat in
their bridge. The transferor hears of it by NOTIFY, hangs up as it is used to, or is hung up after a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from media.client import Playout, WorkerLost
from voipbin_sip.calls.bridge import Bridge, Bridges
from voipbin_sip.calls.call import Address
from voipbin_sip.calls.destinations import Destinations, NotReachable
from voipbin_sip.calls.dialer import Dialled
from voipbin_sip.calls.dialplan import Meaning
from voipbin_sip.calls.outgoing import OutgoingSession
from voipbin_sip.calls.places import Places
from voipbin_sip.calls.referral import payer, referral, referred
from voipbin_sip.calls.ringing import Ringing
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.tones import Tone
from voipbin_sip.sip.core import SipCore
from voipbin_sip.sip.events import Progress, Transfer
from voipbin_sip.sip.replaces import Replaces
from voipbin_sip.sip.status import REASONS
from voipbin_sip.sip.uri import Uri, parse_uri
from voipbin_sip.transport.endpoint import Endpoint

BYE_SECONDS = 5.0  # that a transferor has to hang up by itself once the transfer is done
CANCEL_SECONDS = 0.2  # that a phone is given to be free again before it is called anew


class NotTransferred(Exception):  # noqa: N818 - reads as what happened
    """A transfer fails; the SIP status is told to the transferor, the message is for the log."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Transfers:
    """All transfers that phones have asked for.

    Args:
        session: gives the call of a leg.
        meaning: says what an address means that a phone dials.
        divert: lets a call run a flow from now on, whatever it did before.
        domain: of the addresses in Referred-By.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        bridges: Bridges,
        places: Places,
        ringing: Ringing,
        destinations: Destinations,
        *,
        session: Callable[[str], CallSession | None],
        meaning: Callable[[Uri], Meaning | None],
        divert: Callable[[CallSession, Meaning], None],
        ringback: Tone,
        domain: str,
    ) -> None:
        self._endpoint = endpoint
        self._bridges = bridges
        self._places = places
        self._ringing = ringing
        self._destinations = destinations
        self._session = session
        self._meaning = meaning
        self._divert = divert
        self._ringback = ringback
        self._domain = domain
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def _core(self) -> SipCore:
        return self._endpoint.core

    def begin(self, transferor: CallSession, event: Transfer) -> None:
        """Take a REFER that the core has accepted; how it goes is told by NOTIFY.

        Everything but the ringing happens at once: the transferor may hang up right after its REFER.
        """
        try:
            ringing = self._start(transferor, event)
        except NotTransferred as error:
            self._failed(transferor, error)
        except WorkerLost as error:
            self._failed(transferor, NotTransferred(503, str(error)))
        else:
            if ringing is None:
                self._done(transferor)
            else:
                task = asyncio.get_running_loop().create_task(ringing)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop all that ring."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, transferor: CallSession, event: Transfer) -> Coroutine[object, object, None] | None:
        """Do what can be done at once and return the rest, None if that was all."""
        if not transferor.call.transfers:
            raise NotTransferred(403, "transfers are not allowed to this side")
        if event.replaces is not None:
            leg = self._core.leg_of(event.replaces)
            consulted = self._session(leg) if leg is not None else None
            if consulted is not None:
                return self._attended(transferor, consulted, event)
        return self._blind(transferor, event.refer_to, event.replaces)

    # Attended: the transferor has called the target already

    def _attended(
        self, transferor: CallSession, consulted: CallSession, event: Transfer
    ) -> Coroutine[object, object, None] | None:
        """Let the other sides of two calls of the transferor have each other; `consulted` is the second one."""
        bridges = [self._bridges.of(transferor), self._bridges.of(consulted)]
        if any(bridge is not None and bridge.kept for bridge in bridges):
            raise NotTransferred(491, "another transfer is under way")
        if transferor is consulted or (bridges[0] is not None and bridges[0] is bridges[1]):
            raise NotTransferred(403, "the two are connected already")
        for stays, goes in ((transferor, consulted), (consulted, transferor)):
            other = self._bridges.partner(stays)
            if other is not None and self._places.take(other, goes):
                self._bridges.take_out(stays)
                consulted.hang_up("normal", "transferred")
                return None
        # A number with a flow, or a phone that still rings: the transferee calls it anew.
        ringing = self._blind(transferor, event.refer_to, None, pause=CANCEL_SECONDS)
        consulted.hang_up("normal", "transferred")
        return ringing

    # Blind: we call the target

    def _blind(
        self, transferor: CallSession, uri: str, replaces: Replaces | None, *, pause: float = 0.0
    ) -> Coroutine[object, object, None] | None:
        bridge = self._bridges.of(transferor)
        if bridge is None:
            if self._places.in_room(transferor):
                raise NotTransferred(403, "nobody can be transferred out of a room")
            raise NotTransferred(480, "there is nobody to transfer")
        transferee = bridge.beside(transferor)
        if bridge.kept or transferee is None:
            raise NotTransferred(491, "another transfer is under way")
        onward = self._meaning(parse_uri(uri))
        if onward is None:
            raise NotTransferred(404, "there is nothing at the target's address")
        if onward.connect is None:
            self._bridges.take_out(transferee)
            transferee.call.payer = payer(transferor.call)
            self._divert(transferee, onward)
            return None
        self._bridges.keep(bridge)
        return self._ring(bridge, transferor, transferee, onward.connect, replaces, pause)

    async def _ring(
        self,
        bridge: Bridge,
        transferor: CallSession,
        transferee: CallSession,
        target: Address,
        replaces: Replaces | None,
        pause: float,
    ) -> None:
        """Ring the target after a pause while the transferee hears ringing, and give it the transferor's seat."""
        tone: Playout | None = None

        def rang(_session: OutgoingSession, _event: Progress) -> None:
            nonlocal tone
            if tone is None:
                tone = self._ringback.play(transferee, urgent=True)
                self._tell(transferor, 180, final=False)

        try:
            await asyncio.sleep(pause)
            originator = referral(transferee.call, transferor.call)
            targets = await self._destinations.targets(target, originator)
            ringing = self._ringing.ring_all(
                [referred(to, transferor.call, replaces, self._domain) for to in targets],
                originator,
                target,
                beside=transferee,
                rang=rang,
            )
            dialled = await _while_somebody_waits(bridge, transferor, ringing)
            if dialled.session is None:
                raise NotTransferred(dialled.status, dialled.reason)
            self._seat(bridge, dialled.session, transferor)
        except NotReachable as error:
            self._failed(transferor, NotTransferred(error.status, str(error)))
        except NotTransferred as error:
            self._failed(transferor, error)
        except WorkerLost as error:
            self._failed(transferor, NotTransferred(503, str(error)))
        except Exception:
            transferor.log.exception("transfer broke")
            self._failed(transferor, NotTransferred(500, "internal error"))
        else:
            self._done(transferor)
        finally:
            if tone is not None:
                tone.stop()
            self._bridges.release(bridge)

    def _seat(self, bridge: Bridge, target: CallSession, transferor: CallSession) -> None:
        """Give the target that has answered its seat. Raises WorkerLost, or NotTransferred if that is taken."""
        seated = False
        try:
            seated = self._bridges.seat(bridge, target, transferor)
        finally:
            if not seated:
                target.hang_up("normal")
        if not seated:
            raise NotTransferred(487, "there is no place for the target any more")

    # What the transferor hears of it

    def _done(self, transferor: CallSession) -> None:
        transferor.log.info("transferred")
        self._bridges.take_out(transferor)
        self._tell(transferor, 200, final=True)
        asyncio.get_running_loop().call_later(BYE_SECONDS, transferor.hang_up, "normal", "transferred")

    def _failed(self, transferor: CallSession, error: NotTransferred) -> None:
        transferor.log.info("not transferred", status=error.status, why=str(error))
        self._tell(transferor, error.status, final=True)

    def _tell(self, transferor: CallSession, status: int, *, final: bool) -> None:
        reason = REASONS.get(status, "Failed")
        self._core.notify_transfer(self._endpoint.now(), transferor.call.leg, status, reason, final=final)
        self._endpoint.flush()


async def _while_somebody_waits(
    bridge: Bridge, transferor: CallSession, ringing: Coroutine[object, object, Dialled]
) -> Dialled:
    """Ring for as long as there is a transferee. Raises NotTransferred when there is none any more."""
    work = asyncio.ensure_future(ringing)
    try:
        while not work.done():
            if bridge.beside(transferor) is None:
                raise NotTransferred(487, "the transferee has hung up")
            changed = asyncio.ensure_future(bridge.changed.wait())
            await asyncio.wait((work, changed), return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        return work.result()
    finally:
        work.cancel()
