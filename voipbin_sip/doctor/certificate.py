"""Certificates of ours: readable, paired with their keys, in date, for the right names, with their chain."""

from __future__ import annotations

import ssl
import stat
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import Patient
from voipbin_sip.transport.identities import identities, is_for
from voipbin_sip.transport.tls_terms import TlsTerms

if TYPE_CHECKING:
    from cryptography import x509  # slow to load, rarely needed


async def certificate(patient: Patient, notes: Notes) -> None:
    """Look at the certificates of sip.tls and http.tls."""
    await apart(lambda: _look(patient, notes))


def _look(patient: Patient, notes: Notes) -> None:
    base, config = patient.places.base, patient.config
    if config.sip.secure and config.sip.tls.certificate and config.sip.tls.key:
        names = [config.domain]
        if config.sip.advertise != "auto":
            names.append(config.sip.advertise)
        _pair(patient, notes, config.sip.tls.terms(base), "sip", names)
    terms = config.http.tls.terms(base)
    if terms is not None and config.http.tls.certificate and config.http.tls.key:
        _pair(patient, notes, terms, "http", [])
    if not notes.found:
        notes.ok("none is wanted: no tls:// in sip.listen, no http.tls")


def _pair(patient: Patient, notes: Notes, terms: TlsTerms, section: str, names: list[str]) -> None:
    from cryptography import x509

    from voipbin_sip.transport.certificate import CertificateError, load_contexts

    where = patient.key(section, "tls")
    try:
        ends = load_contexts(terms).ends
        chain = x509.load_pem_x509_certificates(terms.certificate.read_bytes())
    except (CertificateError, OSError, ValueError) as fault:
        notes.error(f"{section}.tls: {fault}", f"change {section}.tls; see docs/tls.md", where=where)
        return
    name = terms.certificate.name
    _dates(notes, name, chain[0].not_valid_before_utc, ends, where)
    _names(notes, name, identities(_as_seen(chain[0])), names, where)
    _chain(notes, terms, chain, where)
    _rights(notes, terms.key, where)


def _dates(notes: Notes, name: str, begins: datetime, ends: datetime, where: str) -> None:
    from voipbin_sip.transport.certificate import EXPIRES_SOON

    now = datetime.now(UTC)
    if ends <= now:
        notes.error(
            f"{name} expired on {ends:%Y-%m-%d %H:%M} UTC",
            "phones over TLS are refused: renew it; the running server takes new files by itself",
            where=where,
        )
    elif begins > now:
        notes.error(
            f"{name} begins on {begins:%Y-%m-%d %H:%M} UTC only",
            "is the clock of this machine right?",
            where=where,
        )
    elif ends - now <= EXPIRES_SOON:
        days = (ends - now).days
        notes.warning(
            f"{name} expires in {days} day{'' if days == 1 else 's'}, on {ends:%Y-%m-%d %H:%M} UTC",
            "renew it; the running server takes new files by itself",
            where=where,
        )
    else:
        notes.ok(f"{name} is good until {ends:%Y-%m-%d}")


def _names(notes: Notes, name: str, found: Sequence[str], wanted: Sequence[str], where: str) -> None:
    shown = ", ".join(found[:5]) or "nobody"
    if not wanted:
        notes.ok(f"{name} is for {shown}")
        return
    domain, *others = wanted
    # Many phones take *.example.com as browsers do, which RFC 5922 section 7.2 forbids to SIP.
    if not any(is_for(domain, one, wildcards=True) for one in found):
        notes.error(
            f"{name} is for {shown}, not for the domain {domain}",
            f"phones that register at {domain} check that name: get a certificate for it, or change `domain`",
            where=where,
        )
    elif not any(is_for(domain, one, wildcards=False) for one in found):
        notes.warning(
            f"{name} is for {domain} by a wildcard only",
            "SIP does not know those (RFC 5922): strict phones and carriers refuse it",
            where=where,
        )
    else:
        notes.ok(f"{name} is for {shown}")
    for other in others:
        if not any(is_for(other, one, wildcards=False) for one in found):
            notes.info(
                f"{name} does not name {other} (sip.advertise)",
                f"phones over TLS must use the name {domain}, not the address",
                where=where,
            )


def _as_seen(certificate: x509.Certificate) -> Mapping[str, Any]:
    """Return the names of a certificate as Python's TLS shows those of a peer's."""
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return {"subject": [[("commonName", str(one.value))] for one in common]}
    found = [("DNS", one) for one in names.get_values_for_type(x509.DNSName)]
    found += [("URI", one) for one in names.get_values_for_type(x509.UniformResourceIdentifier)]
    found += [("IP Address", str(one)) for one in names.get_values_for_type(x509.IPAddress)]
    return {"subjectAltName": found}


def _chain(notes: Notes, terms: TlsTerms, chain: Sequence[x509.Certificate], where: str) -> None:
    """See whether each certificate was signed by the next, and whether phones know who signed the last one."""
    name, last = terms.certificate.name, chain[-1]
    if any(one.issuer != signer.subject for one, signer in pairwise(chain)):
        notes.error(
            f"{name}: its certificates do not follow each other",
            "first the server's own, then that of the authority that signed it, and so on",
            where=where,
        )
    elif last.issuer == last.subject:
        notes.info(
            f"{name} leads to an authority of one's own: {last.subject.rfc4514_string()}",
            "phones have to be given that authority's certificate",
            where=where,
        )
    elif frozenset(str(one.value) for one in last.issuer) not in _known_authorities(terms):
        notes.warning(
            f"{name}: the certificate of {last.issuer.rfc4514_string()}, which signed it, is missing in the file",
            "phones that do not have it refuse ours: put it after the server's own (often called fullchain.pem)",
            where=where,
        )
    else:
        notes.ok(f"{name} leads to a known authority")


def _known_authorities(terms: TlsTerms) -> frozenset[frozenset[str]]:
    """Return the names of the authorities that this machine knows, and of those that sip.tls.ca has."""
    context = ssl.create_default_context()
    if terms.ca is not None:
        context.load_verify_locations(terms.ca)
    known: list[dict[str, Any]] = context.get_ca_certs()  # each with its subject: ((("commonName", "…"),), …)
    return frozenset(frozenset(str(one[0][1]) for one in found["subject"]) for found in known)


def _rights(notes: Notes, key: Path, where: str) -> None:
    try:
        mode = stat.S_IMODE(key.stat().st_mode)
    except OSError:
        return  # read a moment ago
    if mode & 0o007:
        notes.warning(f"{key} can be read by every user of this machine", f"chmod 600 {key}", where=where)
    else:
        notes.ok(f"{key.name} belongs to it, and is closed to others")
