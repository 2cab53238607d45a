"""An ended call is freed at once, by reference counts: the cycle collector would find it at a busy moment."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from flows import Run
from tests.phones.desks import PASSWORD
from tests.phones.server import configure
from tests.phones.wire import wire
from tests.phones.wire_peer import peer, sdp
from voipbin_sip.app.server import Server
from voipbin_sip.calls.bridge import Bridge
from voipbin_sip.calls.call import Call
from voipbin_sip.calls.session import CallSession
from voipbin_sip.flowhost.runs import LiveRun
from voipbin_sip.flowhost.steps import CallSteps
from voipbin_sip.loading import load

pytestmark = pytest.mark.phones

HANGS_UP = """
name: hangs_up
actions:
  - type: answer
  - {type: talk, option: {text: "Hello"}}
  - {type: digits_receive, option: {duration: 100, length: 1}}
  - type: hangup
"""
STAYS = """
name: stays
actions:
  - type: answer
  - type: sleep
    option: {duration: 60000}
"""
DESK = """
name: desk
actions:
  - type: connect
    option: {destinations: [{type: extension, target: "1300"}]}
"""
OF_CALLS = (CallSession, Call, LiveRun, Run, CallSteps, Bridge)


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    flows = {"hangs_up": HANGS_UP, "stays": STAYS, "desk": DESK}
    path, port = configure(tmp_path, flows, extensions={"1300": PASSWORD}, drain_seconds=0)
    loaded, findings = load(path)
    assert loaded is not None, findings
    server = Server(loaded)
    await server.start()
    yield f"127.0.0.1:{port}"
    server.stop()
    await server.serve()


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def left() -> Counter[str]:
    """Return what of calls is in memory, by type."""
    return Counter(type(found).__name__ for found in gc.get_objects() if isinstance(found, OF_CALLS))


async def freed() -> Counter[str]:
    """Return what is left when the last word on the sound has come."""
    for _ in range(10):
        await asyncio.sleep(0.2)
        if not (found := left()):
            break
    return found


async def test_who_is_hung_up_who_hangs_up_and_who_gives_up(address: str, no_collector: None) -> None:
    async with wire(address) as line, asyncio.timeout(30.0):
        ends = await line.new_call("100")
        assert await ends.invite() == 200
        await ends.ended.wait()
        leaves = await line.new_call("200")
        assert await leaves.invite() == 200
        assert left()["LiveRun"] == 1
        assert await leaves.bye() == 200
        alone = await line.new_call("300")  # nobody is registered there
        assert await alone.invite() == 480
        assert not await freed()


async def test_both_sides_of_a_bridge(address: str, no_collector: None) -> None:
    async with peer(address) as phone, peer(address) as caller, asyncio.timeout(30.0):
        await phone.register("1300", PASSWORD)
        talk = caller.calling("300")
        talk.request("INVITE", body=sdp())
        invite = await phone.next("INVITE")
        held = phone.called(invite)
        held.reply(invite, "180 Ringing")
        held.reply(invite, "200 OK", body=sdp())
        await phone.next("ACK")
        answered = await caller.next("200 INVITE")
        talk.learn(answered)
        talk.ack(answered)
        assert left()["Bridge"] == 1
        await talk.bye()
        await held.hung_up()
        assert not await freed()
