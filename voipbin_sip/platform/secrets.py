"""Keys that the server makes for itself at its first start, and secrets sealed with them."""

from __future__ import annotations

import os
import secrets
import tempfile
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12  # NIST SP 800-38D section 8.2
_MARK = "v1:"


class SecretError(Exception):
    """A key file or a sealed text cannot be used; the message says why and what to do."""


def own_key(data: Path, name: str) -> bytes:
    """Return the key in a file of the data folder; it is made if it is not there, readable by us only.

    Raises SecretError.
    """
    path = data / name
    try:
        if not path.exists():
            _write_once(path, secrets.token_hex(KEY_BYTES))
        key = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise SecretError(f"the key file {path} cannot be used: {error}") from error
    if len(key) != KEY_BYTES:
        raise SecretError(f"the key file {path} is damaged; bring it back from a backup, or remove it")
    return key


def _write_once(path: Path, text: str) -> None:
    """Write a file of mode 0600 unless another process was quicker."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text + "\n")
        try:
            os.link(name, path)
        except FileExistsError:
            return
    finally:
        Path(name).unlink(missing_ok=True)


class Sealer:
    """Seals texts that must be had back: passwords of phones, secrets of webhooks (AES-256-GCM)."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, text: str, about: str) -> str:
        """Return a text sealed; `about` names what it belongs to, and it can only be opened as that."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), about.encode())
        return _MARK + urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, about: str) -> str:
        """Return the text again. Raises SecretError where it was sealed with another key or for something else."""
        try:
            if not sealed.startswith(_MARK):
                raise ValueError
            data = urlsafe_b64decode(sealed.removeprefix(_MARK))
            opened = self._cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], about.encode())
            return opened.decode()
        except (InvalidTag, ValueError):
            raise SecretError(
                f"the secret of {about} was sealed with another key; set it anew, or bring back the key file"
            ) from None
