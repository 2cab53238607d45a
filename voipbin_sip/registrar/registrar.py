"""Answers REGISTER (RFC 3261 section 10.3, with RFC 3327 Path and the replacing of RFC 5626).

Who asks is proven before anything about the extension is looked at: to somebody without its password a known and an
unknown extension are the same, in the answer and in the work that it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

from voipbin_sip.domain import serves
from voipbin_sip.guard import DigestGuard, Outcome
from voipbin_sip.registrar.binding_request import Wish, expires_header, path_of, readable, wishes
from voipbin_sip.registrar.contact import Contact
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.registrar.reach import way_to
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.message import Request
from voipbin_sip.sip.uri import parse_uri, same_uri


@dataclass(frozen=True, slots=True)
class Answer:
    """The response to a REGISTER."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    extension: str = ""  # that proved itself
    why: str = ""  # for the log
    outcome: Outcome | None = None  # of a 401: what was judged before


@dataclass(frozen=True, slots=True)
class Terms:
    """What the registrar grants: contacts for each extension, and seconds."""

    contacts: int = 3
    expires: int = 3600  # where the phone says nothing
    min_expires: int = 60
    max_expires: int = 7200


class Registrar:
    """The registrar of one domain.

    Args:
        domain: see `domain.serves`.
        password: gives an extension's password, None for an unknown extension.
        guard: shared with the calls, so that replays are known to both.
        locations: written here.
    """

    def __init__(
        self,
        *,
        domain: str,
        password: Callable[[str], str | None],
        guard: DigestGuard,
        locations: Locations,
        terms: Terms | None = None,
    ) -> None:
        self._domain = domain.lower()
        self._password = password
        self._guard = guard
        self._locations = locations
        self._terms = terms or Terms()

    def answer(self, request: Request, hop: Hop, now: float) -> Answer:
        """Carry out one REGISTER that came by `hop` at `now`, seconds since 1970, and say what to answer."""
        if not serves(self._domain, request.uri) or not serves(self._domain, request.to.uri):
            return Answer(404, "Domain not served here", why=f"domain {request.to.uri.host!r} is not ours")
        outcome = self._guard.check(request, now, self._password, status=401, source=hop.remote[0])
        extension = outcome.user
        if not extension:
            return Answer(401, "Unauthorized", outcome.challenges, why=outcome.why, outcome=outcome)
        if request.to.uri.user != extension:
            return Answer(403, "Forbidden", extension=extension, why="registers for another extension")
        self._locations.tick(now)
        try:
            if request.contact_star:
                self._remove_all(extension, request)
            else:
                self._update(extension, request, hop, now)
        except RemoteProtocolError as error:
            headers = (("Min-Expires", str(self._terms.min_expires)),) if error.status == 423 else ()
            return Answer(error.status, error.reason, headers, extension, why=error.reason)
        return Answer(200, "OK", self._success(extension, request, now), extension)

    def _remove_all(self, extension: str, request: Request) -> None:
        """Section 10.2.2: `Contact: *` with Expires 0."""
        if expires_header(request) != 0:
            raise RemoteProtocolError(400, "Contact Star Without Expires Zero")
        contacts = self._locations.contacts(extension)
        for contact in contacts:
            _check_order(contact, request)
        for contact in contacts:
            self._locations.remove(extension, contact, "removed")

    def _update(self, extension: str, request: Request, hop: Hop, now: float) -> None:
        """Section 10.3 step 7: all of it or nothing."""
        asked = _without_repeats(wishes(request))
        path = path_of(request)
        terms = self._terms
        if any(wish.expires is not None and 0 < wish.expires < terms.min_expires for wish in asked):
            raise RemoteProtocolError(423, "Interval Too Brief")
        pairs = _pair(asked, self._locations.contacts(extension))
        for _, old in pairs:
            if old is not None:
                _check_order(old, request)
        for wish, old in pairs:
            seconds = terms.expires if wish.expires is None else min(wish.expires, terms.max_expires)
            if seconds:
                contact = _contact(wish, request, hop, path, now, now + seconds)
                self._locations.put(extension, contact, old)
            elif old is not None:
                self._locations.remove(extension, old, "removed")
        newest_first = sorted(
            self._locations.contacts(extension), key=lambda contact: contact.updated_at, reverse=True
        )
        for contact in newest_first[terms.contacts :]:
            self._locations.remove(extension, contact, "replaced")

    def _success(self, extension: str, request: Request, now: float) -> tuple[tuple[str, str], ...]:
        headers = [
            ("Contact", _contact_value(contact, now)) for contact in self._locations.contacts(extension)
        ]
        headers += [("Path", value) for value in path_of(request)]  # RFC 3327 section 5.3
        headers += [("Supported", "path"), ("Date", formatdate(now, usegmt=True))]
        return tuple(headers)


def _check_order(contact: Contact, request: Request) -> None:
    """Refuse a REGISTER that is older than what made the binding (section 10.3 steps 6 and 7)."""
    if contact.call_id == request.call_id and request.cseq.number <= contact.cseq:
        raise RemoteProtocolError(500, "Out Of Order")


def _without_repeats(asked: list[Wish]) -> list[Wish]:
    """Return the wishes, of several for the same URI only the first."""
    unique: list[Wish] = []
    for wish in asked:
        if not any(same_uri(parse_uri(wish.uri), parse_uri(other.uri)) for other in unique):
            unique.append(wish)
    return unique


def _pair(asked: list[Wish], contacts: list[Contact]) -> list[tuple[Wish, Contact | None]]:
    """Return each wish with the binding that it is about: the same URI, else the same phone at another address.

    RFC 5626 section 6 replaces by instance and reg-id; phones that send only the instance mean the same.
    """
    left = list(contacts)
    pairs: list[tuple[Wish, Contact | None]] = []
    for wish in asked:
        old = next((contact for contact in left if contact.matches(wish.uri)), None)
        if old is not None:
            left.remove(old)
        pairs.append((wish, old))
    for index, (wish, old) in enumerate(pairs):
        if old is None and wish.instance:
            same = (contact for contact in left if (contact.instance, contact.reg_id) == _phone(wish))
            if (found := next(same, None)) is not None:
                left.remove(found)
                pairs[index] = (wish, found)
    return pairs


def _phone(wish: Wish) -> tuple[str, str]:
    return wish.instance, wish.reg_id


def _contact(
    wish: Wish, request: Request, hop: Hop, path: tuple[str, ...], now: float, expires_at: float
) -> Contact:
    uri = parse_uri(wish.uri)
    return Contact(
        uri=wish.uri,
        hop=way_to(uri, path, hop, symmetric=request.via.rport is not None),
        expires_at=expires_at,
        updated_at=now,
        call_id=request.call_id,
        cseq=request.cseq.number,
        source=hop.remote,
        path=path,
        q=wish.q,
        user_agent=readable(request.headers.get("user-agent") or "", 128),
        instance=wish.instance,
        reg_id=wish.reg_id,
    )


def _contact_value(contact: Contact, now: float) -> str:
    """Return a binding as the 200 tells it."""
    parts = [f"<{contact.uri}>"]
    if contact.q != 1.0:
        parts.append(f"q={contact.q:g}")
    parts.append(f"expires={contact.expires(now)}")
    if contact.instance:
        escaped = contact.instance.replace("\\", "\\\\").replace('"', '\\"')
        parts.append(f'+sip.instance="{escaped}"')
    if contact.reg_id:
        parts.append(f"reg-id={contact.reg_id}")
    return ";".join(parts)
