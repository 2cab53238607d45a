"""Transfers by real phones: blind and attended, by the caller and by the called, to people and to flows."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

import pytest

from tests.phones import prompts, sound
from tests.phones.desks import PASSWORD, Desk, desk, pjsua_desk, voices
from tests.phones.installed import HAS_BARESIP, HAS_LINPHONE, HAS_PJSUA
from tests.phones.pjsua import Pjsua
from tests.phones.server import Server, serving

pytestmark = [
    pytest.mark.phones,
    pytest.mark.skipif(
        not (HAS_PJSUA and HAS_BARESIP and HAS_LINPHONE),
        reason="needs baresip, linphonec and PJSIP; scripts/phones.sh tells why",
    ),
]

EXTENSIONS = {str(1200 + number): PASSWORD for number in range(40)}
_free = iter(EXTENSIONS)  # each test has extensions of its own: a killed phone stays registered
SPEAKS = """
name: speaks
actions:
  - type: answer
  - type: play
    option: {stream_urls: [sounds/one.wav]}
"""

Scene: TypeAlias = Callable[[Server, Path, str], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("transfers")
    with serving(folder, {"speaks": SPEAKS}, numbers={"700": "speaks"}, extensions=EXTENSIONS) as server:
        yield server


@dataclass
class Office:
    """Three phones. The one of PJSIP transfers: baresip's is the transferee, linphone's the target."""

    server: Server
    boss: Pjsua
    transferee: Desk
    target: Desk
    users: dict[str, str]

    async def talk(self, caller: str) -> None:
        """Let transferor and transferee talk for a second."""
        boss, other = self.boss, self.transferee
        calling, called = (boss, other) if caller == "boss" else (other, boss)
        user = self.users["transferee" if caller == "boss" else "boss"]
        call = asyncio.create_task(calling.call(user, self.server.address))
        await called.rings()
        await called.answer()
        await call
        await asyncio.sleep(1.0)

    async def end(self) -> None:
        """Let the target hang up; the transferee's call ends with it."""
        await self.target.hang_up()
        await asyncio.gather(self.transferee.over(), self.target.over())

    def remaining(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return for how long transferee and target heard each voice (s)."""
        return voices(self.transferee.recording), voices(self.target.recording)


@asynccontextmanager
async def office(server: Server, folder: Path) -> AsyncIterator[Office]:
    """Start the phones of one test."""
    roles = ("boss", "transferee", "target")
    users = dict(zip(roles, itertools.islice(_free, 3), strict=True))
    async with (
        pjsua_desk(users["boss"], server, folder) as boss,
        desk("baresip", users["transferee"], server, folder) as transferee,
        desk("linphone", users["target"], server, folder) as target,
    ):
        yield Office(server, boss, transferee, target, users)


async def blind(server: Server, folder: Path, caller: str) -> None:
    async with office(server, folder) as phones:
        await phones.talk(caller)
        await phones.boss.transfer(phones.users["target"], server.address)
        await phones.target.rings()
        await asyncio.sleep(0.5)
        await phones.target.answer()
        assert await phones.boss.transferred() == 200
        if caller == "boss":
            await phones.boss.hang_up()  # the other one waits for our BYE
        await asyncio.sleep(2.5)
        assert await phones.boss.over() == 200
        await phones.end()
    transferee, target = phones.remaining()
    assert transferee["linphone"] >= 2.0
    assert transferee["baresip"] == 0.0
    assert transferee["pjsua"] <= 2.5
    assert target["baresip"] >= 2.0
    assert (target["linphone"], target["pjsua"]) == (0.0, 0.0)


async def attended(server: Server, folder: Path, caller: str) -> None:
    async with office(server, folder) as phones:
        await phones.talk(caller)
        await phones.boss.hold()
        await phones.boss.consult(phones.users["target"], server.address)
        await phones.target.rings()
        await phones.target.answer()
        await phones.boss.consulting()
        await asyncio.sleep(1.0)
        await phones.boss.join()
        await phones.boss.consultation_over(1.0)
        assert await phones.boss.transferred() == 200
        await phones.boss.hang_up()
        await asyncio.sleep(2.0)
        assert await phones.boss.over() == 200
        await phones.end()
    transferee, target = phones.remaining()
    assert transferee["linphone"] >= 1.5
    assert transferee["baresip"] == 0.0
    assert target["baresip"] >= 1.5
    assert target["linphone"] == 0.0
    assert target["pjsua"] >= 0.6  # while it was asked


async def test_a_transferor_may_hang_up_before_the_target_answers(server: Server, tmp_path: Path) -> None:
    async with office(server, tmp_path) as phones:
        await phones.talk("transferee")
        await phones.boss.transfer(phones.users["target"], server.address)
        await asyncio.sleep(0.05)  # the phone reads one command at a time
        await phones.boss.hang_up()
        assert await phones.boss.over() == 200
        await phones.target.rings()
        await asyncio.sleep(1.0)
        await phones.target.answer()
        await asyncio.sleep(2.0)
        await phones.end()
    transferee, target = phones.remaining()
    assert transferee["linphone"] >= 1.5
    assert target["baresip"] >= 1.5


async def test_a_target_that_is_asked_and_still_rings_is_called_for_the_transferee(
    server: Server, tmp_path: Path
) -> None:
    async with office(server, tmp_path) as phones:
        await phones.talk("transferee")
        await phones.boss.hold()
        await phones.boss.consult(phones.users["target"], server.address)
        await phones.target.rings()
        await asyncio.sleep(0.5)
        await phones.boss.join()
        await phones.boss.consultation_over(2.0)
        await phones.target.rings()
        await phones.target.answer()
        assert await phones.boss.transferred() == 200
        await phones.boss.hang_up()
        await asyncio.sleep(1.5)
        assert await phones.boss.over() == 200
        await phones.end()
    transferee, target = phones.remaining()
    assert transferee["linphone"] >= 1.0
    assert target["baresip"] >= 1.0


async def test_a_target_that_refuses_changes_nothing(server: Server, tmp_path: Path) -> None:
    async with office(server, tmp_path) as phones:
        await phones.talk("transferee")
        await phones.boss.transfer(phones.users["target"], server.address)
        await phones.target.rings()
        await asyncio.sleep(0.5)
        await phones.target.refuse()
        assert await phones.boss.transferred() == 603
        await asyncio.sleep(1.5)
        await phones.boss.transfer("4711", server.address)
        assert await phones.boss.transferred() == 404
        await phones.boss.hang_up()
        await asyncio.gather(phones.boss.over(), phones.transferee.over())
    assert voices(phones.boss.recording)["baresip"] >= 2.5
    assert voices(phones.transferee.recording)["pjsua"] >= 2.0


async def to_flow(server: Server, folder: Path, caller: str) -> None:
    async with office(server, folder) as phones:
        await phones.talk(caller)
        await phones.boss.transfer("700", server.address)
        assert await phones.boss.transferred() == 200
        assert await phones.transferee.over() == 200  # at the end of the flow
        assert await phones.boss.over() == 200
    assert prompts.places(sound.tones(sound.heard(phones.transferee.recording)))[-1] == "one"


class Transferring(Desk, Protocol):
    """A phone with a button for transfers."""

    async def transfer(self, number: str, server: str) -> None:
        """Send the other side to a number at HOST:PORT."""
        ...


async def other_phones(server: Server, folder: Path, kind: str) -> None:
    other = "linphone" if kind == "baresip" else "baresip"
    first, second, third = itertools.islice(_free, 3)
    async with (
        pjsua_desk(first, server, folder) as transferee,
        desk(kind, second, server, folder) as phone,
        desk(other, third, server, folder) as target,
    ):
        boss = cast(Transferring, phone)
        call = asyncio.create_task(transferee.call(second, server.address))
        await boss.rings()
        await boss.answer()
        await call
        await asyncio.sleep(0.5)
        await boss.transfer(third, server.address)
        await target.rings()
        await target.answer()
        assert await boss.over() == 200
        await asyncio.sleep(1.0)
        await transferee.hang_up()
        assert await target.over() == 200
        assert await transferee.over() == 200
    assert voices(transferee.recording)[other] >= 0.8
    assert voices(target.recording)["pjsua"] >= 0.8


@pytest.mark.parametrize(
    ("scene", "cases"),
    [
        pytest.param(blind, ("boss", "transferee"), id="blind"),
        pytest.param(attended, ("boss", "transferee"), id="attended"),
        pytest.param(to_flow, ("boss", "transferee"), id="to a flow"),
        pytest.param(other_phones, ("baresip", "linphone"), id="other phones"),
    ],
)
async def test_a_transfer(server: Server, tmp_path: Path, scene: Scene, cases: tuple[str, ...]) -> None:
    """Both cases at once: by the caller and by the called, or with one phone and with another."""
    folders = [tmp_path / case for case in cases]
    for folder in folders:
        folder.mkdir()
    async with asyncio.TaskGroup() as group:
        for folder, case in zip(folders, cases, strict=True):
            group.create_task(scene(server, folder, case))
