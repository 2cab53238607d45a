"""Mails on their way: to a real SMTP server on loopback, again when it is busy, never for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from flows import Mail, StepFailed
from voipbin_sip.logs import concerning
from voipbin_sip.mail import sender as module
from voipbin_sip.mail.sender import PAUSES, Mailer, MailFailed, MailRefused, by_smtp
from voipbin_sip.mail.settings import SmtpSection

MAIL = Mail(("a@x.example", "b@y.example"), "Voicemail", "New message", ())
SENDER = "voicemail@z.example"


class Inbox:
    """What a mail server got; it answers what it is told to."""

    def __init__(self) -> None:
        self.got: list[Envelope] = []
        self.answers: list[str] = []
        self.refuses: set[str] = set()
        self.port = 0

    async def handle_RCPT(  # noqa: N802 - named by the library
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.got.append(envelope)
        return self.answers.pop(0) if self.answers else "250 taken"


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(inbox, enable_SMTPUTF8=False, loop=loop), "127.0.0.1", 0)
    inbox.port = server.sockets[0].getsockname()[1]
    yield inbox
    server.close()


class Pauses:
    """Time that passes at once."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


def mailer_for(port: int) -> tuple[Mailer, Pauses]:
    settings = SmtpSection.model_validate({"host": "127.0.0.1", "port": port, "tls": "none", "from": SENDER})
    pauses = Pauses()
    return Mailer(SENDER, by_smtp(settings, ""), sleep=pauses), pauses


async def finished(mailer: Mailer) -> None:
    await asyncio.wait_for(asyncio.gather(*mailer._tasks), 10)


class Known:
    """One recording, of two files; it goes on for some looks."""

    def __init__(self, folder: Path, looks: int = 0) -> None:
        self.looks = looks
        self.paths = [folder / "r_in.wav", folder / "r_out.wav"]
        for path in self.paths:
            path.write_bytes(b"RIFF" + path.name.encode())

    async def files(self, recording_id: str) -> Sequence[Path] | None:
        if recording_id != "known":
            raise LookupError(recording_id)
        self.looks -= 1
        return self.paths if self.looks < 0 else None


async def test_a_mail_arrives_with_its_recordings(inbox: Inbox, tmp_path: Path) -> None:
    mailer, pauses = mailer_for(inbox.port)
    mailer.recordings = Known(tmp_path)
    mailer.send(Mail(MAIL.to, "Voicemail", "New message", ("known", "unknown")))
    await finished(mailer)
    (envelope,) = inbox.got
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, [*MAIL.to])
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content, policy=default)
    assert [part.get_filename() for part in message.iter_attachments()] == ["r_in.wav", "r_out.wav"]
    assert b"The recording unknown is not attached" in envelope.content
    assert pauses.slept == []


async def test_a_mail_waits_until_its_recording_is_over(inbox: Inbox, tmp_path: Path) -> None:
    mailer, pauses = mailer_for(inbox.port)
    mailer.recordings = Known(tmp_path, looks=5)
    mailer.send(Mail(MAIL.to, "", "", ("known",)))
    await finished(mailer)
    assert pauses.slept == [2.0] * 5
    assert isinstance(inbox.got[0].content, bytes)
    assert b"r_in.wav" in inbox.got[0].content


async def test_a_recording_that_never_ends_is_not_waited_for_for_ever(
    inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOKS", 3)
    mailer, pauses = mailer_for(inbox.port)
    mailer.recordings = Known(tmp_path, looks=1000)
    mailer.send(Mail(MAIL.to, "", "", ("known",)))
    await finished(mailer)
    assert (len(pauses.slept), len(inbox.got)) == (3, 1)


async def test_faults_are_kept_for_the_call_that_they_concern(inbox: Inbox) -> None:
    mailer, _ = mailer_for(inbox.port)
    inbox.answers = ["451 later", "554 spam"]
    with concerning(call="abc"):
        mailer.send(MAIL)
    await finished(mailer)
    assert mailer.faults.of("abc") == (
        "a mail waits, the mail server does not take it: 451 later",
        "the mail server refused a mail: 554 spam",
    )
    assert mailer.faults.now is not None
    mailer.send(MAIL)
    await finished(mailer)
    assert mailer.faults.now is None


async def test_a_busy_server_gets_the_same_mail_again(inbox: Inbox) -> None:
    mailer, pauses = mailer_for(inbox.port)
    inbox.answers = ["451 later", "452 no space"]
    mailer.send(MAIL)
    await finished(mailer)
    assert pauses.slept == [*PAUSES[:2]]
    ids = {message_from_bytes(e.content)["Message-ID"] for e in inbox.got if isinstance(e.content, bytes)}
    assert (len(inbox.got), len(ids)) == (3, 1)


async def test_what_is_refused_for_good_is_not_sent_again(inbox: Inbox) -> None:
    mailer, pauses = mailer_for(inbox.port)
    inbox.answers = ["554 spam"]
    mailer.send(MAIL)
    await finished(mailer)
    assert (len(inbox.got), pauses.slept) == (1, [])


async def test_one_bad_recipient_does_not_keep_it_from_the_others(inbox: Inbox) -> None:
    mailer, pauses = mailer_for(inbox.port)
    inbox.refuses = {"a@x.example"}
    mailer.send(MAIL)
    await finished(mailer)
    assert ([e.rcpt_tos for e in inbox.got], pauses.slept) == ([["b@y.example"]], [])
    inbox.refuses = {*MAIL.to}
    mailer.send(MAIL)
    await finished(mailer)
    assert (len(inbox.got), pauses.slept) == (1, [])


async def test_a_server_that_is_gone_is_given_up_at_last() -> None:
    mailer, pauses = mailer_for(9)  # nobody listens there
    mailer.send(MAIL)
    await finished(mailer)
    assert pauses.slept == [*PAUSES]


async def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    gate = asyncio.Event()

    async def slow(sender: str, recipients: Sequence[str], message: bytes) -> None:
        await gate.wait()

    mailer = Mailer(SENDER, slow)
    mailer.send(MAIL)
    mailer.send(MAIL)
    with pytest.raises(StepFailed, match="too many"):
        mailer.send(MAIL)
    gate.set()
    await finished(mailer)


async def test_the_end_waits_a_moment_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAST_SECONDS", 0.2)
    sent = []

    async def deliver(sender: str, recipients: Sequence[str], message: bytes) -> None:
        if recipients[0] == "slow@x.example":
            await asyncio.sleep(60)
        sent.append(recipients)

    mailer = Mailer(SENDER, deliver)
    mailer.send(MAIL)
    mailer.send(Mail(("slow@x.example",), "", ""))
    await mailer.close()
    assert sent == [MAIL.to]
    with pytest.raises(StepFailed):
        mailer.send(MAIL)


@pytest.mark.parametrize("fault", [MailFailed("later"), MailRefused("never")])
async def test_nothing_is_tried_again_at_the_end(fault: Exception) -> None:
    tries = []

    async def deliver(sender: str, recipients: Sequence[str], message: bytes) -> None:
        tries.append(1)
        await asyncio.sleep(0.05)
        raise fault

    mailer = Mailer(SENDER, deliver)
    mailer.send(MAIL)
    await asyncio.sleep(0.02)
    await mailer.close()
    assert len(tries) == 1
