"""What a mail looks like on the wire."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from flows import Mail
from voipbin_sip.mail import message as module
from voipbin_sip.mail.message import build, new_message_id

MAIL = Mail(("a@x.example", "b@y.example"), "Grüße \U0001f600", "Eine neue Nachricht.")


def parsed(*files: Path, notes: tuple[str, ...] = (), mail: Mail = MAIL) -> EmailMessage:
    data = build(mail, "voicemail@z.example", "<1@z.example>", files, notes)
    assert b"\n" not in data.replace(b"\r\n", b"")
    message = message_from_bytes(data, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_headers_and_text() -> None:
    message = parsed()
    assert message["From"] == "voicemail@z.example"
    assert message["To"] == "a@x.example, b@y.example"
    assert message["Subject"] == "Grüße \U0001f600"
    assert message["Message-ID"] == "<1@z.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.tzinfo is not None
    assert text_of(message).strip() == "Eine neue Nachricht."


def test_recordings_are_attached_whole(tmp_path: Path) -> None:
    sound = tmp_path / "call_1_in.wav"
    sound.write_bytes(bytes(range(256)) * 40)
    (tmp_path / "other.xyzzy").write_bytes(b".\r\n")
    first, second = parsed(sound, tmp_path / "other.xyzzy").iter_attachments()
    assert (first.get_content_maintype(), first.get_filename()) == ("audio", "call_1_in.wav")
    assert first.get_content() == bytes(range(256)) * 40
    assert second.get_content_type() == "application/octet-stream"
    assert second.get_content() == b".\r\n"


def test_what_is_gone_or_too_large_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ATTACHED", 100)
    for name, size in (("a.wav", 60), ("b.wav", 60), ("c.wav", 40)):
        (tmp_path / name).write_bytes(bytes(size))
    message = parsed(*(tmp_path / name for name in ("a.wav", "b.wav", "c.wav", "d.wav")), notes=("A note.",))
    assert [part.get_filename() for part in message.iter_attachments()] == ["a.wav", "c.wav"]
    text = text_of(message)
    assert "A note." in text
    assert "b.wav is not attached" in text
    assert "d.wav is not attached" in text


def test_ids_are_of_the_senders_domain() -> None:
    first, second = new_message_id("a@z.example"), new_message_id("a@z.example")
    assert first != second
    assert first.endswith("@z.example>")
