"""Our certificate for SIP over TLS: read, checked, and read again when its files change (RFC 5246, RFC 8446).

Contexts are never changed: new files make new contexts, which new connections take; running ones go on with theirs.
Files that cannot be used leave the old contexts in force.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from voipbin_sip.transport.tls_terms import TlsTerms

CHECK_EVERY = 2.0  # seconds
EXPIRES_SOON = timedelta(days=14)
_REMIND_EVERY = timedelta(days=1)

_CLIENTS = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class CertificateError(Exception):
    """A file cannot be used; the message says which and why. `key` is the one of `sip.tls` that names it."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(why)
        self.key = key


@dataclass(frozen=True, slots=True)
class Contexts:
    """What handshakes are made with."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    ends: datetime  # of our certificate


def load_contexts(terms: TlsTerms) -> Contexts:
    """Read all files. Raises CertificateError. A certificate that has expired is no error here."""
    ends = _check_pair(terms)
    # Python's defaults for both: TLS 1.2 and later, forward secrecy only, no compression.
    server = _believing(ssl.Purpose.CLIENT_AUTH, terms.ca)
    server.verify_mode = _CLIENTS[terms.client_certificates]
    client = _believing(ssl.Purpose.SERVER_AUTH, terms.ca)
    client.check_hostname = False  # names are compared by the rules of SIP (`transport.identities`)
    client.verify_mode = ssl.CERT_REQUIRED if terms.verify else ssl.CERT_NONE
    try:
        for context in (server, client):
            context.options |= ssl.OP_NO_RENEGOTIATION
            context.load_cert_chain(terms.certificate, terms.key, password=_no_passphrase)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise CertificateError("certificate", f"{terms.certificate} cannot be used: {error}") from error
    return Contexts(server, client, ends)


def _believing(purpose: ssl.Purpose, ca: Path | None) -> ssl.SSLContext:
    if ca is None:
        return ssl.create_default_context(purpose)
    try:
        return ssl.create_default_context(purpose, cadata=_read("ca", ca).decode("ascii", "replace"))
    except (OSError, ValueError) as error:
        raise CertificateError("ca", f"{ca} holds no certificates in PEM") from error


def _check_pair(terms: TlsTerms) -> datetime:
    """Return when our certificate expires. Raises CertificateError if it and the key are no pair, or no PEM."""
    data, key_data = _read("certificate", terms.certificate), _read("key", terms.key)
    try:
        certificate = x509.load_pem_x509_certificate(data)
    except ValueError as error:
        raise CertificateError("certificate", f"{terms.certificate} holds no certificate in PEM") from error
    try:
        key = load_pem_private_key(key_data, None)
    except TypeError as error:
        raise CertificateError("key", f"{terms.key} needs a passphrase; store the key without one") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError("key", f"{terms.key} holds no private key in PEM") from error
    ours, its = (
        part.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for part in (key.public_key(), certificate.public_key())
    )
    if ours != its:
        raise CertificateError("key", f"{terms.key} is not the key of the certificate {terms.certificate}")
    return certificate.not_valid_after_utc


def _read(key: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(key, f"cannot read {path}: {error.strerror}") from error


def _no_passphrase() -> str:
    raise ValueError("the key needs a passphrase")


class Certificates:
    """The contexts in force, and the files that they are made of."""

    def __init__(self, terms: TlsTerms, *, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Read the files. Raises CertificateError. `wall` tells the time, with its zone."""
        self.terms = terms
        self._wall = wall
        self._log = structlog.get_logger("tls")
        self._loaded = self._state()
        self._seen = self._loaded
        self._contexts = load_contexts(terms)
        self._reminded: datetime | None = None
        self._remind()

    @property
    def server(self) -> ssl.SSLContext:
        """For those who connect to us."""
        return self._contexts.server

    @property
    def client(self) -> ssl.SSLContext:
        """For those that we connect to."""
        return self._contexts.client

    @property
    def ends(self) -> datetime:
        """When the certificate in force expires."""
        return self._contexts.ends

    def reload(self) -> bool:
        """Read the files again; returns whether they are in force now, else the log says why not."""
        self._loaded = self._seen = self._state()
        try:
            self._contexts = load_contexts(self.terms)
        except CertificateError as error:
            self._log.error("new certificate not used, the old one stays", why=str(error))
            return False
        self._log.info("certificate read anew", ends=self._contexts.ends.isoformat())
        self._reminded = None
        self._remind()
        return True

    def check(self) -> None:
        """Read the files again if they have changed and are at rest: they are replaced one after the other."""
        self._remind()
        state = self._state()
        if state == self._seen and state != self._loaded:
            self.reload()
        self._seen = state

    async def watch(self, every: float = CHECK_EVERY) -> None:
        """Look after the files until cancelled."""
        while True:
            await asyncio.sleep(every)
            self.check()

    def _state(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_state_of(path) for path in self.terms.files)

    def _remind(self) -> None:
        """Say once a day that the certificate runs out."""
        now, ends = self._wall(), self._contexts.ends
        if ends - now > EXPIRES_SOON or (self._reminded is not None and now - self._reminded < _REMIND_EVERY):
            return
        self._reminded = now
        what = "certificate has expired" if ends <= now else "certificate expires soon"
        self._log.warning(what, file=str(self.terms.certificate), ends=ends.isoformat())


def _state_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file, behind symbolic links too; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
