"""Parts that need nothing but the configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from voipbin_sip.app.errors import StartError
from voipbin_sip.carriers import Provider
from voipbin_sip.config import Config
from voipbin_sip.directory import Directory, read_secrets
from voipbin_sip.guard import DigestGuard
from voipbin_sip.loading import Loaded
from voipbin_sip.mail.sender import Mailer, by_smtp
from voipbin_sip.named_files import BadSecretError
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.registrar.registrar import Registrar
from voipbin_sip.registrar.registrar import Terms as RegistrarTerms
from voipbin_sip.toll.allowed import Allowed
from voipbin_sip.toll.guard import TollGuard
from voipbin_sip.toll.metering import local_day
from voipbin_sip.toll.terms import Terms
from voipbin_sip.transport.bans import BanTerms
from voipbin_sip.transport.limits import Rate, SourceLimits

if TYPE_CHECKING:
    from voipbin_sip.transport.certificate import Certificates
    from voipbin_sip.transport.tls_terms import TlsTerms


def make_data_folder(data: Path) -> Path:
    """Make the folder of what the server writes, readable by us only. Raises StartError."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = data / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StartError(
            f"cannot write to the data folder {data}: {error.strerror}; "
            "give this user the right to, or change data_dir"
        ) from error
    return data


def read_directory(loaded: Loaded, data: Path) -> Directory:
    """Return the directory with its passwords, made where they are missing. Raises StartError."""
    try:
        passwords = read_secrets(loaded.directory, loaded.places.base, data)
    except (OSError, ValueError) as error:
        raise StartError(f"cannot read the passwords of the directory: {error}") from error
    return Directory.of(loaded.directory, passwords)


def providers_of(directory: Directory) -> list[Provider]:
    """Return where calls go out, as the carriers want to know it."""
    return [
        Provider(
            entry.id,
            entry.host,
            entry.port,
            entry.transport,
            directory.credentials(entry.id),
            entry.register_seconds,
            entry.probe,
        )
        for entry in directory.providers.values()
    ]


def sip_certificates(loaded: Loaded) -> Certificates | None:
    """Return what SIP over TLS is spoken with, None where it is not. Raises StartError."""
    sip = loaded.config.sip
    return _certificates(sip.tls.terms(loaded.places.base), "sip.tls") if sip.secure else None


def api_certificates(loaded: Loaded) -> Certificates | None:
    """Return what the API speaks HTTPS with, None where it does not. Raises StartError."""
    terms = loaded.config.http.tls.terms(loaded.places.base)
    return _certificates(terms, "http.tls") if terms is not None else None


def _certificates(terms: TlsTerms, key: str) -> Certificates:
    # Slow to load, rarely needed:
    from voipbin_sip.transport.certificate import CertificateError, Certificates

    try:
        return Certificates(terms)
    except CertificateError as error:
        raise StartError(f"TLS cannot be served: {error}; change {key}") from error


def mailer(loaded: Loaded) -> Mailer | None:
    """Return what sends mail, None where no mail server is configured. Raises StartError."""
    smtp = loaded.config.smtp
    if not smtp.host:
        return None
    try:
        return Mailer(smtp.from_, by_smtp(smtp, smtp.password(loaded.places.base)))
    except BadSecretError as error:
        raise StartError(f"smtp.password_file: {error}") from error


def source_limits(config: Config, exempt: Callable[[str], bool]) -> SourceLimits:
    """Return what a single source may send; `exempt` says of an address that it is one of ours."""
    terms = config.protection
    return SourceLimits(
        Rate(terms.messages_per_second, terms.burst),
        BanTerms(terms.ban_after, terms.ban_window, terms.ban_seconds),
        networks=terms.exempt,
        exempt=exempt,
    )


def make_registrar(
    config: Config, directory: Callable[[], Directory], guard: DigestGuard, locations: Locations
) -> Registrar:
    """Return who knows where phones are."""
    terms = config.registrar
    return Registrar(
        domain=config.domain,
        password=lambda extension: directory().password(extension),
        guard=guard,
        locations=locations,
        terms=RegistrarTerms(terms.contacts, terms.expires, terms.min_expires, terms.max_expires),
    )


def toll_guard(config: Config, directory: Callable[[], Directory]) -> TollGuard:
    """Return what says who may be called outside, and how much."""
    outbound = config.outbound
    return TollGuard(
        Allowed(outbound.allow, outbound.countries, lambda: directory().countries),
        Terms(outbound.limits, directory).limits,
        today=local_day,
    )
