"""Calls that the API places and steers, heard by real phones."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.phones import prompts, sound
from tests.phones.client import Client, client
from tests.phones.desks import PASSWORD, Desk, desk, pjsua_desk, voices_in
from tests.phones.installed import needs_baresip, needs_linphone, needs_pjsua
from tests.phones.pjsua import Pjsua
from tests.phones.server import Server, serving

pytestmark = pytest.mark.phones

EXTENSIONS = {str(1300 + number): PASSWORD for number in range(20)}
_free = iter(EXTENSIONS)
ASKS = """
name: asks
id: 5b1f0a52-0000-4000-8000-00000000000b
actions:
  - id: tone
    type: play
    option: {stream_urls: [sounds/one.wav]}
  - id: code
    type: digits_receive
    option: {length: 2, duration: 10000}
  - id: rest
    type: sleep
    option: {duration: 60000}
"""
PHASE = 1.6  # s


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flows = {"asks": ASKS}
    with serving(tmp_path_factory.mktemp("api"), flows, extensions=EXTENSIONS) as server:
        yield server


def extensions(count: int) -> list[str]:
    return list(itertools.islice(_free, count))


def to(name: str) -> dict[str, str]:
    return {"type": "extension", "target": name}


@needs_pjsua
async def test_a_phone_is_called_hears_the_flow_and_its_digits_are_told(
    server: Server, tmp_path: Path
) -> None:
    (name,) = extensions(1)
    async with client(server) as api, pjsua_desk(name, server, tmp_path) as phone:
        began = time.monotonic()
        placed = await api(
            "POST",
            "/calls",
            {
                "flow_id": "5b1f0a52-0000-4000-8000-00000000000b",
                "source": {"type": "tel", "target": "+4930123456", "target_name": "Shop"},
                "destinations": [to(name)],
                "variables": {"name": "Ada"},
            },
        )
        await phone.rings(1.0)
        assert time.monotonic() - began < 1.0
        (group,) = placed["groupcalls"]
        (id_,) = group["call_ids"]
        await api.event("call_ringing", id=id_)
        await phone.answer()
        await api.event("call_updated", id=id_)
        await asyncio.sleep(1.5)
        await phone.press("42")
        first, second = [await api.event("dtmf_received", call_id=id_, digit=digit) for digit in ("4", "2")]
        assert first["id"] < second["id"]
        run = (await api("GET", f"/calls/{id_}"))["activeflow_id"]
        before = await api("GET", f"/activeflows/{run}")
        assert (before["status"], before["current_action"]["type"]) == ("running", "sleep")
        talking = await api(
            "POST", f"/calls/{id_}/talk", {"text": "Your parcel is here.", "language": "en-US"}
        )
        assert talking["id"] == id_
        await asyncio.sleep(2.0)
        after = await api("GET", f"/activeflows/{run}")
        assert after["current_action"] == before["current_action"]  # beside the flow
        await api("POST", f"/calls/{id_}/hangup")
        assert await phone.over() == 200
        over = (await api.event("call_hangup", id=id_))["data"]
        await api.event("activeflow_updated", id=run, status="ended")
        again = await api("POST", f"/calls/{id_}/hangup", status=409)
        assert again["error"]["reason"] == "STATE_INVALID"
        timeline = await api("GET", f"/timelines/calls/{id_}/events")
        aggregated = await api("GET", f"/aggregated-events?call_id={id_}")
    assert (over["hangup_by"], over["hangup_reason"]) == ("local", "normal")
    assert over["quality"]["heard"] > 0
    own = [type_ for type_ in api.types(id_) if type_ != "call_updated"]
    assert own == [
        "call_created",
        "call_dialing",
        "call_ringing",
        "call_progressing",
        "call_terminating",
        "call_hangup",
    ]
    told = [event["event_type"] for event in reversed(timeline["result"])]
    assert [type_ for type_ in told if type_ not in ("call_updated", "dtmf_received")] == own
    assert {event["event_type"] for event in aggregated["result"]} >= {"activeflow_step", "call_created"}
    heard = sound.heard(phone.recording)
    assert prompts.places(sound.tones(heard)) == ["one"]
    assert any(stretch.kind == "sound" for stretch in heard)


class Two:
    """Two phones that talk; `phase` says what is heard in a time."""

    def __init__(self, api: Client, caller: Pjsua, called: Desk) -> None:
        self.api = api
        self.caller, self.called = caller, called
        self.phases: dict[str, float] = {}
        self.began = 0.0

    async def phase(self, name: str) -> None:
        await asyncio.sleep(0.3)
        self.phases[name] = time.monotonic() - self.began
        await asyncio.sleep(PHASE - 0.3)

    def heard(self, recording: Path, name: str) -> tuple[float, float]:
        """Return the share of the phase in which the recording holds the other one's voice, and its loudness."""
        samples, rate = sound.load(recording)
        start = self.phases[name] + 0.1
        cut = samples[int(start * rate) : int((start + 1.0) * rate)]
        voice = "baresip" if recording == self.caller.recording else "pjsua"
        share = voices_in(cut, rate, [voice])[voice] / max(len(cut) / rate, 0.01)
        return share, float(np.sqrt(np.mean(cut**2)))


