"""Our registration with one provider (RFC 3261 section 10.2): made, refreshed in time, given up at the end.

Who owns it calls `tick` a few times a second. Every server of the provider gets its chance before we wait; silence
and overload are met with short waits that double, refusals, which only the operator can mend, with long ones.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial

import structlog

from voipbin_sip.carriers import answers
from voipbin_sip.carriers.backoff import BackOff
from voipbin_sip.carriers.line import Line
from voipbin_sip.carriers.provider import Provider, Registered
from voipbin_sip.carriers.search import LONGEST_PAUSE, Search
from voipbin_sip.sip.client_digest import ClientDigest
from voipbin_sip.sip.errors import SipError
from voipbin_sip.sip.events import Response
from voipbin_sip.sip.name_addr import NameAddr
from voipbin_sip.sip.uri import Uri
from voipbin_sip.transport.resolver import Place, ResolveError

REFRESH = (0.76, 0.84)  # of the time granted
CALMNESS = 5.0  # seconds between two registrations over connections that do not last
ADVICE = {
    401: "check username and password",
    403: "check username and password",
    404: "the provider does not know this username: check username and hostname",
    407: "check username and password",
    423: "the provider wants another 'register' time",
}


class Registration:
    """One registration.

    Args:
        heard: told of each try whether anybody answered.
        changed: called when there was an answer, or the state has changed.
    """

    def __init__(
        self, provider: Provider, line: Line, *, heard: Callable[[bool], None], changed: Callable[[], None]
    ) -> None:
        self._provider = provider
        self._line = line
        self._heard = heard
        self._changed = changed
        self._log = structlog.get_logger("providers").bind(provider=provider.id)
        self._digest = _digest(provider)
        self._call_id = secrets.token_hex(12)
        self._cseq = 0
        self._asked_for = provider.register
        self._search = Search(provider, line)
        self._asking = 0  # answers that are awaited
        self._leaving = False
        self._due = self._line.now()
        self._sent_at = float("-inf")
        self._until = 0.0  # our Contact is registered, monotonic; 0 = it is not
        self._place: Place | None = None  # where it is
        self._connection = 0
        self._seen_at = ""  # other than our Contact says, and told so already
        self._busy = BackOff(2.0, 300.0, line.chance)
        self._refused = BackOff(30.0, LONGEST_PAUSE, line.chance)
        self.state = Registered.TRYING
        self.why = ""
        self.since = line.wall()
        self.expires_at: float | None = None  # wall clock
        self.route: tuple[str, ...] = ()  # Service-Route (RFC 3608)
        self.answered_from = ""  # address of the registrar

    @property
    def holds(self) -> bool:
        """Whether the provider knows where we are."""
        return self._until > 0

    @property
    def idle(self) -> bool:
        """Whether no answer is awaited."""
        return not self._asking

    @property
    def due(self) -> float:
        """When `tick` has something to do (monotonic)."""
        lapse = self._until or float("inf")
        return lapse if self._asking or self._leaving else min(lapse, self._due)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self._until and now >= self._until and (self._asking or now < self._due):
            self._lapse(self._search.failure or "it was not renewed in time")
        if self._asking or self._leaving or now < self._due:
            return
        try:
            places = self._search.left()
        except ResolveError as error:
            self._search.failure = str(error)
            self._heard(False)
            places = []
        if places:
            self._send(now, places[0], self._asked_for)
        elif places is not None:  # None: DNS has not told yet
            self._pause(now)

    def leave(self) -> None:
        """Tell the provider that we are gone (RFC 3261 section 10.2.2); `idle` once it knows."""
        self._leaving = True
        if self._until and self._place is not None:
            self._send(self._line.now(), self._place, 0)

    def connection_lost(self, now: float, connection: int) -> None:
        """Register anew if that was the connection by which the provider reaches us."""
        if connection and connection == self._connection:
            self._connection = 0
            self._due = max(now, self._sent_at + CALMNESS)
            self._change(Registered.TRYING, "connection lost")

    def _send(self, now: float, place: Place, expires: int) -> None:
        provider = self._provider
        user, _, domain = provider.account.partition("@")
        address = str(NameAddr("", Uri("sip", user=user, host=domain or provider.host)))
        try:
            hop = self._line.hop(place)
            contact = self._line.contact(provider.contact_user, hop)
            self._cseq += 1 + 2 * self._asking  # one in flight may want another number, for its credentials
            self._line.ask(
                "REGISTER",
                hop,
                partial(self._answered, place, contact),
                uri=str(self._search.uri),
                from_=address,
                to=address,
                call_id=self._call_id,
                cseq=self._cseq,
                headers=(("Contact", f"<{contact}>"), ("Expires", str(expires)), ("Supported", "path")),
                credentials=self._digest,
            )
        except LookupError as error:
            self._search.impossible(place, f"{error}: add one to sip.listen")
            return
        except SipError as error:
            self._search.impossible(place, str(error))
            return
        self._asking += 1
        self._sent_at = now

    def _answered(self, place: Place, contact: Uri, event: Response) -> None:
        now = self._line.now()
        self._asking -= 1
        self._cseq = max(self._cseq, event.cseq)
        there = len(event.headers) > 0  # else the core says so because nobody did
        self._heard(there)
        if self._leaving:
            self._until = 0.0
        elif 200 <= event.status < 300:
            self._accepted(now, place, contact, event)
        elif not there or event.status == 408 or 500 <= event.status < 600:
            self._search.unserved(place, event)  # the next one at once: RFC 3263 section 4.3
        elif 300 <= event.status < 400:
            if not self._search.redirected(event):
                self._turn(now, self._search.failure)
        elif event.status == 423:
            self._too_brief(now, event)
        else:
            self._turned_down(now, event.status, event.reason)
        self._changed()

    def _accepted(self, now: float, place: Place, contact: Uri, event: Response) -> None:
        seconds = answers.granted(event.headers, contact, self._asked_for)
        if not seconds:
            self._turn(now, f"{event.status} to REGISTER, but our Contact is not registered")
            return
        self._line.worked(place)
        self._place, self._connection = place, event.hop.connection
        self._until = now + seconds
        self._due = now + seconds * self._line.chance.uniform(*REFRESH)
        self.expires_at = self._line.wall() + seconds
        self.route = answers.service_route(event.headers)
        self.answered_from = event.hop.remote[0]
        self._search.done()
        self._busy.reset()
        self._refused.reset()
        self._change(Registered.REGISTERED, "")
        self._compare(contact.host, answers.seen_at(event.headers))

    def _compare(self, ours: str, seen: str) -> None:
        """Say so if the provider's calls cannot arrive because a NAT stands between."""
        if seen and seen != ours and seen != self._seen_at:
            self._seen_at = seen
            advice = "behind a NAT, set sip.advertise to the address that the provider sees"
            self._log.warning("provider sees another address of ours", seen=seen, ours=ours, advice=advice)

    def _too_brief(self, now: float, event: Response) -> None:
        seconds = answers.least(event.headers)
        if seconds is not None and seconds > self._asked_for and self._search.detour():
            self._asked_for = seconds
        else:
            self._turned_down(now, event.status, event.reason)

    def _turned_down(self, now: float, status: int, reason: str) -> None:
        self._turn(now, f"{status} to REGISTER: {ADVICE.get(status, reason or 'refused')}")

    def _turn(self, now: float, why: str) -> None:
        """Note a refusal, which no server of the provider will take back soon."""
        self._digest = _digest(self._provider)
        self._due = now + self._refused.delay()
        self._search.begin()
        self._lapse(why)

    def _pause(self, now: float) -> None:
        """Note that no server serves us now. What is registered stays so until its time is over."""
        self._due = now + max(self._busy.delay(), self._search.pause)
        self._search.begin()
        if not self._until or self.state is Registered.TRYING:
            self._change(Registered.FAILED, self._search.failure)

    def _lapse(self, why: str) -> None:
        self._until = 0.0
        self.expires_at = None
        self._change(Registered.FAILED, why)

    def _change(self, state: Registered, why: str) -> None:
        if (state, why) == (self.state, self.why):
            return
        if state is not self.state:
            self.since = self._line.wall()
        self.state, self.why = state, why
        if state is Registered.REGISTERED:
            self._log.info("registered with provider", server=self.answered_from)
        else:
            self._log.warning("not registered with provider", why=why)
        self._changed()


def _digest(provider: Provider) -> ClientDigest | None:
    """Return our side of the provider's challenges; it lasts, so that refreshes are not challenged each time."""
    if provider.credentials is None:
        return None
    return ClientDigest(*provider.credentials, new_token=lambda: secrets.token_hex(8))
