"""Digest authentication of requests against the directory's extensions (RFC 7616, RFC 3261 section 22)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from voipbin_sip.sip.digest import (
    NonceCounts,
    Verdict,
    make_challenges,
    make_nonce,
    parse_authorization,
    verify,
)
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Request


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who proved to be calling, or what to ask for."""

    user: str = ""
    challenges: tuple[tuple[str, str], ...] = ()
    why: str = ""


class DigestGuard:
    """Asks for digests and judges them.

    Args:
        realm: what phones show when they ask for the password.
        secret: signs our nonces; nonces of an earlier start are stale then, which phones answer by themselves.
    """

    def __init__(self, realm: str, secret: bytes) -> None:
        self._realm = realm
        self._secret = secret
        self._counts = NonceCounts()

    def check(self, request: Request, now: float, password: Callable[[str], str | None]) -> Outcome:
        """Judge the credentials of a request that a proxy may challenge (407). `now` is in seconds since 1970."""
        verdict = Verdict.WRONG
        for value in request.headers.get_all("Proxy-Authorization"):
            try:
                credentials = parse_authorization(value)
            except RemoteProtocolError:
                continue
            if credentials is None or credentials.realm != self._realm:
                continue  # meant for another server on the way
            verdict = verify(
                credentials,
                password(credentials.username),
                method=request.method,
                secret=self._secret,
                now=now,
                body=request.body,
            )
            if verdict is Verdict.OK:
                # The digest's uri is not compared: proxies rewrite the request's, phones leave out parameters.
                if self._counts.accept(credentials.nonce, credentials.count):
                    return Outcome(credentials.username)
                verdict = Verdict.STALE  # a replay: a fresh nonce settles it
            break
        else:
            return self._ask(now, "no credentials")
        return self._ask(now, "stale nonce" if verdict is Verdict.STALE else "wrong credentials", verdict)

    def _ask(self, now: float, why: str, verdict: Verdict = Verdict.WRONG) -> Outcome:
        nonce = make_nonce(self._secret, now, secrets.token_hex(8))
        values = make_challenges(self._realm, nonce, stale=verdict is Verdict.STALE)
        return Outcome(challenges=tuple(("Proxy-Authenticate", value) for value in values), why=why)