@needs_pjsua
@needs_baresip
async def test_mute_silence_music_and_hold_are_heard(server: Server, tmp_path: Path) -> None:
    one, two = extensions(2)
    async with (
        client(server) as api,
        pjsua_desk(one, server, tmp_path) as caller,
        desk("baresip", two, server, tmp_path) as called,
    ):
        both = Two(api, caller, called)
        calling = asyncio.create_task(caller.call(two, server.address))
        await called.rings()
        await called.answer()
        await calling
        both.began = time.monotonic()
        child = (await api.event("call_progressing", direction="outgoing"))["data"]
        a, b = child["master_call_id"], child["id"]
        await both.phase("talk")
        assert (await api("POST", f"/calls/{b}/mute", {"direction": "in"}))["mute_direction"] == "in"
        await both.phase("in")
        assert (await api("POST", f"/calls/{b}/mute", {"direction": "out"}))["mute_direction"] == "both"
        await both.phase("both")
        assert (await api("DELETE", f"/calls/{b}/mute", {"direction": "in"}))["mute_direction"] == "out"
        await both.phase("out")
        assert (await api("DELETE", f"/calls/{b}/mute"))["mute_direction"] == ""
        await api("POST", f"/calls/{a}/silence")
        await both.phase("silence")
        await api("POST", f"/calls/{a}/moh")
        await api("DELETE", f"/calls/{a}/silence")
        await both.phase("music")
        await api("DELETE", f"/calls/{a}/moh")
        await both.phase("again")
        await api("POST", f"/calls/{a}/hold")
        await both.phase("hold")
        await api("DELETE", f"/calls/{a}/hold")
        await both.phase("end")
        await caller.hang_up()
        await asyncio.gather(caller.over(), called.over())
    heard = {
        name: (both.heard(caller.recording, name), both.heard(called.recording, name)) for name in both.phases
    }
    for name in ("talk", "again", "end"):
        assert heard[name][0][0] > 0.7, (name, heard)
        assert heard[name][1][0] > 0.7, (name, heard)
    hears = {name: (of[0] > 0.5, to_[0] > 0.5) for name, (of, to_) in heard.items()}
    assert hears["in"] == (False, True)
    assert hears["both"] == (False, False)
    assert hears["out"] == (True, False)
    assert hears["silence"] == (False, True)
    assert heard["silence"][0][1] < 0.001
    assert hears["music"] == (False, True)
    assert heard["music"][0][1] > 0.01
    assert hears["hold"] == (False, False)
    assert heard["hold"][0][1] > 0.01
    assert api.types(b).count("call_updated") >= 4


@needs_pjsua
@needs_baresip
@needs_linphone
@pytest.mark.parametrize("kind", ["blind", "attended"])
async def test_a_transfer(server: Server, tmp_path: Path, kind: str) -> None:
    one, two, three = extensions(3)
    async with (
        client(server) as api,
        pjsua_desk(one, server, tmp_path) as caller,
        desk("baresip", two, server, tmp_path) as boss,
        desk("linphone", three, server, tmp_path) as target,
    ):
        calling = asyncio.create_task(caller.call(two, server.address))
        await boss.rings()
        await boss.answer()
        await calling
        child = (await api.event("call_progressing", direction="outgoing"))["data"]
        await asyncio.sleep(0.5)
        transfer = await api(
            "POST",
            "/transfers",
            {"transfer_type": kind, "transferer_call_id": child["id"], "transferee_addresses": [to(three)]},
        )
        await target.rings()
        if kind == "blind":
            assert await boss.over() == 200
        await asyncio.sleep(1.0)
        await target.answer()
        done = await api.event("transfer_updated", id=transfer["id"])
        await asyncio.sleep(1.0)
        if kind == "attended":
            await boss.hang_up()
            await boss.over()
        await asyncio.sleep(2.0)
        await caller.hang_up()
        await asyncio.gather(caller.over(), target.over())
    assert done["data"]["transferee_call_id"] in {
        e["data"]["id"] for e in api.events if e["type"] == "call_hangup"
    }
    heard, told = sound.load(caller.recording), sound.load(target.recording)
    assert voices_in(*heard)["linphone"] >= 1.2
    assert voices_in(*told)["pjsua"] >= 1.2
    assert voices_in(*told)["baresip"] >= 0.4 if kind == "attended" else voices_in(*told)["baresip"] == 0
