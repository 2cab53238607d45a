"""Phones behind NATs, a server behind one, and strangers who spray RTP: in networks of the tests' own (`nat.py`).

No phone here knows of its NAT: Via, Contact and SDP name a private address, there is no STUN.
"""

from __future__ import annotations

import asyncio
import re
import struct
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
import yaml

from tests.phones import prompts, sound
from tests.phones.account import Account
from tests.phones.desks import PASSWORD
from tests.phones.installed import needs_pjsua
from tests.phones.nat import Host, Internet, NoNetworks, Router, internet
from tests.phones.pjsua import Pjsua, pjsua
from tests.phones.server import Server, serving
from tests.phones.wire import WireCall, wire
from tests.phones.wire_sound import encode_ulaw

pytestmark = pytest.mark.phones

FORGETS = 3  # seconds after which the NATs forget a way
VOICES = {"1001": 1900, "1002": 700, "1003": 2300, "1004": 850, "1005": 1500}  # Hz
CALLER, STRANGER = 2500, 1600  # Hz
SSRC = 0x5EED  # of a caller by hand
ECHO = """
name: echo
actions:
  - type: answer
  - type: play
    option: {stream_urls: [sounds/menu.wav]}
  - type: echo
    option: {duration: 4000}
  - type: hangup
"""


Heard: TypeAlias = list[
    dict[int, float]
]  # for each phone of a conversation: which tones (Hz) for how many seconds
RINGS = """
name: rings
actions:
  - type: sleep
    option: {duration: 2200}
  - type: answer
  - type: echo
    option: {duration: 4000}
  - type: hangup
"""


@dataclass(frozen=True, slots=True)
class World:
    """A server, two routers with NAT, machines behind them, and a stranger."""

    server: Server
    one: Router
    behind_one: list[Host]
    behind_other: Host
    neighbour: Host  # a public machine
    stranger: Host


@pytest.fixture(scope="module")
def net() -> Iterator[Internet]:
    try:
        with internet() as net:
            yield net
    except NoNetworks as why:
        pytest.skip(str(why))


