"""Digest authentication of requests against the directory's extensions (RFC 7616, RFC 3261 section 22).

Asked by `calls.admission` for calls (407) and by `registrar` for registrations (401).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from voipbin_sip.sip.digest import (
    Credentials,
    NonceCounts,
    Verdict,
    make_challenges,
    make_nonce,
    parse_authorization,
    verify,
)
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Request

_CHALLENGE_HEADERS = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}
_CREDENTIALS_HEADERS = ("Authorization", "Proxy-Authorization")  # phones mix them up: both are read

ALGORITHMS = ("SHA-256", "MD5")

# User agents that give up at a challenge for an algorithm that they do not know, instead of passing it over as
# RFC 7616 section 3.3 asks. Naming one of them gains a stranger nothing: everybody may choose MD5.
MD5_ONLY = ("baresip v0.", "baresip v1.", "baresip v2.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who proved to be asking, or what to ask for."""

    user: str = ""
    challenges: tuple[tuple[str, str], ...] = ()
    why: str = ""  # for the log
    failed: bool = False  # a wrong password or an unknown user: counts towards a ban


def _nobody_watches(source: str, good: bool) -> None:
    """Take note of nothing."""


class DigestGuard:
    """Asks for digests and judges them.

    Args:
        realm: what phones show when they ask for the password.
        secret: signs our nonces; nonces of an earlier start are stale then, which phones answer by themselves.
        watch: told for each judged password from which address it came and whether it was right; a request without
            credentials, with stale ones or with unreadable ones is no judgement.
    """

    def __init__(
        self, realm: str, secret: bytes, *, watch: Callable[[str, bool], None] = _nobody_watches
    ) -> None:
        self._realm = realm
        self._secret = secret
        self._watch = watch
        self._counts = NonceCounts()

    def check(
        self,
        request: Request,
        now: float,
        password: Callable[[str], str | None],
        *,
        status: Literal[401, 407] = 407,
        source: str = "",
    ) -> Outcome:
        """Judge the credentials of a request, or make the challenges for an answer of `status`.

        `now` is in seconds since 1970, `source` the address that `watch` is told ("": it is told nothing). An
        unknown user costs the same work as a wrong password and gets the same challenge.
        """
        credentials = self._credentials(request)
        if credentials is None:
            return self._ask(request, status, now, "no credentials")
        verdict = verify(
            credentials,
            password(credentials.username),
            method=request.method,
            secret=self._secret,
            now=now,
            body=request.body,
        )
        if verdict in (Verdict.OK, Verdict.WRONG) and source:
            self._watch(source, verdict is Verdict.OK)
        if verdict is Verdict.OK:
            # The digest's uri is not compared: proxies rewrite the request's, phones leave out parameters.
            if self._counts.accept(credentials.nonce, credentials.count):
                return Outcome(credentials.username)
            return self._ask(request, status, now, "replayed nonce", stale=True)  # a fresh nonce settles it
        if verdict is Verdict.STALE:
            return self._ask(request, status, now, "stale nonce", stale=True)
        return self._ask(request, status, now, "wrong credentials", failed=verdict is Verdict.WRONG)

    def _credentials(self, request: Request) -> Credentials | None:
        """Return the first credentials for our realm; others are meant for another server on the way."""
        for name in _CREDENTIALS_HEADERS:
            for value in request.headers.get_all(name):
                try:
                    credentials = parse_authorization(value)
                except RemoteProtocolError:
                    continue
                if credentials is not None and credentials.realm == self._realm:
                    return credentials
        return None

    def _ask(
        self,
        request: Request,
        status: int,
        now: float,
        why: str,
        *,
        stale: bool = False,
        failed: bool = False,
    ) -> Outcome:
        nonce = make_nonce(self._secret, now, secrets.token_hex(8))
        name = _CHALLENGE_HEADERS[status]
        known = ("MD5",) if (request.headers.get("User-Agent") or "").startswith(MD5_ONLY) else ALGORITHMS
        values = make_challenges(self._realm, nonce, stale=stale, algorithms=known)
        return Outcome(challenges=tuple((name, value) for value in values), why=why, failed=failed)
