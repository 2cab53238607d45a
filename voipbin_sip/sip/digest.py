"""Digest authentication as SIP uses it (RFC 3261 section 22, RFC 7616, RFC 8760): pure functions.

Time, secrets and random text come in as arguments.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from enum import Enum

from voipbin_sip.sip.auth_headers import (
    ALGORITHMS,
    Challenge,
    Credentials,
    parse_authorization,
    parse_challenge,
)
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.nonce import NonceCounts, make_nonce, nonce_age, read_nonce

__all__ = [
    "ALGORITHMS",
    "Challenge",
    "Credentials",
    "NonceCounts",
    "Verdict",
    "answer_challenges",
    "compute_response",
    "make_challenges",
    "make_nonce",
    "nonce_age",
    "parse_authorization",
    "parse_challenge",
    "read_nonce",
    "verify",
]

_HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "SHA-512-256": lambda data: hashlib.new("sha512_256", data).hexdigest(),
}
_COUNT = re.compile(r"[0-9a-fA-F]{8}")


class Verdict(Enum):
    """What credentials are worth."""

    OK = "ok"
    WRONG = "wrong"  # challenge again
    STALE = "stale"  # the password is right, the nonce is old or not ours: challenge again with stale=true
    MALFORMED = "malformed"  # answer 400


def make_challenges(
    realm: str, nonce: str, *, stale: bool = False, algorithms: Iterable[str] = ("SHA-256", "MD5")
) -> list[str]:
    """Return the values of one challenge header for each algorithm, the preferred one first (RFC 8760 section 2.3)."""
    return [str(Challenge(realm, nonce, name, ("auth",), stale=stale)) for name in algorithms]


def compute_response(
    password: str,
    *,
    username: str,
    realm: str,
    method: str,
    uri: str,
    nonce: str,
    algorithm: str = "MD5",
    qop: str = "",
    cnonce: str = "",
    nc: str = "",
    body: bytes = b"",
) -> str:
    """Return the `response` field (RFC 7616 section 3.4.1; without qop as RFC 2069 did)."""
    hashed = _HASHES[algorithm.removesuffix("-sess")]
    secret = hashed(_bytes(f"{username}:{realm}:{password}"))
    if algorithm.endswith("-sess"):
        secret = hashed(_bytes(f"{secret}:{nonce}:{cnonce}"))
    subject = f"{method}:{uri}"
    if qop == "auth-int":
        subject += ":" + hashed(body)
    middle = f"{nc}:{cnonce}:{qop}:" if qop else ""
    return hashed(_bytes(f"{secret}:{nonce}:{middle}{hashed(_bytes(subject))}"))


def verify(
    credentials: Credentials,
    password: str | None,
    *,
    method: str,
    secret: bytes,
    now: float,
    lifetime: float = 300.0,
    body: bytes = b"",
) -> Verdict:
    """Judge credentials for a nonce of `make_nonce`; `lifetime` is how many seconds a nonce is good for.

    `password` None is an unknown user: the same work is done and the verdict is WRONG. The caller has yet to check
    that realm and uri are those of the request, and that the nonce count is new (`NonceCounts`).
    """
    given = credentials
    if given.algorithm not in ALGORITHMS or given.qop not in ("", "auth", "auth-int"):
        return Verdict.MALFORMED
    if given.qop and (not given.cnonce or not _COUNT.fullmatch(given.nc)):
        return Verdict.MALFORMED
    expected = compute_response(
        "" if password is None else password,
        username=given.username,
        realm=given.realm,
        method=method,
        uri=given.uri,
        nonce=given.nonce,
        algorithm=given.algorithm,
        qop=given.qop,
        cnonce=given.cnonce,
        nc=given.nc,
        body=body,
    )
    right = hmac.compare_digest(_bytes(expected), _bytes(given.response.lower()))
    age = nonce_age(secret, given.nonce, now)
    if not right or password is None:
        return Verdict.WRONG
    return Verdict.OK if age is not None and -1 <= age <= lifetime else Verdict.STALE


def answer_challenges(
    values: Iterable[str],
    *,
    username: str,
    password: str,
    method: str,
    uri: str,
    cnonce: str,
    nc: int = 1,
    body: bytes = b"",
) -> str | None:
    """Return the Authorization value for the first challenge that we can answer, None if there is none.

    `cnonce` is random text; `nc` counts the requests that use the nonce. Raises RemoteProtocolError for malformed
    challenges, LocalProtocolError for a count out of range.
    """
    if not 1 <= nc <= 0xFFFFFFFF:
        raise LocalProtocolError(f"nonce count out of range: {nc}")
    for value in values:
        challenge = parse_challenge(value)
        if challenge is None or challenge.algorithm not in ALGORITHMS:
            continue
        qop = next((name for name in ("auth", "auth-int") if name in challenge.qops), "")
        if challenge.qops and not qop:
            continue
        response = compute_response(
            password,
            username=username,
            realm=challenge.realm,
            method=method,
            uri=uri,
            nonce=challenge.nonce,
            algorithm=challenge.algorithm,
            qop=qop,
            cnonce=cnonce,
            nc=f"{nc:08x}",
            body=body,
        )
        counted = (cnonce, qop, f"{nc:08x}") if qop else ("", "", "")
        return str(
            Credentials(
                username,
                challenge.realm,
                challenge.nonce,
                uri,
                response,
                challenge.algorithm,
                *counted,
                opaque=challenge.opaque,
            )
        )
    return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
