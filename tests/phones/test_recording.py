"""Recordings of real phones: who is heard in which channel, for how long, what ends them, what outlives a crash."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests.phones import prompts, sound
from tests.phones.installed import needs_pjsua
from tests.phones.pjsua import pjsua
from tests.phones.server import Server, children, serving

pytestmark = [pytest.mark.phones, needs_pjsua]

VOICE = 700  # Hz, of the phone
TONE = prompts.TONES["again"]  # what the flow plays
NOBODY = str(UUID(int=0))
STARTED, ENDED = "recording_started", "recording_finished"

# The flow afterwards writes a variable down by reaching a step whose text says it: it is seen in its activeflow.
AFTERWARDS = """
name: afterwards
actions:
  - {id: seen, type: variable_set, option: {key: seen, value: "${voipbin.recording.id} ${name}"}}
"""
LOOP = """
  - {id: tone, type: play, option: {stream_urls: [sounds/again.wav]}}
  - {type: goto, option: {target_id: tone, loop_count: 100}}
"""
FLOWS = {
    "forever": "name: forever\nactions:\n  - type: answer" + LOOP,
    "steps": """
name: steps
actions:
  - type: answer
  - {type: variable_set, option: {key: name, value: Ann}}
  - {type: recording_start, option: {beep_start: true, on_end_flow_id: afterwards}}
  - {type: play, option: {stream_urls: [sounds/again.wav, sounds/again.wav]}}
  - type: recording_stop
  - {type: sleep, option: {duration: 60000}}
""",
    "silence": """
name: silence
actions:
  - type: answer
  - {type: recording_start, option: {end_of_silence: 1, format: ogg}}
  - {type: sleep, option: {duration: 60000}}
""",
    "key": """
name: key
actions:
  - type: answer
  - {type: recording_start, option: {end_of_key: "#", format: mp3, direction: in}}
  - {type: sleep, option: {duration: 60000}}
""",
    "afterwards": AFTERWARDS,
    "room": """
name: room
actions:
  - {type: conference_join, option: {conference_id: meeting}}
