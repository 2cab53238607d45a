"""One call on its way to one target: by each way that there is, until somebody answers or has the last word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from media.client import NoPort, WorkerLost
from voipbin_sip.calls.call import Originator
from voipbin_sip.calls.destinations import Destinations, NotReachable
from voipbin_sip.calls.outgoing import OutgoingSession, Target
from voipbin_sip.masking import masked
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.events import Hop
from voipbin_sip.toll.refused import Refused

SILENCE = 6.0  # s that a server or phone may take to send anything at all, where there is another way
LAST_SILENCE = 12.0  # s for a provider where there is none: five datagrams, of which one would have been answered
MAX_ATTEMPTS = 20  # INVITEs of one call
MAX_REDIRECTIONS = 5  # of one call
NOT_ACCEPTABLE = 488  # also the word of a phone that has no SRTP
UNREACHED = frozenset({408, 503})  # no answer at all, or told to go elsewhere (RFC 3263 section 4.3)


class Pursuit:
    """Tries the ways to one target.

    Args:
        attempt: sends the session's INVITE to a target by a hop; raises Refused, NoPort, WorkerLost,
            OSError or LocalProtocolError where that is impossible.
    """

    def __init__(
        self,
        session: OutgoingSession,
        target: Target,
        originator: Originator,
        destinations: Destinations,
        attempt: Callable[[OutgoingSession, Target, Hop], None],
    ) -> None:
        self.session = session
        self._target = target
        self._originator = originator
        self._destinations = destinations
        self._attempt = attempt
        self._attempts = 0
        self._called = {target.uri}  # with all redirections: none is followed twice (RFC 3261 8.1.3.4)

    @property
    def is_silent(self) -> bool:
        """Whether this is a phone that has not said anything yet, switched off perhaps."""
        return not self._target.provider and not self.session.is_heard

    @property
    def is_doubtful(self) -> bool:
        """Whether it was known before that the phone gives no signs of life."""
        return self._target.doubtful

    async def run(self) -> OutgoingSession | None:
        """Return the session once it is answered, None when it has failed."""
        try:
            ways = (self._target, *self._target.onward)
            for number, way in enumerate(ways, 1):
                if await self._try(way, has_more=number < len(ways)):
                    return self.session
                if not self._may_go_on:
                    break
            return None
        finally:
            self.session.conclude()

    @property
    def _may_go_on(self) -> bool:
        session = self.session
        return session.wants_answer and not session.has_last_word and self._attempts < MAX_ATTEMPTS

    @property
    def _may_be_redirected(self) -> bool:
        """Whether a place that a 3xx names may be called; a refusal by another one does not keep us from that."""
        session, followed = self.session, len(self._called) - 1
        return session.wants_answer and session.failure < 600 and followed < MAX_REDIRECTIONS

    async def _try(self, target: Target, *, has_more: bool) -> bool:
        """Call one target: by its other hops where one does not work, and where it redirects us to."""
        session = self.session
        try:
            hops = await self._destinations.hops(target)
        except NotReachable as error:
            session.failed(error.status, str(error))
            return False
        for number, hop in enumerate(hops, 1):
            if await self._reach(target, hop, has_more or number < len(hops)):
                return True
            if session.has_rung or session.failure not in UNREACHED or not self._may_go_on:
                break
        for uri in session.redirected:
            if uri in self._called or not self._may_be_redirected:
                continue
            self._called.add(uri)
            try:
                onward = await self._onward(uri, target)
            except NotReachable as error:
                session.log.warning("redirection not followed", why=str(error))
                continue
            for way in onward:
                if await self._try(way, has_more=has_more):
                    return True
                if not self._may_go_on:
                    break
        return False

    async def _onward(self, uri: str, by: Target) -> Sequence[Target]:
        """Return the ways to where a target has sent us. Raises NotReachable."""
        if by.extension:
            return await self._destinations.forwarded(uri, self._originator, by.extension)
        return (await self._destinations.target(uri, self._originator),)

    async def _reach(self, target: Target, hop: Hop, has_more: bool) -> bool:
        """Send one INVITE and return whether it was answered."""
        session = self.session
        if not session.wants_answer:
            return False
        self._attempts += 1
        try:
            self._attempt(session, target, hop)
        except Refused as error:
            session.log.warning("not dialled", why=str(error))
            session.failed(403, str(error))
            return False
        except (NoPort, WorkerLost, OSError, LocalProtocolError) as error:
            session.log.error("not dialled", uri=masked(target.uri), why=str(error))
            session.failed(500, str(error))
            return False
        patience = SILENCE if has_more else LAST_SILENCE if target.provider else None
        if patience is not None:
            await asyncio.wait((session.outcome,), timeout=patience)
            if not session.outcome.done() and not session.attempt_is_heard:
                session.give_up_attempt()
        answered = await asyncio.shield(session.outcome)
        if answered or session.attempt_is_heard:
            self._destinations.answered(target)
        elif session.failure in UNREACHED:
            self._destinations.failed(target, hop)
        sound = session.sound
        if session.failure == NOT_ACCEPTABLE and sound is not None and sound.may_be_plain:
            return answered or await self._reach(replace(target, srtp="off"), hop, has_more)
        return answered
