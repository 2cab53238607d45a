"""docs/howto/click-to-call.md: the page's program rings one's own phone, and then the other one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from tests.phones.child import Child
from tests.phones.desks import pjsua_desk, voices
from tests.phones.howto import following, program
from tests.phones.installed import needs_pjsua
from tests.phones.server import Server
from tests.phones.wire_peer import peer

pytestmark = [pytest.mark.phones, needs_pjsua]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with following("click-to-call", tmp_path_factory.mktemp("click")) as server:
        yield server


async def click(server: Server, folder: Path, *words: str, key: str = "") -> tuple[int, str]:
    """Run the page's program; returns its exit status and what it prints."""
    path = folder / "click_to_call.py"
    path.write_text(program("click-to-call"), encoding="utf-8")
    environment: Mapping[str, str] = {"API": f"{server.api}/v1.0", "KEY": key or server.accesskey}
    async with Child([sys.executable, path, *words], folder=folder, environment=dict(environment)) as child:
        await child.ended()
        return child.process.returncode or 0, child.output.strip()


async def get(server: Server, path: str) -> Any:
    async with aiohttp.ClientSession() as http:
        answer = await http.get(f"{server.api}/v1.0{path}", params={"accesskey": server.accesskey})
        return await answer.json()


async def test_my_phone_rings_and_then_the_customers(server: Server, tmp_path: Path) -> None:
    async with (
        pjsua_desk("1000", server, tmp_path) as mine,
        pjsua_desk("1001", server, tmp_path, codec="PCMA") as customer,
    ):
        status, printed = await click(server, tmp_path, "1000", "1001")
        assert status == 0, printed
        UUID(printed)
        await mine.rings()
        await mine.answer()
        await customer.rings()
        assert (await get(server, f"/calls/{printed}"))["status"] == "progressing"
        await customer.answer()
        await asyncio.sleep(1.5)
        await customer.hang_up()
        assert await mine.over() == await customer.over() == 200
    assert voices(mine.recording)["pjsua"] >= 1.0
    call = await get(server, f"/calls/{printed}")
    assert (call["status"], call["hangup_reason"]) == ("hangup", "normal")
    told = [
        event["event_type"]
        for event in (await get(server, f"/aggregated-events?call_id={printed}"))["result"]
    ]
    assert {"call_created", "call_ringing", "call_progressing", "call_hangup"} <= set(told)
    (other,) = [one for one in (await get(server, "/calls"))["result"] if one["master_call_id"] == printed]
    assert other["status"] == "hangup"


async def test_each_sees_whom_the_page_says(server: Server, tmp_path: Path) -> None:
    async with peer(server.address) as mine, peer(server.address) as customer:
        await mine.register("1000", "opensesame")
        await customer.register("1001", "opensesame")
        assert (await click(server, tmp_path, "1000", "1001"))[0] == 0
        invite = await mine.next("INVITE")
        assert invite["From"].startswith('"Click to call" <sip:1001@')
        mine.called(invite).reply(invite, "200 OK", body="")
        await mine.next("ACK")


async def test_what_goes_wrong_is_told(server: Server, tmp_path: Path) -> None:
    status, printed = await click(server, tmp_path, "1999", "1001")
    assert (status, "1999" in printed) == (1, True)
    status, printed = await click(server, tmp_path, "1000", "1001", key="wrong")
    assert status == 1
    assert "Traceback" not in printed