""",
}
NUMBERS = {"100": "forever", "200": "steps", "300": "silence", "400": "key", "500": "room"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(
        tmp_path_factory.mktemp("recordings"), FLOWS, numbers=NUMBERS, conferences=[{"id": "meeting"}]
    ) as server:
        yield server


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prompts.write(tmp_path_factory.mktemp("voice") / "voice.wav", prompts.tone(VOICE, 60.0, level=0.2))


async def ask(
    server: Server, method: str, path: str, body: Mapping[str, Any] | None = None
) -> tuple[int, Any]:
    """Ask the API; returns status and JSON."""
    async with (
        aiohttp.ClientSession() as http,
        http.request(
            method, f"{server.api}/v1.0{path}", params={"accesskey": server.accesskey}, json=body
        ) as answer,
    ):
        return answer.status, await answer.json()


async def get(server: Server, path: str) -> Any:
    status, found = await ask(server, "GET", path)
    assert status == 200, found
    return found


async def latest(server: Server, kind: str) -> Any:
    return (await get(server, f"/{kind}"))["result"][0]


async def recording(server: Server, wanted: str = "ended", seconds: float = 10.0, known: int = 0) -> Any:
    """Wait until the latest recording has a status, and is not one of those `known`."""
    deadline = time.monotonic() + seconds
    while True:
        found = (await get(server, "/recordings"))["result"]
        if len(found) > known and found[0]["status"] == wanted:
            return found[0]
        assert time.monotonic() < deadline, found[:1]
        await asyncio.sleep(0.1)


async def count(server: Server) -> int:
    return len((await get(server, "/recordings"))["result"])


async def download(server: Server, id_: str) -> tuple[npt.NDArray[np.float64], int]:
    """Follow the link to a recording, as a client without a key would from there on; return its samples."""
    async with aiohttp.ClientSession() as http:
        url = f"{server.api}/v1.0/recordingfiles/{id_}"
        async with http.get(url, params={"accesskey": server.accesskey}, allow_redirects=False) as moved:
            assert moved.status == 307
            link = moved.headers["Location"]
        assert server.accesskey not in link
        async with http.get(link) as answer:
            assert answer.status == 200
            content = io.BytesIO(await answer.read())
    samples, rate = soundfile.read(content, dtype="float64", always_2d=True)
    return samples, int(rate)


def level(samples: npt.NDArray[np.float64], hertz: float, rate: int) -> float:
    """Return the greatest amplitude of a tone in any fifth of a second, 1 = full scale."""
    size = rate // 5
    frames = samples[: len(samples) // size * size].reshape(-1, size) * np.hanning(size)
    turns = np.exp(-2j * np.pi * hertz * np.arange(size) / rate)
    return float(np.abs(frames @ turns).max() * 4 / size)


async def test_recorded_by_the_api(server: Server, voice: Path, tmp_path: Path) -> None:
    """Both directions in their channels, as long as asked for; not twice at once; events; the link; deletion."""
    async with pjsua(tmp_path, voice=voice) as phone:
        await phone.call("100", server.address)
        await asyncio.sleep(0.3)
        call = await latest(server, "calls")
        (after,) = [flow for flow in (await get(server, "/flows"))["result"] if flow["name"] == "afterwards"]
        how = {"duration": 2, "on_end_flow_id": after["id"]}
        status, begun = await ask(server, "POST", f"/calls/{call['id']}/recording_start", how)
        assert status == 200, begun
        assert begun["recording_id"] == begun["recording_ids"][-1]
        status, refused = await ask(server, "POST", f"/calls/{call['id']}/recording_start", {})
        assert (status, refused["error"]["status"]) == (409, "FAILED_PRECONDITION")
        assert (await ask(server, "GET", f"/recordingfiles/{begun['recording_id']}"))[0] == 409
        assert (await ask(server, "DELETE", f"/recordings/{begun['recording_id']}"))[0] == 409
        made = await recording(server)
        assert (await get(server, f"/calls/{call['id']}"))[
            "recording_id"
        ] == "0" * 8 + "-0000-0000-0000-" + "0" * 12
        assert (await ask(server, "POST", f"/calls/{call['id']}/recording_stop"))[0] == 409
        await phone.hang_up()
        await phone.over()
    assert made["id"] == begun["recording_id"]
    assert (made["reference_type"], made["reference_id"]) == ("call", call["id"])
    assert (made["end_reason"], made["format"], made["lost"]) == ("duration", "wav", 0)
    assert made["activeflow_id"] == call["activeflow_id"]
    runs = (await get(server, "/activeflows"))["result"]
    (run,) = [run for run in runs if run["reference_activeflow_id"] == call["activeflow_id"]]
    assert run["flow_id"] == made["on_end_flow_id"] == after["id"]
    assert [action["option"] for action in run["executed_actions"]] == [
        {"key": "seen", "value": f"{made['id']} "}
    ]
    samples, rate = await download(server, made["id"])
    assert samples.shape == (2 * rate, 2)
    assert made["duration"] == pytest.approx(2.0, abs=0.05)
    assert level(samples[:, 0], VOICE, rate) > 0.1
    assert level(samples[:, 0], TONE, rate) < 0.01
    assert level(samples[:, 1], TONE, rate) > 0.1
    assert level(samples[:, 1], VOICE, rate) < 0.01
    told = (await get(server, f"/timelines/recordings/{made['id']}/events"))["result"]
    assert {event["event_type"] for event in told} == {STARTED, ENDED}
    (file,) = [f for f in (await get(server, "/storage_files"))["result"] if f["reference_id"] == made["id"]]
    assert file["filesize"] == 44 + 2 * 2 * 2 * rate
    on_disk = list((server.config.parent / "data" / "recordings").glob(f"*/*/{made['id']}.*"))
    assert [path.suffix for path in on_disk] == [".wav"]
    assert on_disk[0].stat().st_mode & 0o777 == 0o600
    assert (await ask(server, "DELETE", f"/recordings/{made['id']}"))[0] == 200
    assert not on_disk[0].exists()
    assert (await ask(server, "GET", f"/recordingfiles/{made['id']}"))[0] == 404


async def test_recorded_by_a_flow(server: Server, voice: Path, tmp_path: Path) -> None:
    """A beep before, two tones, and a flow afterwards with the variables of the call's."""
    known = await count(server)
    async with pjsua(tmp_path, voice=voice) as phone:
        await phone.call("200", server.address)
        made = await recording(server, known=known)
        await phone.hang_up()
        await phone.over()
    assert made["end_reason"] == "stopped"
    assert made["duration"] == pytest.approx(2.4, abs=0.1)
    samples, rate = await download(server, made["id"])
    assert sound.tones(sound.stretches(np.ascontiguousarray(samples[:, 1]), rate)) == [TONE]
    runs = (await get(server, "/activeflows"))["result"]
    (after,) = [run for run in runs if run["reference_activeflow_id"] == made["activeflow_id"]]
    assert after["reference_type"] == ""
    options = [action["option"] for action in after["executed_actions"] if action["type"] == "variable_set"]
    assert options == [{"key": "seen", "value": f"{made['id']} Ann"}]


async def test_silence_ends_it(server: Server, tmp_path: Path) -> None:
    """A phone that says two seconds and then nothing; in Ogg."""
    known = await count(server)
    brief = prompts.write(
        tmp_path / "brief.wav", np.concatenate([prompts.tone(VOICE, 2.0, level=0.2), prompts.quiet(30.0)])
    )
    async with pjsua(tmp_path, voice=brief) as phone:
        await phone.call("300", server.address)
        made = await recording(server, known=known)
        await phone.hang_up()
        await phone.over()
    assert (made["end_reason"], made["format"]) == ("silence", "ogg")
    assert 2.6 <= made["duration"] <= 3.3
    samples, rate = await download(server, made["id"])
    assert len(samples) / rate == pytest.approx(made["duration"], abs=0.1)
    assert level(samples[:, 0], VOICE, rate) > 0.1


