"""Key `webhook` of the configuration: where events go, declared by the operator rather than set by the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from flows.findings import Finding
from flows.yamlnodes import Node
from voipbin_sip.named_files import read_secret, secret_findings, value_at


def web_address(text: str) -> str:
    """Return a URL for http or https, or "". Raises ValueError for anything else."""
    try:
        parts = urlsplit(text)
        valid = text == "" or (parts.scheme in ("http", "https") and bool(parts.hostname))
        _ = parts.port
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("must begin with http:// or https://")
    return text


class WebhookSection(BaseModel):
    """Key `webhook`; without `uri` the API says where events go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uri: Annotated[str, AfterValidator(web_address)] = Field(
        default="", description="Where events are sent; empty: where `PUT /v1.0/customer` says, or nowhere"
    )
    method: Literal["POST", "GET", "PUT", "DELETE"] = Field(default="POST", description="HTTP method")
    secret: str = Field(default="", description="What bodies are signed with")
    secret_file: Path | None = Field(default=None, description="File that holds it, in place of secret")

    @model_validator(mode="after")
    def _is_complete(self) -> WebhookSection:
        if self.secret and self.secret_file is not None:
            raise ValueError("only one of 'secret' and 'secret_file' can be had")
        if not self.uri and (self.secret or self.secret_file is not None):
            raise ValueError("'uri' is missing: where events go")
        return self

    def key(self, base: Path) -> str:
        """Return the secret, the path of its file counted from a folder. Raises BadSecretError."""
        return self.secret if self.secret_file is None else read_secret(base / self.secret_file)


def webhook_findings(section: WebhookSection, root: Node) -> Iterator[Finding]:
    """Yield that the secret cannot be read, at the key that names it."""
    yield from secret_findings(
        lambda: section.key(root.file.resolve().parent), value_at(root, "webhook", "secret_file")
    )
