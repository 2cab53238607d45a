"""What the API configures counts for the next REGISTER and the next call, and is still there after a restart."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.phones import prompts, sound
from tests.phones.desks import PASSWORD, pjsua_desk
from tests.phones.installed import needs_pjsua
from tests.phones.server import Server, serving
from tests.phones.wire_peer import Peer, Talk, credentials, peer, sdp

pytestmark = pytest.mark.phones

TONE = """
name: tone
id: 5b1f0a52-0000-4000-8000-00000000000a
actions:
  - type: answer
  - type: play
    option: {stream_urls: [sounds/one.wav]}
  - type: hangup
"""
FLOW = {
    "name": "by api",
    "actions": [{"type": "answer"}, {"type": "fetch_flow", "option": {"flow_id": "tone"}}],
}


class Client:
    """A program that configures the server."""

    def __init__(self, server: Server, http: aiohttp.ClientSession) -> None:
        self._server = server
        self._http = http

    async def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; returns the JSON of its success."""
        url = f"{self._server.api}/v1.0{path}"
        params = {"accesskey": self._server.accesskey}
        async with self._http.request(method, url, json=body, params=params) as answer:
            text = await answer.text()
            assert answer.status == 200, text
            return await answer.json()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(
        tmp_path_factory.mktemp("setup"),
        {"tone": TONE},
        extensions={"1000": PASSWORD},
        outbound={"allow": ["+49"]},
    ) as server:
        yield server


@pytest.fixture
async def ask(server: Server) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as http:
        yield Client(server, http)


@pytest.fixture
async def caller(server: Server) -> AsyncIterator[Peer]:
    async with peer(server.address) as caller:
        yield caller


async def call(caller: Peer, number: str, user: str = "", password: str = PASSWORD) -> tuple[int, Talk]:
    """Call a number, as an extension if `user` is given; returns the final status, acknowledged."""
    talk = caller.calling(number)
    if user:
        talk.local = f"<sip:{user}@voipbin.test>;tag={caller.unique()}"
    talk.request("INVITE", body=sdp())
    final = await caller.final(talk)
    if user and final.name.startswith("407"):
        asked = final["Proxy-Authenticate"]
        talk.ack(final)
        talk.request(
            "INVITE",
            f"Proxy-Authorization: {credentials(asked, user, password, talk.target, 'INVITE')}",
            body=sdp(),
        )
        final = await caller.final(talk)
    if final.name.startswith("200"):
        talk.learn(final)
    talk.ack(final)
    return int(final.name[:3]), talk


@needs_pjsua
async def test_a_new_extension_registers_at_once_and_calls_a_flow_of_the_api(
    server: Server, ask: Client, tmp_path: Path
) -> None:
    account = {"extension": "2000", "password": PASSWORD, "name": "", "detail": ""}
    await ask("POST", "/extensions", account)
    flow = await ask("POST", "/flows", FLOW)
    await ask("POST", "/numbers", {"number": "+15550123", "call_flow_id": flow["id"]})
    async with pjsua_desk("2000", server, tmp_path) as phone:
        await phone.call("+15550123", server.address)
        assert await phone.over(6.0) == 200
    assert prompts.places(sound.tones(sound.heard(phone.recording))) == ["one"]


async def test_a_deleted_extension_is_gone_with_its_phones(ask: Client, caller: Peer, server: Server) -> None:
    made = await ask("POST", "/extensions", {"extension": "2001"})
    async with peer(server.address) as phone:
        await phone.register("2001", made["password"])
        calling = asyncio.create_task(call(caller, made["direct_hash"]))
        invite = await phone.next("INVITE")
        answering = phone.called(invite)
        answering.reply(invite, "486 Busy Here")
        assert (await calling)[0] == 486
        await ask("DELETE", f"/extensions/{made['id']}")
        assert (await call(caller, made["direct_hash"]))[0] == 407  # as any number that there is not
        assert (await call(caller, "2001", "1000"))[0] == 404
        with pytest.raises(AssertionError, match="200 REGISTER"):
            await phone.register("2001", made["password"])


async def test_a_direct_hash_leads_strangers_to_a_flow_until_it_is_renewed(ask: Client, caller: Peer) -> None:
    flow = await ask("POST", "/flows", FLOW)
    assert flow["direct_hash"] == ""
    first = (await ask("POST", f"/flows/{flow['id']}/direct-hash-regenerate"))["direct_hash"]
    status, talk = await call(caller, first)
    assert status == 200
    await talk.bye()
    second = (await ask("POST", f"/flows/{flow['id']}/direct-hash-regenerate"))["direct_hash"]
    assert (await call(caller, first))[0] == 407
    assert (await call(caller, second, "1000"))[0] == 200


async def test_a_running_call_keeps_its_flow_and_the_next_one_takes_the_new(
    ask: Client, caller: Peer
) -> None:
    waiting = {
        "name": "waits",
        "actions": [{"type": "answer"}, {"type": "sleep", "option": {"duration": 600}}],
    }
    flow = await ask("POST", "/flows", waiting)
    await ask("POST", "/numbers", {"number": "+15550124", "call_flow_id": flow["id"], "is_public": True})
    status, talk = await call(caller, "+15550124")
    assert status == 200
    await ask("PUT", f"/flows/{flow['id']}", {"actions": [{"type": "hangup", "option": {"reason": "busy"}}]})
    assert (await call(caller, "+15550124"))[0] == 486
    await talk.hung_up()
    await ask("DELETE", f"/flows/{flow['id']}")
    assert (await call(caller, "+15550124"))[0] == 404


async def test_calls_go_out_by_a_carrier_of_the_api_as_far_as_its_config_allows(
    ask: Client, caller: Peer, server: Server
) -> None:
    async with peer(server.address) as carrier:
        own = await ask("POST", "/numbers", {"number": "+493055501000"})
        config = await ask(
            "POST",
            "/outbound_configs",
            {"destination_whitelist": ["de"], "default_outgoing_source_number_id": own["id"]},
        )
        provider = await ask(
            "POST", "/providers", {"hostname": carrier.address, "tech_prefix": "77", "probe": 0}
        )
        await ask("POST", "/routes", {"provider_id": provider["id"], "target": "+49"})
        calling = asyncio.create_task(call(caller, "+493012345678", "1000"))
        invite = await carrier.next("INVITE")
        assert f"sip:77+493012345678@{carrier.address}" in invite.uri
        assert "+493055501000" in invite["From"]
        carrier.called(invite).reply(invite, "486 Busy Here")
        assert (await calling)[0] == 486
        await ask("PUT", f"/outbound_configs/{config['id']}", {"destination_whitelist": []})
        assert (await call(caller, "+493012345678", "1000"))[0] == 403


async def test_it_is_all_there_after_a_restart(ask: Client, server: Server) -> None:
    made = await ask("POST", "/extensions", {"extension": "2002", "name": "after"})
    flow = await ask("POST", "/flows", FLOW)
    await ask("POST", "/numbers", {"number": "+15550125", "call_flow_id": flow["id"]})
    async with peer(server.address) as phone:
        await phone.register("2002", made["password"])
        os.kill(server.process.pid, signal.SIGTERM)
        assert server.process.wait(15) == 0
        server.start()
        assert await ask("GET", f"/extensions/{made['id']}") == made
        assert (await call(phone, "+15550125", "2002", made["password"]))[0] == 200
        calling = asyncio.create_task(call(phone, "2002", "1000"))  # its contact is known again
        invite = await phone.next("INVITE")
        phone.called(invite).reply(invite, "486 Busy Here")
        assert (await calling)[0] == 486
