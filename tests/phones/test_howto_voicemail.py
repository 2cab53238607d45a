"""docs/howto/voicemail.md: a message becomes a mail with the caller's voice in it, silence does not."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import soundfile
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.phones import ports, prompts
from tests.phones.account import Account
from tests.phones.desks import PASSWORD, pjsua_desk, voices_in
from tests.phones.howto import following
from tests.phones.installed import needs_pjsua
from tests.phones.pjsua import pjsua
from tests.phones.server import Server

pytestmark = [
    pytest.mark.phones,
    needs_pjsua,
    pytest.mark.filterwarnings("ignore:Requiring AUTH"),  # without TLS, on this machine
]

MAIL = ports.free()
SILENCE = 1  # s that end a message, in place of five


class Mailbox:
    """A mail server that takes everything from who knows the password of the page."""

    def __init__(self) -> None:
        self.mails: asyncio.Queue[EmailMessage] = asyncio.Queue()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        assert (envelope.mail_from, envelope.rcpt_tos) == (
            "voicemail@example.com",
            ["front.desk@example.com"],
        )
        self.mails.put_nowait(message_from_bytes(envelope.content, policy=default))
        return "250 taken"

    def listen(self) -> SMTP:
        """Return what talks with one client."""
        loop = asyncio.get_running_loop()
        return SMTP(self, loop=loop, auth_require_tls=False, auth_required=True, authenticator=self._knows)

    def _knows(
        self, server: SMTP, session: Session, envelope: Envelope, how: str, data: object
    ) -> AuthResult:
        known = LoginPassword(b"voicemail@example.com", PASSWORD.encode())
        return AuthResult(success=data == known)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with following(
        "voicemail",
        tmp_path_factory.mktemp("voicemail"),
        instead={"end_of_silence: 5 ": f"end_of_silence: {SILENCE} "},
        smtp={"host": "127.0.0.1", "port": MAIL, "tls": "none"},
    ) as server:
        yield server


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    mailbox = Mailbox()
    listener = await asyncio.get_running_loop().create_server(mailbox.listen, "127.0.0.1", MAIL)
    yield mailbox
    listener.close()


async def steps_after_recording(server: Server) -> list[str]:
    """Wait until the newest run of voicemail_mail is over; return its steps."""
    key = {"accesskey": server.accesskey}
    async with aiohttp.ClientSession() as http, asyncio.timeout(10.0):
        while True:
            flows: Any = await (await http.get(f"{server.api}/v1.0/flows", params=key)).json()
            (wanted,) = [flow["id"] for flow in flows["result"] if flow["name"] == "voicemail_mail"]
            runs: Any = await (await http.get(f"{server.api}/v1.0/activeflows", params=key)).json()
            for run in runs["result"]:
                if run["flow_id"] == wanted and run["status"] == "ended":
                    return [action["type"] for action in run["executed_actions"]]
            await asyncio.sleep(0.1)


async def test_who_says_nothing_sends_no_mail(server: Server, mailbox: Mailbox, tmp_path: Path) -> None:
    silence = prompts.write(tmp_path / "silence.wav", prompts.quiet(60.0))
    account = Account("1001", PASSWORD, server.address)
    async with pjsua(tmp_path, voice=silence, account=account) as caller:
        await caller.call("201", server.address)
        await caller.press("1")  # past the greeting
        assert await caller.over(40.0) == 200
    assert await steps_after_recording(server) == ["condition_variable", "stop"]
    assert mailbox.mails.empty()


async def test_a_message_is_mailed_with_its_sound(server: Server, mailbox: Mailbox, tmp_path: Path) -> None:
    async with pjsua_desk("1001", server, tmp_path) as caller:
        await caller.call("201", server.address)
        await caller.press("1")
        await asyncio.sleep(3.0)
        await caller.press("#")
        assert await caller.over(40.0) == 200
    async with asyncio.timeout(10.0):
        mail = await mailbox.mails.get()
    assert mail["Subject"] == "Voicemail from 1001"
    (attached,) = mail.iter_attachments()
    assert str(attached.get_filename()).endswith(".wav")
    samples, rate = soundfile.read(io.BytesIO(attached.get_content()))
    length = len(samples) / rate
    assert voices_in(samples, rate)["pjsua"] >= length / 2 >= 0.7
    body = mail.get_body()
    assert body is not None
    assert body.get_content().startswith(f"{length:.1f} seconds, from 1001")


async def test_who_answers_gets_the_call(server: Server, mailbox: Mailbox, tmp_path: Path) -> None:
    async with (
        pjsua_desk("1001", server, tmp_path) as caller,
        pjsua_desk("1000", server, tmp_path) as desk,
    ):
        calling = asyncio.create_task(caller.call("201", server.address))
        await desk.rings()
        await desk.answer()
        await calling
        await desk.hang_up()
        assert await caller.over() == 200
    assert mailbox.mails.empty()
