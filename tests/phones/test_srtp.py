"""Encrypted sound (SRTP by SDES): callers made by hand for what phones rarely do, and phones."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.authority import Authority
from tests.phones import ports, prompts
from tests.phones.account import Account
from tests.phones.baresip import baresip
from tests.phones.desks import PASSWORD, VOICES, Desk, voices, voices_in
from tests.phones.installed import needs_baresip, needs_linphone, needs_pjsua
from tests.phones.linphone import linphone
from tests.phones.pjsua import Pjsua, pjsua
from tests.phones.server import Server, serving
from tests.phones.sound import load
from tests.phones.wire import WireCall, wire
from tests.phones.wire_sound import encode_ulaw, open_socket
from tests.phones.wire_srtp import SUITES, SecureSound

pytestmark = pytest.mark.phones

ECHO = """
name: echo
actions:
  - type: answer
  - type: echo
"""
DIGITS = """
name: digits
actions:
  - type: answer
  - type: digits_receive
    option: {duration: 20000, length: 3}
  - type: digits_send
    option: {digits: "${voipbin.call.digits}"}
  - type: sleep
    option: {duration: 20000}
"""
TONE = encode_ulaw(0.3 * np.sin(2 * np.pi * 700 / 8000 * np.arange(8000)))  # 700 Hz, as baresip's voice


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("srtp")
    with serving(
        folder, {"echo": ECHO, "digits": DIGITS}, numbers={"100": "echo", "200": "digits"}
    ) as server:
        yield server


@asynccontextmanager
async def calling(
    server: Server, sound: SecureSound, number: str = "100"
) -> AsyncIterator[tuple[WireCall, SecureSound]]:
    """Call a number with SRTP; the caller says a tone."""
    async with wire(server.address) as line:
        call = await line.new_call(number)
        call.sound.close()
        await open_socket(sound)
        call.sound = sound
        sound.voice = TONE
        assert await call.invite() == 200
        sound.agree(call)
        yield call, sound
        assert await call.bye() == 200


def heard(sound: SecureSound, since: float) -> float:
    """Return for how many seconds the tone was heard since a time."""
    return voices_in(sound.heard(since), 8000)["baresip"]


@pytest.mark.parametrize("suite", SUITES)
async def test_a_secure_call_is_heard(server: Server, suite: str) -> None:
    async with calling(server, SecureSound(suite=suite)) as (_, sound):
        await asyncio.sleep(1.5)
        assert heard(sound, 0.0) >= 1.0
        assert sound.forged == 0


async def test_sequence_numbers_that_begin_at_65500_roll_over(server: Server) -> None:
    sound = SecureSound()
    sound._sequence = 65_500
    async with calling(server, sound):
        await asyncio.sleep(1.0)
        rolled = time.monotonic()
        await asyncio.sleep(1.0)
        assert sound._sequence > 65_580
        assert heard(sound, rolled) >= 0.8


@pytest.mark.parametrize("keys", ["the same", "new"])
async def test_hold_and_resume(server: Server, keys: str) -> None:
    async with calling(server, SecureSound()) as (call, sound):
        await asyncio.sleep(0.5)
        before = sound.theirs
        for direction in ("sendonly", "sendrecv"):
            if keys == "new":
                sound.bring_key()
            assert await call.invite(direction) == 200
            sound.agree(call)
            await asyncio.sleep(0.4)
        resumed = time.monotonic()
        await asyncio.sleep(1.0)
        assert heard(sound, resumed) >= 0.8
        assert (sound.theirs == before) is (keys == "the same")


async def test_packets_with_another_key_or_none_and_old_ones_are_not_heard(server: Server) -> None:
    async with calling(server, SecureSound()) as (_, sound):
        await asyncio.sleep(0.6)
        kept = sound.sealed_packets[-20:]
        right = sound.key
        for wrong in ("another key", "no key", "old packets"):
            if wrong == "another key":
                sound.bring_key()
            sound.plain = wrong == "no key"
            if wrong == "old packets":
                sound.talking = False
                for packet in kept:
                    sound.resend(packet)
            await asyncio.sleep(0.5)
            since = time.monotonic()
            await asyncio.sleep(0.4)
            assert heard(sound, since) == 0.0, wrong
            sound.bring_key(right)


async def test_digits_come_and_go(server: Server) -> None:
    async with calling(server, SecureSound(), "200") as (_, sound):
        await sound.press("15#")
        async with asyncio.timeout(5.0):
            while sound.digits() != "15#":  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def test_a_caller_without_srtp_is_still_served(server: Server) -> None:
    async with wire(server.address) as line:
        call = await line.new_call("100")
        call.sound.voice = TONE
        assert await call.invite() == 200
        assert "RTP/AVP 0" in call.answer
        assert "crypto" not in call.answer
        await asyncio.sleep(1.0)
        assert voices_in(call.sound.heard(), 8000)["baresip"] >= 0.6
        assert await call.bye() == 200


async def test_a_server_that_requires_srtp_refuses_plain_calls(tmp_path: Path) -> None:
    with serving(tmp_path, {"echo": ECHO}, media={"srtp": "required"}) as server:
        async with calling(server, SecureSound()) as (call, sound):
            await asyncio.sleep(0.5)
            plain = await call.line.new_call("100")
            assert await plain.invite() == 488
        assert sound.forged == 0
        assert "SRTP keys" in server.log.read_text()


OFFICE = {str(1200 + number): PASSWORD for number in range(40)}
TO = """
name: to_{extension}
actions:
  - type: connect
    option: {{destinations: [{{type: extension, target: "{extension}"}}]}}
  - type: hangup
