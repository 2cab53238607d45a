"""A customer's program with real phones, from the flow that it makes to what it finds again after a restart."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.phones import sound
from tests.phones.customer import Customer, customer
from tests.phones.desks import PASSWORD, Desk, desk, pjsua_desk, voices
from tests.phones.installed import needs_baresip, needs_linphone, needs_pjsua
from tests.phones.pjsua import Pjsua
from tests.phones.ports import free
from tests.phones.server import Server, serving

pytestmark = pytest.mark.phones

WELCOME = {"text": "Welcome. Please enter your number.", "language": "en-US"}
FLOW = {
    "name": "survey",
    "detail": "asks, then connects",
    "actions": [
        {"type": "talk", "option": WELCOME},
        {"type": "digits_receive", "option": {"duration": 15000, "length": 3}},
        {"type": "digits_receive", "option": {"duration": 30000, "length": 1}},
        {
            "type": "connect",
            "option": {
                "source": {"type": "tel", "target": "+15550100"},
                "destinations": [{"type": "extension", "target": "1001"}],
            },
        },
    ],
}
SPOKEN = {"text": "One moment please, I connect you with somebody.", "language": "en-US"}
QUIET = "name: quiet\nactions: [{type: answer}]\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(
        tmp_path_factory.mktemp("customer"),
        {"quiet": QUIET},
        extensions={"1000": PASSWORD, "1001": PASSWORD, "1002": PASSWORD},
        http={"listen": f"127.0.0.1:{free()}", "allow_private": ["127.0.0.1"]},
    ) as server:
        yield server


@needs_pjsua
@needs_baresip
@needs_linphone
async def test_from_the_flow_to_the_restart(server: Server, tmp_path: Path) -> None:
    async with customer(server.api, server.accesskey) as program, AsyncExitStack() as stack:
        phone = await stack.enter_async_context(pjsua_desk("1000", server, tmp_path))
        agent, chief = [
            await stack.enter_async_context(desk(kind, user, server, tmp_path))
            for kind, user in (("baresip", "1001"), ("linphone", "1002"))
        ]
        flow = await program.ask("POST", "/flows", FLOW)
        call = await program.call(flow["id"], "1000")
        await _asks_for_digits(program, phone, call)
        recording, file = await _records_what_is_said(program, call, tmp_path)
        await _hands_over(program, phone, agent, chief, call)
        ended = await program.event("call_hangup", id=call)
        assert (ended["hangup_by"], ended["hangup_reason"]) == ("local", "normal")
        await chief.over()
        _in_order(program, call, recording)
        assert program.forged == 0

        kept = await _kept(program, flow["id"], call, recording)
        os.kill(server.process.pid, signal.SIGTERM)
        assert server.process.wait(15) == 0
        server.start()
        assert await _kept(program, flow["id"], call, recording) == kept
        assert await program.download(f"/recordingfiles/{recording}") == file
        again = await program.call(flow["id"], "1000")  # the flow, and where the phone is, are known
        await phone.rings()
        await program.ask("POST", f"/calls/{again}/hangup")
        assert (await program.event("call_hangup", id=again))["hangup_reason"] == "cancel"
        await phone.over()  # what it heard is complete then: of the agent, and of the chief after him
        heard = voices(phone.recording)
        assert heard["baresip"] > 0.5
        assert heard["linphone"] > 0.5


async def _asks_for_digits(program: Customer, phone: Pjsua, call: str) -> None:
    """The phone rings, is answered, and its digits are heard by webhook and by websocket."""
    await phone.rings()
    await program.event("call_ringing", id=call)
    await phone.answer()
    await program.event("call_progressing", id=call)
    await phone.press("472")
    await program.until(lambda: program.digits(call) == ("472", "472"))


async def _records_what_is_said(program: Customer, call: str, folder: Path) -> tuple[str, bytes]:
    """Speaks to the phone while it is recorded; returns the id of the recording and the file."""
    recording = await program.record(call)
    await program.event("recording_started", id=recording)
    step = (await program.ask("GET", f"/calls/{call}"))["action"]
    await program.ask("POST", f"/calls/{call}/talk", SPOKEN)
    await asyncio.sleep(3.0)
    stopped = await program.ask("POST", f"/calls/{call}/recording_stop")
    assert stopped["action"] == step  # what is said from outside moves no flow
    finished = await program.event("recording_finished", id=recording)
    assert (finished["reference_id"], finished["status"]) == (call, "ended")
    file = await program.download(f"/recordingfiles/{recording}")
    path = folder / "downloaded.wav"
    path.write_bytes(file)
    assert voices(path)["pjsua"] > 2.0  # in stereo: left what the phone says,
    samples, rate = sound.load(path, 1)  # right what it hears
    assert sound.speech(sound.stretches(samples, rate)) > 1.0
    assert len(samples) / rate == pytest.approx(finished["duration"], abs=0.1)
    assert finished["duration"] > 2.9
    return recording, file


async def _hands_over(program: Customer, phone: Pjsua, agent: Desk, chief: Desk, call: str) -> None:
    """The flow connects the phone with an agent, the program hands it over to the chief and hangs up."""
    await phone.press("1")
    await agent.rings()
    await agent.answer()
    second = await program.event("call_progressing", master_call_id=call)
    await asyncio.sleep(1.0)
    await program.transfer(second["id"], "1002")
    assert (await program.event("call_hangup", id=second["id"]))["hangup_by"] == "local"
    await agent.over()
    await chief.rings()
    await chief.answer()
    await asyncio.sleep(1.5)
    await program.ask("POST", f"/calls/{call}/hangup")
    await phone.closed()


def _in_order(program: Customer, call: str, recording: str) -> None:
    """The events of the call came in the order in which VoIPBIN makes them."""
    states = [type_ for type_ in program.types(call) if type_ != "call_updated"]
    assert states == [
        "call_created",
        "call_dialing",
        "call_ringing",
        "call_progressing",
        "call_terminating",
        "call_hangup",
    ]
    assert program.types(recording) == ["recording_started", "recording_finished"]
    told = [message["status"] for message in program.messages if message.get("id") == call]
    assert [status for status, _ in groupby(told)] == [
        "dialing",
        "ringing",
        "progressing",
        "terminating",
        "hangup",
    ]


async def _kept(program: Customer, flow: str, call: str, recording: str) -> dict[str, Any]:
    """Return all that the server has stored of this."""
    paths = (f"/flows/{flow}", f"/calls/{call}", f"/recordings/{recording}", "/customer")
    timelines = (f"/timelines/calls/{call}/events", f"/aggregated-events?call_id={call}")
    return {path: await program.ask("GET", path) for path in (*paths, *timelines)}
