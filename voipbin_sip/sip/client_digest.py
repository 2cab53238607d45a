"""Answering digest challenges of servers and proxies (RFC 3261 sections 22.2 and 22.3, RFC 8760)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from voipbin_sip.sip.digest import ALGORITHMS, Challenge, answer_challenges, parse_challenge
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Response

Realm: TypeAlias = tuple[str, str]  # header that answers, realm
Tried: TypeAlias = Counter[Realm]  # how often one request has answered each realm

_HEADERS = {
    401: ("www-authenticate", "Authorization"),
    407: ("proxy-authenticate", "Proxy-Authorization"),
}
_MAX_REALMS = 4  # on the way of one request; each costs a round trip


@dataclass(slots=True)
class _Known:
    """A challenge in use."""

    challenge: str
    cnonce: str
    count: int = 0


class ClientDigest:
    """Credentials of ours and the challenges that they have met in one dialog or registration.

    Each request answers a realm's challenge once, and once more where the server calls our nonce stale: credentials
    that were refused are not sent again and again.
    """

    def __init__(self, username: str, password: str, new_token: Callable[[], str]) -> None:
        self._username = username
        self._password = password
        self._new_token = new_token
        self._known: dict[Realm, _Known] = {}

    def learn(self, response: Response, tried: Tried) -> bool:
        """Take the challenges of a 401 or 407; return whether the request is worth sending again."""
        names = _HEADERS.get(response.status)
        if names is None:
            return False
        asks, answers = names
        taken: set[Realm] = set()
        fresh = False
        for value in response.headers.get_all(asks):
            challenge = _usable(value)
            if challenge is None:
                continue
            realm = (answers, challenge.realm)
            if realm in taken or (realm not in tried and len(tried) >= _MAX_REALMS):
                continue  # of several algorithms the first one is the preferred one (RFC 8760 section 2.3)
            taken.add(realm)
            if tried[realm] < (2 if challenge.stale else 1):
                tried[realm] += 1
                self._known[realm] = _Known(value, self._new_token())
                fresh = True
        return fresh

    def headers(self, method: str, uri: str, body: bytes = b"") -> list[tuple[str, str]]:
        """Return the headers that answer all challenges met so far, for one request (RFC 7616 section 3.4)."""
        lines = []
        for (name, _), known in self._known.items():
            known.count += 1
            value = answer_challenges(
                (known.challenge,),
                username=self._username,
                password=self._password,
                method=method,
                uri=uri,
                cnonce=known.cnonce,
                nc=known.count,
                body=body,
            )
            if value is not None:
                lines.append((name, value))
        return lines


def _usable(value: str) -> Challenge | None:
    """Return the challenge if it can be read and answered."""
    try:
        challenge = parse_challenge(value)
    except RemoteProtocolError:
        return None
    if challenge is None or challenge.algorithm not in ALGORITHMS:
        return None
    return challenge if not challenge.qops or {"auth", "auth-int"} & set(challenge.qops) else None