@pytest.fixture(scope="module")
def world(net: Internet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    one = net.router("one", "203.0.113.20", forgets=FORGETS)
    other = net.router("other", "203.0.113.30", forgets=FORGETS, symmetric=True)
    folder = tmp_path_factory.mktemp("nat")
    extensions = dict.fromkeys(VOICES, PASSWORD)
    here = net.host("server", "203.0.113.10")
    with serving(
        folder,
        {"echo": ECHO, "rings": RINGS},
        extensions=extensions,
        at=here,
        registrar={"keepalive": 1},
    ) as server:
        yield World(
            server,
            one,
            [one.host(f"one{number}", number) for number in range(2, 6)],
            other.host("other2", 2),
            net.host("neighbour", "203.0.113.40"),
            net.host("stranger", "203.0.113.66"),
        )


@asynccontextmanager
async def phone(server: str, at: Host, user: str, folder: Path) -> AsyncIterator[Pjsua]:
    """Start a phone that registers as an extension and says a tone of its own."""
    voice = prompts.write(folder / f"voice-{user}.wav", prompts.tone(VOICES[user], 60.0))
    account = Account(user, PASSWORD, server)
    async with pjsua(folder, voice=voice, account=account, name=f"phone-{user}", at=at) as phone:
        yield phone


async def forgets(world: World, at: Host) -> bool:
    """Tell whether the NAT before a host forgets a way that nobody uses."""
    loop = asyncio.get_running_loop()
    with at.udp() as inside, world.stranger.udp() as outside:
        inside.sendto(b"hello", outside.getsockname())
        async with asyncio.timeout(2):
            _, seen = await loop.sock_recvfrom(outside, 99)
        outside.sendto(b"early", seen)
        async with asyncio.timeout(2):
            assert await loop.sock_recv(inside, 99) == b"early"
        await asyncio.sleep(FORGETS + 1.5)
        outside.sendto(b"late", seen)
        await asyncio.sleep(0.3)
        try:
            return inside.recv(99) != b"late"
        except BlockingIOError:
            return True


async def alone(world: World, folder: Path) -> Heard:
    """Call the echo and say something until the server hangs up."""
    async with phone(world.server.address, world.behind_one[0], "1001", folder) as caller:
        await caller.call("100", world.server.address)
        assert await caller.over() == 200
    return heard(caller)


async def across(world: World, folder: Path) -> Heard:
    """Behind two NATs: nobody says anything until these would have forgotten, then one phone calls the other."""
    async with (
        phone(world.server.address, world.behind_one[1], "1002", folder) as called,
        phone(world.server.address, world.behind_other, "1003", folder) as caller,
    ):
        assert all(
            await asyncio.gather(forgets(world, world.behind_one[1]), forgets(world, world.behind_other))
        )
        calling = asyncio.create_task(caller.call("1002", world.server.address))
        await called.rings()
        await asyncio.sleep(FORGETS + 0.5)
        await called.answer()
        await calling
        await asyncio.sleep(1.5)
        await called.hold()
        await asyncio.sleep(FORGETS + 0.5)
        await called.resume()
        await asyncio.sleep(1.5)
        await caller.hang_up()
        assert list(await asyncio.gather(called.over(), caller.over())) == [200, 200]
    return heard(called, caller)


async def side_by_side(world: World, folder: Path) -> Heard:
    """Two phones behind the same NAT; who was called hangs up."""
    async with (
        phone(world.server.address, world.behind_one[2], "1004", folder) as called,
        phone(world.server.address, world.behind_one[3], "1005", folder) as caller,
    ):
        calling = asyncio.create_task(caller.call("1004", world.server.address))
        await called.rings()
        await called.answer()
        await calling
        await asyncio.sleep(2.0)
        await called.hang_up()
        assert list(await asyncio.gather(called.over(), caller.over())) == [200, 200]
    return heard(called, caller)


def heard(*phones: Pjsua) -> Heard:
    return [tones(*sound.load(phone.recording)) for phone in phones]


def tones(samples: npt.NDArray[np.float64], rate: int) -> dict[int, float]:
    found: defaultdict[int, float] = defaultdict(float)
    for stretch in sound.stretches(samples, rate):
        if stretch.kind == "tone":
            found[round(stretch.frequency / 10) * 10] += stretch.seconds
    return dict(found)


Conversations: TypeAlias = dict[str, Heard | BaseException]


@pytest.fixture(scope="module")
def conversations(world: World, tmp_path_factory: pytest.TempPathFactory) -> Conversations:
    """All conversations at once, since each takes seconds."""
    folder = tmp_path_factory.mktemp("phones")

    async def talk() -> Conversations:
        made = {"alone": alone, "across": across, "side by side": side_by_side}
        results = await asyncio.gather(
            *(conversation(world, folder) for conversation in made.values()), return_exceptions=True
        )
        return dict(zip(made, results, strict=True))

    return asyncio.run(talk())


def of(conversations: Conversations, name: str) -> Heard:
    result = conversations[name]
    if isinstance(result, BaseException):
        raise result
    return result


@needs_pjsua
def test_a_phone_behind_a_nat_hears_the_server_and_is_heard(conversations: Conversations) -> None:
    (phone,) = of(conversations, "alone")
    assert phone.keys() == {prompts.TONES["menu"], VOICES["1001"]}
    assert phone[VOICES["1001"]] > 3.0


@needs_pjsua
def test_phones_behind_two_nats_reach_each_other_when_those_have_long_forgotten(
    conversations: Conversations,
) -> None:
    called, caller = of(conversations, "across")
    assert called.keys() == {VOICES["1003"]}
    assert called[VOICES["1003"]] > 2.3  # before and after the hold, which it does not record
    assert caller[VOICES["1002"]] > 2.3


@needs_pjsua
def test_phones_behind_the_same_nat_talk_to_each_other(conversations: Conversations) -> None:
    called, caller = of(conversations, "side by side")
    assert called.keys() == {VOICES["1005"]}
    assert caller.keys() == {VOICES["1004"]}
    assert min(*called.values(), *caller.values()) > 1.3


def media_ports(server: Server) -> range:
    """Return the ports on which a server may hear RTP."""
    first, _, last = str(yaml.safe_load(server.config.read_text())["media"]["ports"]).partition("-")
    return range(int(first), int(last), 2)


class Stranger:
    """Somebody who guesses the port of a call, and sends sound and reports to it from where he is."""

    def __init__(self, at: Host, like: WireCall) -> None:
        """Take the same source port as the phone."""
        self._sound, self._reports = at.udp(like.sound.port), at.udp(like.sound.port + 1)
        self._loud = encode_ulaw(prompts.tone(STRANGER, 0.02, 0.9))
        self._remote = like.sound.remote

    async def spray(self, seconds: float, ssrcs: Sequence[int]) -> None:
        """Send a packet of each source each 10 ms."""
        for number in range(int(seconds / 0.01)):
            for ssrc in ssrcs:
                rtp = struct.pack("!BBHII", 0x80, 0, 7000 + number, 160 * number, ssrc)
                self._sound.sendto(rtp + self._loud, self._remote)
                bye = struct.pack("!BBHIBBHI", 0x80, 201, 1, ssrc, 0x81, 203, 1, ssrc)
                self._reports.sendto(bye, (self._remote[0], self._remote[1] + 1))
            await asyncio.sleep(0.01)

    def heard(self) -> int:
        """Close; returns how many packets came to him."""
        count = 0
        for sock in (self._sound, self._reports):
            with suppress(BlockingIOError):
                while sock.recv(2048):
                    count += 1
            sock.close()
        return count


@asynccontextmanager
async def echoed(server: str, at: Host) -> AsyncIterator[WireCall]:
    """Call the echo by hand; the caller says a tone."""
    async with wire(server, at) as line:
        call = await line.new_call("100")
        call.sound.voice = encode_ulaw(prompts.tone(CALLER, 1.0))
        assert await call.invite() == 200
        yield call


async def test_nobody_else_is_heard_or_hears_in_a_call(world: World) -> None:
    async with echoed(world.server.address, world.behind_one[0]) as call:
        await asyncio.sleep(0.5)
        stranger = Stranger(world.stranger, call)
        await stranger.spray(2.5, [SSRC, 0x1234])
        await asyncio.sleep(1.0)
        assert await call.bye() == 200
        assert stranger.heard() == 0
    found = tones(call.sound.heard(), prompts.RATE)
    assert found.keys() == {prompts.TONES["menu"], CALLER}
    assert found[CALLER] > 2.5


@pytest.mark.parametrize("place", ["neighbour", "behind"])
async def test_who_speaks_first_is_not_taken_for_the_phone(world: World, place: str) -> None:
    at = world.neighbour if place == "neighbour" else world.behind_one[1]
    async with echoed(world.server.address, at) as call:
        call.sound.talking = False
        stranger = Stranger(world.stranger, call)
        await stranger.spray(0.5, [0x1234])
        call.sound.talking = True
        await stranger.spray(0.5, [0x1234])
        await asyncio.sleep(1.0)
        assert await call.bye() == 200
        assert stranger.heard() == 0
    found = tones(call.sound.heard(), prompts.RATE)
    assert found.keys() == {prompts.TONES["menu"], CALLER}
    assert found[CALLER] > 0.5


async def test_who_sprays_at_all_ports_while_it_rings_is_not_taken_for_the_caller(world: World) -> None:
    host = world.server.address.partition(":")[0]
    async with wire(world.server.address, world.neighbour) as line:
        call = await line.new_call("200")
        call.sound.voice = encode_ulaw(prompts.tone(CALLER, 1.0))
        calling = asyncio.create_task(call.invite())
        with world.stranger.udp() as stranger:
            for number in range(20):  # 2 s
                packet = struct.pack("!BBHII", 0x80, 0, number, 160 * number, 0x1234) + bytes(160)
                for port in media_ports(world.server):
                    stranger.sendto(packet, (host, port))
                await asyncio.sleep(0.1)
            assert await calling == 200
            await asyncio.sleep(2.0)
            assert await call.bye() == 200
            with pytest.raises(BlockingIOError):
                stranger.recv(99)
    assert tones(call.sound.heard(), prompts.RATE)[CALLER] > 1.0


@dataclass(frozen=True, slots=True)
class Office:
    """A server behind a NAT that forwards its ports, a machine beside it, and one outside."""

    server: Server
    public: str
    beside: Host
    outside: Host


@pytest.fixture(scope="module")
def office(net: Internet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    router = net.router("office", "203.0.113.50", "10.0.7")
    here = router.host("pbx", 9)
    sip = {
        "listen": [f"udp://{here.address}:5060"],
        "advertise": router.address,
        "local_networks": ["10.0.7.0/24"],
    }
    folder = tmp_path_factory.mktemp("office")
    extensions = {"1001": PASSWORD, "1002": PASSWORD}
    with serving(folder, {"echo": ECHO}, extensions=extensions, at=here, sip=sip) as server:
        ports = media_ports(server)
        router.forward(here, f"5060, {ports.start}-{ports.stop}")
        yield Office(server, router.address, router.host("beside", 3), net.host("outside", "203.0.113.41"))


async def test_a_server_behind_a_nat_names_its_public_address_to_those_outside(office: Office) -> None:
    async with echoed(f"{office.public}:5060", office.outside) as call:
        contact = re.search(r"^Contact: <sip:(?:[^@>]*@)?([0-9.]+)", call.last_response, re.MULTILINE)
        await asyncio.sleep(2.5)
        assert await call.bye() == 200
    assert contact
    assert contact[1] == call.sound.remote[0] == office.public
    assert tones(call.sound.heard(), prompts.RATE)[CALLER] > 0.5


@needs_pjsua
async def test_phones_on_both_sides_of_the_servers_nat_talk_to_each_other(
    office: Office, tmp_path: Path
) -> None:
    async with (
        phone(f"{office.public}:5060", office.outside, "1001", tmp_path) as called,
        phone(office.server.address, office.beside, "1002", tmp_path) as caller,
    ):
        calling = asyncio.create_task(caller.call("1001", office.server.address))
        await called.rings()
        await called.answer()
        await calling
        await asyncio.sleep(1.5)
        await called.hang_up()
        assert list(await asyncio.gather(called.over(), caller.over())) == [200, 200]
    there, here = heard(called, caller)
    assert there.keys() == {VOICES["1002"]}
    assert here.keys() == {VOICES["1001"]}
