"""The headers of digest authentication: WWW-Authenticate, Authorization and their Proxy- twins (RFC 7616)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.params import TOKEN, quote, refuse_unwritable, unquote

ALGORITHMS = ("MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess")

_SCHEME = re.compile(r"\s*+(" + TOKEN + r")(?:\s++|$)", re.ASCII)
_FIELD = re.compile(
    r"\s*+(" + TOKEN + r')\s*+=\s*+("(?:[^"\\]++|\\.)*+"|[^\s,"]*+)\s*+(?:,|$)', re.ASCII | re.DOTALL
)
_COUNT = re.compile(r"[0-9a-fA-F]{8}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An Authorization or Proxy-Authorization header of the Digest scheme."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"  # as in `ALGORITHMS` if we know it
    cnonce: str = ""
    qop: str = ""  # lower case; "" as in RFC 2069
    nc: str = ""
    opaque: str | None = None

    @property
    def count(self) -> int:
        """The nonce count, 0 without qop."""
        return int(self.nc, 16) if _COUNT.fullmatch(self.nc) else 0

    def __str__(self) -> str:
        fields = [
            f"username={quote(self.username)}",
            f"realm={quote(self.realm)}",
            f"nonce={quote(self.nonce)}",
            f"uri={quote(self.uri)}",
            f'response="{self.response}"',
            f"algorithm={self.algorithm}",
        ]
        if self.qop:
            fields += [f"qop={self.qop}", f"cnonce={quote(self.cnonce)}", f"nc={self.nc}"]
        if self.opaque is not None:
            fields.append(f"opaque={quote(self.opaque)}")
        return refuse_unwritable("Digest " + ", ".join(fields))


@dataclass(frozen=True, slots=True)
class Challenge:
    """A WWW-Authenticate or Proxy-Authenticate header of the Digest scheme."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qops: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    def __str__(self) -> str:
        fields = [f"realm={quote(self.realm)}", f"nonce={quote(self.nonce)}"]
        if self.stale:
            fields.append("stale=true")
        fields.append(f"algorithm={self.algorithm}")
        if self.qops:
            fields.append(f'qop="{",".join(self.qops)}"')
        if self.opaque is not None:
            fields.append(f"opaque={quote(self.opaque)}")
        return refuse_unwritable("Digest " + ", ".join(fields))


def parse_authorization(value: str) -> Credentials | None:
    """Parse an Authorization or Proxy-Authorization header; None for another scheme than Digest.

    Raises RemoteProtocolError (400).
    """
    fields = _fields(value)
    if fields is None:
        return None
    missing = [name for name in ("username", "realm", "nonce", "uri", "response") if name not in fields]
    if missing:
        raise RemoteProtocolError(400, f"Credentials Without {missing[0].title()}")
    return Credentials(
        username=fields["username"],
        realm=fields["realm"],
        nonce=fields["nonce"],
        uri=fields["uri"],
        response=fields["response"],
        algorithm=_algorithm(fields.get("algorithm", "MD5")),
        cnonce=fields.get("cnonce", ""),
        qop=fields.get("qop", "").lower(),
        nc=fields.get("nc", ""),
        opaque=fields.get("opaque"),
    )


def parse_challenge(value: str) -> Challenge | None:
    """Parse a WWW-Authenticate or Proxy-Authenticate header; None for another scheme than Digest.

    Raises RemoteProtocolError (400).
    """
    fields = _fields(value)
    if fields is None:
        return None
    if "realm" not in fields or "nonce" not in fields:
        raise RemoteProtocolError(400, "Challenge Without Realm Or Nonce")
    return Challenge(
        realm=fields["realm"],
        nonce=fields["nonce"],
        algorithm=_algorithm(fields.get("algorithm", "MD5")),
        qops=tuple(item.strip().lower() for item in fields.get("qop", "").split(",") if item.strip()),
        opaque=fields.get("opaque"),
        stale=fields.get("stale", "").lower() == "true",
    )


def _fields(value: str) -> dict[str, str] | None:
    """Return the fields of a Digest header, names in lower case; None for another scheme."""
    scheme = _SCHEME.match(value)
    if scheme is None:
        raise RemoteProtocolError(400, "Malformed Credentials")
    if scheme[1].lower() != "digest":
        return None
    fields: dict[str, str] = {}
    position = scheme.end()
    while position < len(value):
        match = _FIELD.match(value, position)
        if match is None or match[1].lower() in fields:
            raise RemoteProtocolError(400, "Malformed Credentials")
        fields[match[1].lower()] = unquote(match[2])
        position = match.end()
    return fields


def _algorithm(name: str) -> str:
    """Return an algorithm's name as in `ALGORITHMS`, unknown ones as they are."""
    return next((known for known in ALGORITHMS if known.lower() == name.lower()), name)
