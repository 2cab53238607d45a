"""A mail as bytes on the wire (RFC 5322, RFC 2045), with files attached."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime, make_msgid
from pathlib import Path

from flows import Mail

MAX_ATTACHED = 10 * 1024 * 1024  # bytes in all: many mail servers refuse more


def new_message_id(sender: str) -> str:
    """Return an id for a mail of this sender; it stays the same for every try to send it."""
    return make_msgid(domain=sender.rpartition("@")[2])


def build(
    mail: Mail, sender: str, message_id: str, files: Sequence[Path], notes: Sequence[str] = ()
) -> bytes:
    """Return the message; a file that does not fit or cannot be read is named in its text instead.

    Reads files: call it in a thread. `notes` are added to the text.
    """
    message = EmailMessage(SMTP)
    message["From"] = sender
    message["To"] = ", ".join(mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 section 5: no vacation replies
    notes = list(notes)
    attached: list[tuple[Path, bytes]] = []
    left = MAX_ATTACHED
    for path in files:
        content = _content(path, left)
        if content is None:
            notes.append(f"{path.name} is not attached: it is too large, or gone.")
        else:
            attached.append((path, content))
            left -= len(content)
    message.set_content("\n\n".join((mail.content, *notes)) + "\n")
    for path, content in attached:
        kind, _, subtype = (mimetypes.guess_type(path.name)[0] or "application/octet-stream").partition("/")
        message.add_attachment(content, maintype=kind, subtype=subtype, filename=path.name)
    return message.as_bytes()


def _content(path: Path, most: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError:
        return None
    return content if len(content) <= most else None
