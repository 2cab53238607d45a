"""docs/howto/ring-group.md: the group rings in vain, the overflow answers, and at last a message is left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.phones.desks import desks, pjsua_desk, voices
from tests.phones.howto import following
from tests.phones.installed import needs_baresip, needs_linphone, needs_pjsua
from tests.phones.server import Server
from tests.phones.wire import wire

pytestmark = [pytest.mark.phones, needs_baresip, needs_linphone, needs_pjsua]

QUICKER = {  # s in place of tens of them
    "dial_timeout: 15000 ": "dial_timeout: 2000 ",
    "dial_timeout: 10000": "dial_timeout: 1000",
    "end_of_silence: 5,": "end_of_silence: 1,",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    anybody = {"numbers": [{"number": "203", "flow": "sales", "public": True}]}
    folder = tmp_path_factory.mktemp("group")
    with following("ring-group", folder, instead=QUICKER, directory=anybody) as server:
        yield server


async def test_the_overflow_takes_what_the_group_does_not(server: Server, tmp_path: Path) -> None:
    phones = {"1000": "baresip", "1001": "pjsua", "1002": "linphone"}
    async with desks(phones, server, tmp_path) as at, pjsua_desk("1003", server, tmp_path) as caller:
        calling = asyncio.create_task(caller.call("203", server.address))
        await asyncio.gather(at["1000"].rings(), at["1001"].rings())
        await asyncio.gather(at["1000"].closed(), at["1001"].closed())  # their time is over
        await at["1002"].rings()
        await at["1002"].answer()
        await calling
        await asyncio.sleep(1.5)
        await at["1002"].hang_up()
        assert await caller.over() == 200
        await at["1002"].over()
    assert voices(caller.recording)["linphone"] >= 1.0
    assert voices(at["1002"].recording)["pjsua"] >= 1.0


async def test_whom_nobody_answers_leaves_a_message(server: Server, tmp_path: Path) -> None:
    async with wire(server.address) as line, pjsua_desk("1000", server, tmp_path) as desk:
        call = await line.new_call("203")
        calling = asyncio.create_task(call.invite())
        await desk.rings()
        await desk.refuse()
        assert await calling == 200
        async with asyncio.timeout(30.0):
            await call.ended.wait()  # after a second of silence, and thanks
    assert (await recording(server, "ended"))["end_reason"] == "silence"


async def recording(server: Server, status: str) -> Any:
    """Wait until the only recording has a status."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(20.0):
        while True:
            answer = await http.get(f"{server.api}/v1.0/recordings", params={"accesskey": server.accesskey})
            made = (await answer.json())["result"]
            if made and made[0]["status"] == status:
                return made[0]
            await asyncio.sleep(0.1)
