"""`/timelines/refused`: who may ask, pages, looking up, and what is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.api.serving import Api, add_agent, serving_api
from tests.calls.test_admission import HOP
from tests.observe.test_refused import Door
from voipbin_sip.observe.ring import SipRing
from voipbin_sip.resources.kinds.agent import Permission

NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass
class Desk:
    """An API around a door."""

    api: Api
    door: Door
    ring: SipRing

    async def ok(self, path: str, **query: str) -> Any:
        status, told = await self.api.ask("GET", path, params={"accesskey": self.api.token, **query})
        assert status == 200, told
        return told

    def refuse(self, number: str) -> None:
        """Refuse a call to a number; its Call-ID is the number."""
        self.door.now += 1
        self.ring.take(True, f"INVITE sip:{number}@x\r\nCall-ID: {number}\r\n\r\n".encode(), HOP)
        self.door.call(f"sip:{number}@voipbin.test", call_id=number, password="secret")


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[Desk]:
    door = Door("1000")
    ring = SipRing(100_000, 3600, lambda: door.now)
    observed = SimpleNamespace(refused=door.refused, ring=ring, own_key="own")
    async with serving_api(database, tmp_path, observed) as api:
        yield Desk(api, door, ring)


async def test_the_newest_come_first_in_pages(desk: Desk) -> None:
    for number in ("501", "502", "503"):
        desk.refuse(number)
    first = await desk.ok("/timelines/refused", page_size="2")
    assert [one["callee"] for one in first["result"]] == ["503", "502"]
    second = await desk.ok("/timelines/refused", page_size="2", page_token=first["next_page_token"])
    assert [one["callee"] for one in second["result"]] == ["501"]
    end = await desk.ok("/timelines/refused", page_token=second["next_page_token"])
    assert (end["result"], end["next_page_token"]) == ([], "")
    one = first["result"][0]
    assert (one["sip_status"], one["cause"], one["count"]) == (404, "no_such_number", 1)
    assert (one["source"], one["transport"], one["method"]) == ("192.0.2.9:5060", "UDP", "INVITE")
    assert one["why"] == "503 is no number, extension or conference here"


async def test_one_is_found_by_its_call_id_and_by_the_beginning_of_its_id(desk: Desk) -> None:
    desk.refuse("501")
    desk.refuse("502")
    (told,) = (await desk.ok("/timelines/refused", name="501"))["result"]
    assert told["callee"] == "501"
    assert (await desk.ok("/timelines/refused", name=told["id"][:8].upper()))["result"] == [told]
    assert (await desk.ok("/timelines/refused", name="50"))["result"] == []
    story = await desk.ok(f"/timelines/refused/{told['id']}")
    assert story["attempt"] == told
    assert [message["raw"].splitlines()[0] for message in story["sip_messages"]] == ["INVITE sip:501@x"]


async def test_callers_who_may_still_send_a_password_are_counted(desk: Desk) -> None:
    desk.door.call("sip:200@voipbin.test")
    assert await desk.ok("/timelines/refused") == {"result": [], "waiting": 1, "next_page_token": ""}


@pytest.mark.parametrize("more", ["", "/pcap"], ids=["story", "pcap"])
async def test_what_there_is_not(desk: Desk, more: str) -> None:
    status, told = await desk.api.ask("GET", f"/timelines/refused/{NOBODY}{more}")
    assert (status, told["error"]["reason"]) == (404, "ATTEMPT_NOT_FOUND")


async def test_agents_may_not_see_them(desk: Desk) -> None:
    await add_agent(desk.api, "agent@example.com", Permission.AGENT)
    body = {"username": "agent@example.com", "password": "open sesame"}
    status, login = await desk.api.ask("POST", "/auth/login", body)
    assert status == 200, login
    headers = {"Authorization": f"Bearer {login['token']}"}
    status, _ = await desk.api.ask("GET", "/timelines/refused", params={}, headers=headers)
    assert status == 403
