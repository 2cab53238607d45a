"""Files that a configuration names: passwords and certificates, and whether they are any good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from flows.findings import Finding, error, warning
from flows.yamlnodes import ListNode, MapNode, Node
from voipbin_sip.transport.tls_terms import TlsTerms


class BadSecretError(ValueError):
    """A file with a password is of no use; the message says which and why, and nothing of what is in it."""


def read_secret(path: Path) -> str:
    """Return what a file with a password holds, without the line's end. Raises BadSecretError."""
    try:
        found = path.read_text().strip()
    except UnicodeDecodeError:
        raise BadSecretError(f"{path} is not text") from None
    except OSError as fault:
        raise BadSecretError(f"{path} cannot be read: {fault.strerror}") from fault
    if not found:
        raise BadSecretError(f"{path} is empty")
    return found


def secret_findings(read: Callable[[], object], place: Node) -> Iterator[Finding]:
    """Yield that a password cannot be read, at the key that names its file."""
    try:
        read()
    except BadSecretError as fault:
        why = "the server does not start without it: write the password into the file, and nothing else"
        yield error(place, str(fault), why)


def certificate_findings(terms: TlsTerms, place: Node) -> Iterator[Finding]:
    """Yield what is wrong with a certificate and its key, at the keys below `place` that name them."""
    # Slow to load, rarely needed:
    from voipbin_sip.transport.certificate import CertificateError, load_contexts

    try:
        ends = load_contexts(terms).ends
    except CertificateError as fault:
        yield error(value_at(place, fault.key), str(fault))
        return
    if ends <= datetime.now(UTC):
        yield warning(value_at(place, "certificate"), f"the certificate expired on {ends:%Y-%m-%d %H:%M} UTC")


def value_at(node: Node, *keys: str | int) -> Node:
    """Return what stands below keys and places in lists; where there is none, the nearest thing above it."""
    for key in keys:
        if isinstance(key, str):
            node = node.entries.get(key, node) if isinstance(node, MapNode) else node
        elif isinstance(node, ListNode) and key < len(node.items):
            node = node.items[key]
    return node
