"""Key `http` of the configuration: where the API listens, and that it is safe there."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from flows.findings import Finding, error
from flows.yamlnodes import Node
from voipbin_sip.named_files import certificate_findings, value_at
from voipbin_sip.transport.tls_terms import TlsTerms


def _host_port(text: str) -> str:
    match = re.fullmatch(r"(?:\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})", text)
    if match is None or int(match[1]) > 65_535:
        raise ValueError("must be an address and a port, like 127.0.0.1:8080")
    return text


def _origin(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/*]+", text):
        raise ValueError(
            "must be scheme, host and port of a page and no more, like https://office.example.com"
        )
    return text


class HttpTlsSection(BaseModel):
    """Key `http.tls`; paths are relative to the configuration file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate: str = Field(
        default="", description="PEM file, the authorities between after it; read again when it changes"
    )
    key: str = Field(default="", description="PEM file, without a passphrase")

    def terms(self, base: Path) -> TlsTerms | None:
        """Return the same with paths counted from a folder; None: no TLS."""
        if not self.certificate and not self.key:
            return None
        return TlsTerms(certificate=base / self.certificate, key=base / self.key)


class HttpSection(BaseModel):
    """Key `http`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: Annotated[str, AfterValidator(_host_port)] = Field(
        default="127.0.0.1:8080",
        description="Host and port; another address than this machine's own needs tls and an access key",
    )
    tls: HttpTlsSection = Field(default=HttpTlsSection(), description="For HTTPS")
    origins: list[Annotated[str, AfterValidator(_origin)]] = Field(
        default=[], description="Web pages whose scripts may use the API, like https://office.example.com"
    )
    allow_private: list[str] = Field(
        default=[],
        description="Hosts in private networks, or on this machine, that webhooks, flows and sounds may use",
    )

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def only_here(self) -> bool:
        """Whether nobody but this machine can connect."""
        host, _ = self.address
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def local_url(self, base_url: str) -> str:
        """Return how this machine itself reaches the API at a base URL."""
        host, _ = self.address
        if host not in ("0.0.0.0", "::"):
            return base_url
        return base_url.replace(
            f"[{host}]" if host == "::" else host, "[::1]" if host == "::" else "127.0.0.1", 1
        )

    def base_url(self, bound: tuple[str, int]) -> str:
        """Return how clients write the address that was bound."""
        host, port = bound
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self.tls.certificate else 'http'}://{shown}:{port}"


def http_findings(section: HttpSection, root: Node) -> Iterator[Finding]:
    """Yield what would be unsafe, and what is wrong with the certificate, at the keys that say so."""
    place = value_at(root, "http")
    terms = section.tls.terms(root.file.resolve().parent)
    if terms is None:
        if not section.only_here:
            yield error(
                value_at(place, "listen"),
                "access keys would cross the network unencrypted: listen on 127.0.0.1 (with a proxy for HTTPS "
                "before it, if others are to reach it), or set http.tls.certificate and http.tls.key",
            )
        return
    at = value_at(place, "tls")
    if not section.tls.certificate or not section.tls.key:
        yield error(at, "http.tls needs both certificate and key, files in PEM")
        return
    yield from certificate_findings(terms, at)