async def test_a_key_ends_it(server: Server, voice: Path, tmp_path: Path) -> None:
    """Another key does not; in MP3, only what the phone says."""
    known = await count(server)
    async with pjsua(tmp_path, voice=voice) as phone:
        await phone.call("400", server.address)
        await recording(server, "recording", known=known)
        await phone.press("1")
        await asyncio.sleep(1.0)
        assert (await latest(server, "recordings"))["status"] == "recording"
        await phone.press("#")
        made = await recording(server, known=known)
        await phone.hang_up()
        await phone.over()
    assert (made["end_reason"], made["format"]) == ("key", "mp3")
    samples, rate = await download(server, made["id"])
    assert samples.shape[1] == 1
    assert len(samples) / rate == pytest.approx(made["duration"], abs=0.2)
    assert level(samples[:, 0], VOICE, rate) > 0.1


async def test_a_conference(server: Server, tmp_path: Path) -> None:
    """Everybody is heard; it ends when the last one has left."""
    known, tones = await count(server), (700, 1200)
    voices = [
        prompts.write(tmp_path / f"v{hertz}.wav", prompts.tone(hertz, 30.0, level=0.2)) for hertz in tones
    ]
    conference = (await get(server, "/conferences"))["result"][0]
    path = f"/conferences/{conference['id']}"
    assert (await ask(server, "POST", f"{path}/recording_start", {}))[0] == 409
    async with (
        pjsua(tmp_path, voice=voices[0], name="one") as one,
        pjsua(tmp_path, voice=voices[1], name="two") as two,
    ):
        await asyncio.gather(one.call("500", server.address), two.call("500", server.address))
        status, begun = await ask(server, "POST", f"{path}/recording_start", {})
        assert status == 200, begun
        assert (await ask(server, "POST", f"{path}/recording_start", {}))[0] == 409
        assert begun["recording_id"] != conference["recording_id"]
        assert (await get(server, path))["recording_id"] == begun["recording_id"]
        await asyncio.sleep(1.5)
        await one.hang_up()
        await one.over()
        assert (await latest(server, "recordings"))["status"] == "recording"
        await two.hang_up()
        await two.over()
    made = await recording(server, known=known)
    assert (made["reference_type"], made["end_reason"]) == ("confbridge", "empty")
    after = await get(server, path)
    assert (after["recording_id"], after["recording_ids"]) == (NOBODY, [made["id"]])
    samples, rate = await download(server, made["id"])
    assert samples.shape[1] == 1
    for hertz in tones:
        assert level(samples[:, 0], hertz, rate) > 0.1


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Put a file system of 96 kB there; skips where none may be mounted."""
    folder.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


async def test_a_full_disk_ends_it_and_not_the_call(voice: Path, tmp_path: Path) -> None:
    flow = {"forever": FLOWS["forever"]}
    with (
        small_disk(tmp_path / "data" / "recordings"),
        serving(tmp_path, flow, numbers={"100": "forever"}) as server,
    ):
        async with pjsua(tmp_path, voice=voice) as phone:
            await phone.call("100", server.address)
            await asyncio.sleep(0.3)
            call = await latest(server, "calls")
            path = f"/calls/{call['id']}/recording_start"
            assert (await ask(server, "POST", path, {"format": "ogg"}))[0] == 200
            made = await recording(server)
            before = await phone.packets()
            await asyncio.sleep(1.0)
            assert await phone.packets() >= before + 40
            assert (await get(server, f"/calls/{call['id']}"))["status"] == "progressing"
            await phone.hang_up()
            await phone.over()
        # There is no place for an Ogg file beside it.
        assert (made["end_reason"], made["format"]) == ("disk full", "wav")
        samples, rate = await download(server, made["id"])
        assert 1.5 < len(samples) / rate <= 3.0
        assert level(samples[:, 0], VOICE, rate) > 0.1


async def test_what_a_killed_server_leaves_is_found_and_closed(voice: Path, tmp_path: Path) -> None:
    """The server and its worker are killed (-9): the file plays as it lies, and the next start ends the recording."""
    with serving(tmp_path, {"forever": FLOWS["forever"]}, numbers={"100": "forever"}) as server:
        accesskey = server.accesskey
        async with pjsua(tmp_path, voice=voice) as phone:
            await phone.call("100", server.address)
            await asyncio.sleep(0.3)
            call = await latest(server, "calls")
            assert (await ask(server, "POST", f"/calls/{call['id']}/recording_start", {"format": "ogg"}))[
                0
            ] == 200
            await asyncio.sleep(2.2)
            for pid in [server.process.pid, *children(server.process.pid)]:
                os.kill(pid, signal.SIGKILL)
            server.process.wait()
            (left,) = (server.config.parent / "data" / "recordings").glob("*/*/*.wav")
            assert soundfile.info(str(left)).duration >= 1.4
            server.start()
            assert server.accesskey == accesskey
            made = await recording(server)
            await phone.hang_up()
    assert (made["end_reason"], made["reference_id"]) == ("interrupted", call["id"])
    assert 1.4 <= made["duration"] <= 3.0
    kept = sorted(path.suffix for path in (server.config.parent / "data" / "recordings").glob("*/*/*"))
    assert kept == [".ogg"]
