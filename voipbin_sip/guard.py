"""Digest authentication of requests against the directory's extensions (RFC 7616, RFC 3261 section 22).

A wrong password is blamed on the address that our nonce was sent to, not on the one that the request names as its
source: over UDP anybody can forge that, but only who receives at an address can get a nonce for it.
Asked by `calls.admission` for calls (407) and by `registrar` for registrations (401).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from voipbin_sip.sip.digest import (
    Credentials,
    NonceCounts,
    Verdict,
    make_challenges,
    make_nonce,
    parse_authorization,
    read_nonce,
    verify,
)
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Request

_CHALLENGE_HEADERS = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}
_CREDENTIALS_HEADERS = ("Authorization", "Proxy-Authorization")  # phones mix them up: both are read

ALGORITHMS = ("SHA-256", "MD5")
MEMORY = (
    3600.0  # seconds after which a nonce blames nobody any more: its address may be somebody else's by then
)

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
    claimed: str = ""  # the user that failed to prove itself


def _nobody_watches(source: str, good: bool) -> None:
    """Take note of nothing."""


def _nobody_is_barred(source: str) -> bool:
    return False


class DigestGuard:
    """Asks for digests and judges them.

    Args:
        realm: what phones show when they ask for the password.
        secret: signs our nonces; nonces of an earlier start are stale then, which phones answer by themselves.
        watch: told for each judged password to which address its nonce had been sent and whether it was right; a
            request without credentials, with stale ones or with unreadable ones is no judgement.
        barred: whether an address has given too many wrong passwords: its nonces are worth nothing, wherever the
            requests come from.
    """

    def __init__(
        self,
        realm: str,
        secret: bytes,
        *,
        watch: Callable[[str, bool], None] = _nobody_watches,
        barred: Callable[[str], bool] = _nobody_is_barred,
    ) -> None:
        self._realm = realm
        self._secret = secret
        self._watch = watch
        self._barred = barred
        self._counts = NonceCounts()

    def check(
        self,
        request: Request,
        now: float,
        password: Callable[[str], str | None],
        *,
        status: Literal[401, 407] = 407,
        source: str = "",
        realm: str = "",
        algorithms: Sequence[str] = ALGORITHMS,
    ) -> Outcome:
        """Judge the credentials of a request, or make the challenges for an answer of `status`.

        `now` is in seconds since 1970, `source` the address that a challenge goes to ("": wrong passwords are
        blamed on nobody), `realm` another one than the usual, `algorithms` what is asked for, the best one first.
        An unknown user costs the same work as a wrong password and gets the same challenge.
        """
        realm = realm or self._realm
        ask = partial(self._ask, request, realm, status, now, source, algorithms)
        credentials = self._credentials(request, realm)
        if credentials is None:
            return ask("no credentials")
        issued = read_nonce(self._secret, credentials.nonce)
        if issued is None or now - issued.at > MEMORY or self._barred(issued.to):
            # Nobody to blame, so nothing may be learnt: not judged. RFC 7616 section 3.3 lets us say stale for any
            # invalid nonce, and a phone that has it from before our restart asks again by itself.
            return ask("nonce not ours", stale=True)
        verdict = verify(
            credentials,
            password(credentials.username),
            method=request.method,
            secret=self._secret,
            now=now,
            body=request.body,
        )
        if verdict in (Verdict.OK, Verdict.WRONG) and issued.to:
            self._watch(issued.to, verdict is Verdict.OK)
        if verdict is Verdict.OK:
            # The digest's uri is not compared: proxies rewrite the request's, phones leave out parameters.
            if self._counts.accept(credentials.nonce, credentials.count):
                return Outcome(credentials.username)
            # a fresh nonce settles it
            return ask("replayed nonce", stale=True)
        if verdict is Verdict.STALE:
            return ask("stale nonce", stale=True)
        failed = verdict is Verdict.WRONG
        return ask("wrong credentials", failed=failed, claimed=credentials.username if failed else "")

    def _credentials(self, request: Request, realm: str) -> Credentials | None:
        """Return the first credentials for our realm; others are meant for another server on the way."""
        for name in _CREDENTIALS_HEADERS:
            for value in request.headers.get_all(name):
                try:
                    credentials = parse_authorization(value)
                except RemoteProtocolError:
                    continue
                if credentials is not None and credentials.realm == realm:
                    return credentials
        return None

    def _ask(
        self,
        request: Request,
        realm: str,
        status: int,
        now: float,
        source: str,
        algorithms: Sequence[str],
        why: str,
        *,
        stale: bool = False,
        failed: bool = False,
        claimed: str = "",
    ) -> Outcome:
        nonce = make_nonce(self._secret, now, secrets.token_hex(6), source)
        name = _CHALLENGE_HEADERS[status]
        known = ("MD5",) if (request.headers.get("User-Agent") or "").startswith(MD5_ONLY) else algorithms
        values = make_challenges(realm, nonce, stale=stale, algorithms=known)
        challenges = tuple((name, value) for value in values)
        return Outcome(challenges=challenges, why=why, failed=failed, claimed=claimed)
