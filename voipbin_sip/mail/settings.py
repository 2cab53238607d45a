"""Key `smtp` of the configuration: the mail server, and whether its password can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from flows.actions.mail import is_mailbox
from flows.findings import Finding
from flows.yamlnodes import Node
from voipbin_sip.named_files import read_secret, secret_findings, value_at

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _mailbox(text: str) -> str:
    if text and not is_mailbox(text):
        raise ValueError("must be a mail address, like voicemail@example.com")
    return text


class SmtpSection(BaseModel):
    """Key `smtp`; without a host no mail is sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="", description="The server; empty: no mail is sent")
    port: int = Field(default=587, ge=1, le=65_535, description="Its port")
    username: str = Field(default="", description="Who we are, where it wants to know")
    password_file: Path | None = Field(
        default=None, description="File that holds the password and nothing else"
    )
    tls: Literal["starttls", "implicit", "none"] = Field(
        default="starttls", description="STARTTLS, TLS from the beginning (port 465), or none"
    )
    from_: Annotated[str, AfterValidator(_mailbox)] = Field(
        default="", alias="from", description="Address that mails come from"
    )

    @model_validator(mode="after")
    def _is_complete(self) -> SmtpSection:
        if self.host and not self.from_:
            raise ValueError("'from' is missing: the address that mails come from")
        if bool(self.username) != (self.password_file is not None):
            raise ValueError("'username' and 'password_file' go together")
        if self.username and self.tls == "none" and self.host not in LOOPBACK:
            raise ValueError("a password is not sent without TLS: tls must be starttls or implicit")
        return self

    def password(self, base: Path) -> str:
        """Return the password, the file's path being counted from a folder. Raises BadSecretError."""
        return read_secret(base / self.password_file) if self.password_file is not None else ""


def smtp_findings(section: SmtpSection, root: Node) -> Iterator[Finding]:
    """Yield that the password cannot be read, at the key that names it."""
    yield from secret_findings(
        lambda: section.password(root.file.resolve().parent), value_at(root, "smtp", "password_file")
    )