"""
_free = iter(OFFICE)


class Office:
    """A server with TLS and UDP, and the authority that its phones believe."""

    def __init__(self, server: Server, secure: str, authority: Path) -> None:
        self.server = server
        self.secure = secure  # HOST:PORT of TLS
        self.authority = authority
        self.users: dict[Pjsua, tuple[str, str]] = {}  # extension, and where it registered

    def at(self, kind: str) -> str:
        """Return HOST:PORT as a kind of phone wants it: linphone takes no address for the name in a certificate."""
        return self.secure.replace("127.0.0.1", "localhost") if kind == "linphone" else self.secure

    @asynccontextmanager
    async def phone(
        self, folder: Path, srtp: str, *, tls: bool = True, codec: str = "PCMU"
    ) -> AsyncIterator[Pjsua]:
        """Start a PJSIP phone that registers as an extension of its own."""
        user = next(_free)
        account = Account(user, PASSWORD, self.server.address)
        if tls:
            account = Account(user, PASSWORD, self.secure, "tls", self.authority)
        voice = prompts.write(folder / f"voice-{user}.wav", prompts.tone(VOICES["pjsua"], 60.0))
        async with pjsua(
            folder,
            transport=account.transport,
            account=account,
            voice=voice,
            name=f"pjsua-{user}",
            srtp=srtp,
            codec=codec,
        ) as phone:
            self.users[phone] = user, account.server
            yield phone

    async def join(self, caller: Pjsua, callee: Pjsua) -> None:
        """Let one phone call the other, which answers."""
        await caller.dial(f"2{self.users[callee][0][1:]}", self.users[caller][1])
        await callee.rings()
        await callee.answer()
        await caller.child.line(r'"state": "CONFIRMED"')


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    authority = Authority(folder)
    authority.pair("server", names=["127.0.0.1", "localhost"])
    secure, plain = (f"127.0.0.1:{ports.free()}" for _ in range(2))
    sip = {
        "listen": [f"udp://{plain}", f"tls://{secure}"],
        "tls": {"certificate": "server.pem", "key": "server.key", "ca": authority.file.name},
    }
    flows = {f"to_{name}": TO.format(extension=name) for name in OFFICE}
    numbers = {f"2{name[1:]}": f"to_{name}" for name in OFFICE}
    with serving(folder, flows, numbers=numbers, extensions=OFFICE, sip=sip) as server:
        server.address = plain
        yield Office(server, secure, authority.file)


# Caller, callee: transport, SRTP and codec of each; and which of them have SRTP, or get it by holding.
CALLS = {
    "both required": (("tls", "required", "PCMU"), ("tls", "required", "PCMU"), "yes yes"),
    "both optional": (("tls", "optional", "PCMU"), ("tls", "optional", "PCMU"), "yes yes"),
    "wideband to plain": (("tls", "required", "G722"), ("udp", "off", "PCMU"), "yes no"),
    "plain to secure": (("udp", "off", "PCMA"), ("tls", "required", "PCMU"), "no yes"),
    "keys over UDP": (("udp", "required", "PCMU"), ("udp", "optional", "PCMU"), "yes later"),
    "over TLS without": (("tls", "off", "PCMU"), ("tls", "off", "PCMU"), "no no"),
}


@needs_pjsua
@pytest.mark.parametrize("case", CALLS)
async def test_two_phones_talk_hold_resume_and_press_keys(office: Office, tmp_path: Path, case: str) -> None:
    *sides, secured = CALLS[case]
    first, second = (
        office.phone(tmp_path, srtp, tls=transport == "tls", codec=codec) for transport, srtp, codec in sides
    )
    async with first as caller, second as callee:
        await office.join(caller, callee)
        await asyncio.sleep(1.0)
        await caller.hold()
        await caller.resume()
        await callee.hold()
        await callee.resume()
        await caller.press("15#")
        await callee.child.line(r'"digit": "#"')
        await asyncio.sleep(1.0)
        await caller.hang_up()
        await asyncio.gather(caller.over(), callee.over())
    for phone, secure in zip((caller, callee), secured.split(), strict=True):
        had = {bool(suite) for suite in phone.suites()}
        assert had == {"yes": {True}, "no": {False}, "later": {False, True}}[secure]
        assert voices(phone.recording, ["pjsua"])["pjsua"] >= 1.5
        samples, rate = load(phone.recording)
        assert voices_in(samples[-rate:], rate)["pjsua"] >= 0.6
    assert re.findall(r'"event": "digit", .*"digit": "(.)"', callee.child.output) == ["1", "5", "#"]


@asynccontextmanager
async def other_phone(
    office: Office, folder: Path, kind: str, *, srtp: bool
) -> AsyncIterator[tuple[str, Desk]]:
    """Start baresip or linphonec, registered over TLS; gives its extension too."""
    user = next(_free)
    account = Account(user, PASSWORD, office.at(kind), "tls", office.authority)
    voice = prompts.write(folder / f"voice-{user}.wav", prompts.tone(VOICES[kind], 60.0))
    if kind == "baresip":
        async with baresip(folder, voice=voice, account=account, answers=False, srtp=srtp) as phone:
            yield user, phone
    else:
        async with linphone(folder, voice=voice, account=account, srtp=srtp) as phone:
            yield user, phone


@needs_pjsua
@pytest.mark.parametrize(
    ("srtp", "calls"),
    [(True, True), (True, False), (False, False)],
    ids=["calls", "is called", "is called plain"],
)
@pytest.mark.parametrize(
    "kind", [pytest.param("baresip", marks=needs_baresip), pytest.param("linphone", marks=needs_linphone)]
)
async def test_other_phones_over_tls(
    office: Office, tmp_path: Path, kind: str, srtp: bool, calls: str
) -> None:
    to = office.at(kind) + ";transport=tls"
    async with (
        office.phone(tmp_path, "required") as wide,
        other_phone(office, tmp_path, kind, srtp=srtp) as (user, other),
    ):
        if calls:
            calling = asyncio.create_task(other.call(f"2{office.users[wide][0][1:]}", to))
            await wide.rings()
            await wide.answer()
            await calling
        else:
            await wide.dial(f"2{user[1:]}", office.secure)
            await other.rings()
            await other.answer()
            await wide.child.line(r'"state": "CONFIRMED"')
        await asyncio.sleep(2.0)
        await wide.hang_up()
        await asyncio.gather(wide.over(), other.over())
    assert voices(wide.recording)[kind] >= 1.0
    assert voices(other.recording)["pjsua"] >= 1.0
