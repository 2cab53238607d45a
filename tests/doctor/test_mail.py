"""Mail servers that take connections, and what they say then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.doctor.patients import bad, errors, found, patient
from voipbin_sip.doctor.exposure import receivers


class Inbox:
    """Takes mails, or not; counts those that came whole."""

    def __init__(self, sender: str = "250 OK") -> None:
        self.sender = sender
        self.mails = 0

    async def handle_MAIL(  # noqa: N802 - named by the library
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.sender

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails += 1
        return "250 taken"


@asynccontextmanager
async def mail_server(inbox: Inbox, *, password: bytes = b"") -> AsyncIterator[int]:
    def known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        good = isinstance(data, LoginPassword) and data.password == password
        return AuthResult(success=good, handled=False)

    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        if not password:
            return SMTP(inbox, loop=loop)
        return SMTP(inbox, authenticator=known, auth_require_tls=False, auth_required=True, loop=loop)

    server = await loop.create_server(session, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def smtp(port: int, **keys: str) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": port, "tls": "none", "from": "voicemail@example.com", **keys}


async def test_a_mail_server_that_takes_our_sender_is_sent_nothing(tmp_path: Path) -> None:
    inbox = Inbox()
    async with mail_server(inbox) as port:
        findings = await found(receivers, patient(tmp_path, smtp=smtp(port)))
    assert bad(findings) == []
    assert "takes mails from voicemail@example.com" in findings[-1].finding
    assert inbox.mails == 0


async def test_a_sender_that_is_refused(tmp_path: Path) -> None:
    async with mail_server(Inbox("550 5.7.1 relaying denied")) as port:
        (told,) = errors(await found(receivers, patient(tmp_path, smtp=smtp(port))))
    assert "refuses mails from voicemail@example.com: 550 5.7.1 relaying denied" in told
    assert "change smtp.from" in told


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # on the loopback address
@pytest.mark.parametrize(("word", "good"), [("right", True), ("wrong", False)])
async def test_its_password(tmp_path: Path, word: str, good: bool) -> None:
    (tmp_path / "word").write_text(word)
    keys = {"username": "voicemail", "password_file": "word"}
    async with mail_server(Inbox(), password=b"right") as port:
        findings = await found(receivers, patient(tmp_path, smtp=smtp(port, **keys)))
    assert bool(bad(findings)) is not good
    if not good:
        (told,) = errors(findings)
        assert "does not take our password: 535" in told and "smtp.password_file" in told


async def test_a_server_that_does_not_speak_smtp(tmp_path: Path) -> None:
    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        (told,) = errors(await found(receivers, patient(tmp_path, smtp=smtp(port))))
    assert "takes no mail" in told
