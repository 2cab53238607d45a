"""Sends mails in the background, again and again for a while where the mail server does not take them (RFC 5321)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import structlog
from structlog.typing import FilteringBoundLogger

from flows import Mail, StepFailed
from voipbin_sip.logs import concerned
from voipbin_sip.mail.faults import MailFaults
from voipbin_sip.mail.message import build, new_message_id
from voipbin_sip.mail.settings import SmtpSection

MAX_WAITING = 500  # mails
AT_ONCE = 4  # connections to the mail server
SECONDS = 60.0  # for one try
PAUSES = (10.0, 60.0, 300.0, 900.0, 3600.0)  # seconds between the tries
LOOK_AGAIN = 2.0  # seconds, whether a recording is over
LOOKS = 3600  # two hours: longer than a call
LAST_SECONDS = 5.0  # for what waits when the server ends


class MailRefused(Exception):  # noqa: N818 - reads as what happened to the mail
    """The mail server will never take this mail."""


class MailFailed(Exception):  # noqa: N818 - reads as what happened to the mail
    """It was not taken this time."""


Deliver = Callable[[str, Sequence[str], bytes], Awaitable[None]]
"""Hands a message of a sender to recipients over. Raises MailRefused, MailFailed."""


class Recordings(Protocol):
    """Knows recordings."""

    async def files(self, recording_id: str) -> Sequence[Path] | None:
        """Return the files of a recording, None while it goes on. Raises LookupError."""
        ...


class Mailer:
    """Takes mails from flows (flows.ports.MailPort).

    Attributes:
        recordings: where attachments come from; None: there are none.
        faults: what the mail server did not take.
    """

    def __init__(
        self, sender: str, deliver: Deliver, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.recordings: Recordings | None = None
        self.faults = MailFaults()
        self._sender = sender
        self._deliver = deliver
        self._sleep = sleep
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._closing = False
        self._log: FilteringBoundLogger = structlog.get_logger("mail")

    def send(self, mail: Mail) -> None:
        """Take a mail. Raises StepFailed where too many wait."""
        if self._closing or len(self._tasks) >= MAX_WAITING:
            raise StepFailed("too many mails wait to be sent")
        ids = concerned()
        work = self._send(mail, self._log.bind(**ids), str(ids.get("call", "")))
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give what waits a last moment."""
        self._closing = True
        if self._tasks:
            _, late = await asyncio.wait([*self._tasks], timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
                self._log.error("mails not sent", mails=len(late), why="the server ends")

    def _failed(self, call: str, why: str, words: str) -> None:
        self.faults.refused(call, datetime.now(UTC), why, words)

    async def _send(self, mail: Mail, log: FilteringBoundLogger, call: str) -> None:
        files, notes = await self._files(mail)
        message_id = new_message_id(self._sender)
        for pause in (*PAUSES, None):
            try:
                async with self._slots:  # what waits for its next try holds no message in memory
                    message = await asyncio.to_thread(build, mail, self._sender, message_id, files, notes)
                    await self._deliver(self._sender, mail.to, message)
            except MailRefused as error:
                log.error("mail refused", why=str(error))
                self._failed(call, str(error), "the mail server refused a mail")
                return
            except MailFailed as error:
                if pause is None or self._closing:
                    log.error("mail given up", why=str(error))
                    self._failed(call, str(error), "a mail was given up")
                    return
                self._failed(call, str(error), "a mail waits, the mail server does not take it")
                log.warning("mail not sent yet", why=str(error), again_in=pause)
                await self._sleep(pause)
            else:
                self.faults.taken()
                log.info("mail sent", recipients=len(mail.to), attachments=len(files))
                return

    async def _files(self, mail: Mail) -> tuple[list[Path], list[str]]:
        files: list[Path] = []
        notes: list[str] = []
        for recording in mail.recordings:
            try:
                files += await self._recorded(recording)
            except LookupError:
                notes.append(f"The recording {recording[:36]} is not attached: it is not known.")
        return files, notes

    async def _recorded(self, recording: str) -> Sequence[Path]:
        """Return the files of a recording once it is over. Raises LookupError."""
        for _ in range(LOOKS if self.recordings is not None else 0):
            assert self.recordings is not None
            files = await self.recordings.files(recording)
            if files is not None:
                return files
            if self._closing:
                break
            await self._sleep(LOOK_AGAIN)
        raise LookupError(recording)


def by_smtp(settings: SmtpSection, password: str) -> Deliver:
    """Return what hands messages to the mail server of the configuration."""

    async def deliver(sender: str, recipients: Sequence[str], message: bytes) -> None:
        import aiosmtplib  # here, since few servers send mail

        try:
            refused, _ = await aiosmtplib.send(
                message,
                sender=sender,
                recipients=recipients,
                hostname=settings.host,
                port=settings.port,
                username=settings.username or None,
                password=password or None,
                use_tls=settings.tls == "implicit",
                start_tls=settings.tls == "starttls",
                timeout=SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [response.code for response in error.recipients]
            raise (MailRefused if all(code >= 500 for code in codes) else MailFailed)(str(error)) from error
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
            why = f"{error.code} {error.message}"
            raise (MailRefused if error.code >= 500 else MailFailed)(why) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailFailed(str(error) or type(error).__name__) from error
        log = structlog.get_logger("mail").bind(**concerned())
        for recipient, response in refused.items():
            log.error("recipient refused", at=recipient.rpartition("@")[2], code=response.code)

    return deliver
