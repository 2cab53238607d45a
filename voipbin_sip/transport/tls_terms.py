"""What the operator says about TLS, as the transport takes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ClientCertificates = Literal["none", "optional", "required"]


@dataclass(frozen=True, slots=True)
class TlsTerms:
    """How we show ourselves, and whom we believe."""

    certificate: Path  # PEM, ours first, then those of the authorities between
    key: Path  # PEM, without a passphrase
    ca: Path | None = None  # PEM, whom we believe; None: whom this machine believes
    verify: bool = True  # the servers that we connect to
    wildcards: bool = False  # take *.example.com in their certificates, which RFC 5922 section 7.2 forbids
    client_certificates: ClientCertificates = "none"  # of those who connect to us

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that matter."""
        return (self.certificate, self.key) if self.ca is None else (self.certificate, self.key, self.ca)
