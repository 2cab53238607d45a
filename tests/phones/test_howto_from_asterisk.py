"""docs/howto/from-asterisk.md: an Asterisk hands a call over; the converted flow answers, and its phones ring."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.phones.desks import desks
from tests.phones.howto import following
from tests.phones.installed import needs_baresip, needs_pjsua
from tests.phones.server import Server
from tests.phones.wire_peer import Peer, Talk, peer, sdp

pytestmark = [pytest.mark.phones, needs_baresip, needs_pjsua]

ASTERISK = "127.0.0.5"
ALWAYS_OPEN = {
    "192.0.2.5": ASTERISK,
    "hour: 9, weekdays: [1, 2, 3, 4, 5],": "hour: 0,",
    'condition: "<", hour: 17,': 'condition: "<=", hour: 23,',
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with following("from-asterisk", tmp_path_factory.mktemp("asterisk"), instead=ALWAYS_OPEN) as server:
        yield server


async def handed_over(asterisk: Peer, digit: str) -> Talk:
    """Call 200 as Asterisk does, without a password, and choose from the menu."""
    call = asterisk.calling("200")
    await call.invite(sdp())
    call.request("INFO", "Content-Type: application/dtmf-relay", body=f"Signal={digit}\r\nDuration=160\r\n")
    await asterisk.next("200 INFO")
    return call


async def test_one_rings_both_phones_of_the_office(server: Server, tmp_path: Path) -> None:
    phones = {"1000": "baresip", "1001": "pjsua"}
    async with peer(server.address, at=ASTERISK) as asterisk, desks(phones, server, tmp_path) as at:
        call = await handed_over(asterisk, "1")
        await asyncio.gather(at["1000"].rings(), at["1001"].rings())
        await at["1001"].answer()
        await at["1000"].closed()
        await at["1001"].hang_up()
        await call.hung_up()


async def test_two_rings_the_workshop_and_a_caller_from_elsewhere_nothing(
    server: Server, tmp_path: Path
) -> None:
    async with (
        peer(server.address, at=ASTERISK) as asterisk,
        desks({"1001": "pjsua"}, server, tmp_path) as at,
    ):
        call = await handed_over(asterisk, "2")
        await at["1001"].rings()
        await call.bye()
        await at["1001"].closed()
    async with peer(server.address, at="127.0.0.6") as stranger:
        refused = stranger.calling("200")
        refused.request("INVITE", body=sdp())
        assert (await stranger.final(refused)).start.split()[1] != "200"
