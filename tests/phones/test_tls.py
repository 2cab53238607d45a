"""Phones over TLS: they register, call and are called, hold, hang up, while the certificate changes too."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.authority import Authority, Pair
from tests.phones import ports, prompts
from tests.phones.account import Account
from tests.phones.baresip import baresip
from tests.phones.desks import PASSWORD, VOICES, Desk, voices
from tests.phones.installed import needs_baresip, needs_linphone, needs_pjsua
from tests.phones.linphone import linphone
from tests.phones.pjsua import Pjsua, pjsua
from tests.phones.server import Server, serving

pytestmark = pytest.mark.phones

HOST = "127.0.0.1"
NAMES = [HOST, "localhost"]  # linphone takes no addresses
EXTENSIONS = [str(1000 + number) for number in range(1, 13)]
TONE = """
name: tone
actions:
  - type: answer
  - type: play
    option: {stream_urls: [sounds/one.wav]}
  - {type: sleep, option: {duration: 60000}}
"""
TO = """
name: to_{extension}
actions:
  - type: connect
    option: {{destinations: [{{type: extension, target: "{extension}"}}]}}
  - type: hangup
"""


class Office:
    """A server with TLS and phones that believe its authority."""

    def __init__(self, server: Server, port: int, authority: Authority, pair: Pair, folder: Path) -> None:
        self.server = server
        self.port = port
        self.address = f"{HOST}:{port}"
        self.authority = authority
        self.pair = pair
        self._folder = folder

    def account(self, user: str) -> Account:
        return Account(user, PASSWORD, self.address, "tls", self.authority.file)

    @asynccontextmanager
    async def phone(self, user: str) -> AsyncIterator[Pjsua]:
        """Start a phone that registers over TLS and says its tone in each call."""
        voice = prompts.write(self._folder / f"voice-{user}.wav", prompts.tone(VOICES["pjsua"], 60.0))
        async with pjsua(
            self._folder,
            transport="tls",
            account=self.account(user),
            voice=voice,
            name=f"tls-{user}",
        ) as phone:
            yield phone

    @asynccontextmanager
    async def other(self, kind: str, user: str) -> AsyncIterator[Desk]:
        """Start a phone of another kind (key of VOICES)."""
        voice = prompts.write(self._folder / f"voice-{user}.wav", prompts.tone(VOICES[kind], 60.0))
        account, name = self.account(user), f"tls-{user}"
        if kind == "baresip":
            async with baresip(self._folder, voice=voice, account=account, answers=False, name=name) as phone:
                yield phone
        else:
            account = replace(account, server=f"localhost:{self.port}")
            async with linphone(self._folder, voice=voice, account=account, name=name) as desk:
                yield desk

    async def shown(self) -> str:
        """Return the name of the certificate that a new connection is shown."""
        context = ssl.create_default_context(cafile=str(self.authority.file))
        _, writer = await asyncio.open_connection(HOST, self.port, ssl=context, server_hostname=HOST)
        (((_, name),),) = writer.get_extra_info("peercert")["subject"]
        writer.close()
        return str(name)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    pair = authority.pair("first", names=NAMES)
    port = ports.free()
    flows = {"tone": TONE} | {f"to_{name}": TO.format(extension=name) for name in EXTENSIONS}
    numbers = {"100": "tone"} | {f"2{name[1:]}": f"to_{name}" for name in EXTENSIONS}
    sip = {
        "listen": [f"tls://{HOST}:{port}", f"udp://{HOST}:{ports.free()}"],
        "tls": {"certificate": "first.pem", "key": "first.key", "ca": authority.file.name},
    }
    extensions = dict.fromkeys(EXTENSIONS, PASSWORD)
    with serving(folder, flows, numbers=numbers, extensions=extensions, sip=sip) as server:
        yield Office(server, port, authority, pair, folder)


@needs_pjsua
async def test_a_phone_calls_a_flow_and_hangs_up(office: Office) -> None:
    async with office.phone("1001") as phone:
        await phone.call("100", office.address)
        await asyncio.sleep(1.0)
        await phone.hold()
        await phone.resume()
        await phone.hang_up()
        assert await phone.over() == 200


@needs_pjsua
async def test_a_secure_address_is_answered_with_a_secure_contact(office: Office) -> None:
    """RFC 3261 section 12.1.1; PJSIP ends a call whose secure dialog is answered with a sip: Contact."""
    async with office.phone("1002") as phone:
        await phone.dial("100", office.address, scheme="sips")
        await phone.child.line(r'"state": "CONFIRMED"')
        await phone.hold()
        await phone.resume()
        await phone.hang_up()
        assert await phone.over() == 200


@needs_pjsua
@pytest.mark.parametrize("ends", ["caller", "callee"])
async def test_two_phones_talk_hold_and_hang_up(office: Office, ends: str) -> None:
    first, second = ("1003", "1004") if ends == "caller" else ("1005", "1006")
    async with office.phone(first) as caller, office.phone(second) as callee:
        await caller.dial(f"2{second[1:]}", office.address)
        await callee.rings()
        await callee.answer()
        await caller.child.line(r'"state": "CONFIRMED"')
        await asyncio.sleep(1.5)
        for phone in (caller, callee):
            await phone.hold()
            await phone.resume()
        await asyncio.sleep(0.5)
        await (caller if ends == "caller" else callee).hang_up()
        await asyncio.gather(caller.over(), callee.over())
        for phone in (caller, callee):
            assert voices(phone.recording, ["pjsua"])["pjsua"] > 1.0


@needs_pjsua
@pytest.mark.parametrize(
    ("kind", "user", "other"),
    [
        pytest.param("baresip", "1009", "1010", marks=needs_baresip),
        pytest.param("linphone", "1011", "1012", marks=needs_linphone),
    ],
)
async def test_other_phones_are_called_and_hang_up(office: Office, kind: str, user: str, other: str) -> None:
    async with office.other(kind, user) as callee, office.phone(other) as caller:
        await caller.dial(f"2{user[1:]}", office.address)
        await callee.rings()
        await callee.answer()
        await caller.child.line(r'"state": "CONFIRMED"')
        await asyncio.sleep(1.0)
        await caller.hold()
        await caller.resume()
        await asyncio.sleep(0.5)
        await callee.hang_up()
        await asyncio.gather(caller.over(), callee.over())
        assert voices(caller.recording, [kind])[kind] > 0.5


@needs_pjsua
async def test_a_call_goes_on_while_the_certificate_is_replaced(office: Office) -> None:
    async with office.phone("1007") as caller, office.phone("1008") as callee:
        await caller.dial("2008", office.address)
        await callee.rings()
        await callee.answer()
        await caller.child.line(r'"state": "CONFIRMED"')
        assert await office.shown() == "first"
        second = office.authority.pair("second", names=NAMES)
        office.pair.certificate.write_bytes(second.certificate.read_bytes())
        office.pair.key.write_bytes(second.key.read_bytes())
        os.kill(office.server.process.pid, signal.SIGHUP)
        async with asyncio.timeout(5.0):
            while await office.shown() != "second":  # noqa: ASYNC110 - all files are checked before
                await asyncio.sleep(0.1)
        await callee.hold()
        await callee.resume()
        await callee.hang_up()
        assert (await caller.over(), await callee.over()) == (200, 200)
