"""L16 with a real phone, across a bridge to one that has G.711."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.phones import prompts
from tests.phones.account import Account
from tests.phones.baresip import baresip
from tests.phones.desks import PASSWORD, VOICES, pjsua_desk, voices
from tests.phones.installed import needs_baresip, needs_pjsua
from tests.phones.server import Server, serving

pytestmark = pytest.mark.phones


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    extensions = {str(1000 + number): PASSWORD for number in range(4)}
    with serving(tmp_path_factory.mktemp("linear"), {}, extensions=extensions) as server:
        yield server


@needs_baresip
@needs_pjsua
@pytest.mark.parametrize(("rate", "first"), [(8000, 1000), (16000, 1002)])
async def test_a_phone_with_l16_talks_to_one_without(
    server: Server, tmp_path: Path, rate: int, first: int
) -> None:
    voice = prompts.write(tmp_path / "voice.wav", prompts.tone(VOICES["baresip"], 60.0))
    account = Account(str(first), PASSWORD, server.address)
    async with (
        baresip(tmp_path, voice=voice, account=account, codecs=f"L16/{rate}/1") as linear,
        pjsua_desk(str(first + 1), server, tmp_path, codec="PCMA") as other,
    ):
        calling = asyncio.create_task(linear.call(str(first + 1), server.address))
        await other.rings()
        await other.answer()
        await calling
        await asyncio.sleep(2.0)
        await other.hang_up()
        await asyncio.gather(linear.over(), other.over())
    assert voices(other.recording)["baresip"] >= 1.2
    assert voices(linear.recording)["pjsua"] >= 1.2
