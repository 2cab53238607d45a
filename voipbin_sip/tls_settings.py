"""Key `sip.tls` of the configuration: what it may say, and whether its files are any good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flows.findings import Finding, error, warning
from flows.yamlnodes import Node
from voipbin_sip.named_files import certificate_findings, value_at
from voipbin_sip.transport.tls_terms import ClientCertificates, TlsTerms


class TlsSection(BaseModel):
    """Key `sip.tls`; paths are relative to the configuration file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate: str = Field(
        default="", description="PEM file, the authorities between after it; read again when it changes"
    )
    key: str = Field(default="", description="PEM file, without a passphrase")
    ca: str = Field(
        default="",
        description="PEM file with the authorities that are believed; empty: those of this machine",
    )
    verify: bool = Field(
        default=True, description="Whether the certificates of servers that we connect to are checked"
    )
    wildcards: bool = Field(
        default=False,
        description="Whether *.example.com in them is taken for a host, which SIP forbids (RFC 5922)",
    )
    client_certificates: ClientCertificates = Field(
        default="none",
        description="Whether those who connect to us show a certificate: not asked, checked if shown, or must",
    )

    @model_validator(mode="after")
    def _knows_whom(self) -> TlsSection:
        if self.client_certificates != "none" and not self.ca:
            raise ValueError("client_certificates needs ca: the authorities whose certificates are taken")
        return self

    def terms(self, base: Path) -> TlsTerms:
        """Return the same for the transport, paths counted from a folder."""
        return TlsTerms(
            certificate=base / self.certificate,
            key=base / self.key,
            ca=base / self.ca if self.ca else None,
            verify=self.verify,
            wildcards=self.wildcards,
            client_certificates=self.client_certificates,
        )


def tls_findings(section: TlsSection, served: bool, root: Node) -> Iterator[Finding]:
    """Yield what is wrong with the files, at the keys that name them; `served`: sip.listen has tls://."""
    place = value_at(root, "sip", "tls")
    if not served:
        if section.certificate or section.key:
            yield warning(place, "sip.tls has no effect: there is no tls:// in sip.listen")
        return
    if not section.certificate or not section.key:
        yield error(place, "tls:// in sip.listen needs sip.tls.certificate and sip.tls.key, files in PEM")
        return
    yield from certificate_findings(section.terms(root.file.resolve().parent), place)
