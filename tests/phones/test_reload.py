"""The configuration changes a hundred times while calls go on: none of them notices, the next one has the new flow."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from tests.fakes.authority import Authority, Pair
from tests.phones import ports, prompts, sound
from tests.phones.child import Child
from tests.phones.client import Client, client
from tests.phones.installed import ROOT, needs_pjsua
from tests.phones.pjsua import pjsua
from tests.phones.server import COMMAND, Server, serving
from tests.phones.wire import Line, WireCall, wire

pytestmark = pytest.mark.phones

CROWD, PHONES = 97, 3
RELOADS = 100
TONE = 400  # Hz: whole periods in a packet
TONE_SECONDS = 240.0
CONTROL = 10  # calls of a server beside it that is left in peace: what the machine does to sound by itself
JITTER = 40.0  # ms more than at the control, of one packet in a hundred
STALL = 1000.0  # ms more than at the control, of the one that came latest
SKIPPED = 0.01  # of the frames, beyond twice what the control's engine has skipped

STAYS = """
name: stays
actions:
  - type: answer
  - type: play
    option: {{stream_urls: [sounds/long.wav], digits_handle: next}}
  - type: digits_receive
    option: {{duration: 5000, length: 1}}
  - type: digits_send
    option: {{digits: "{version:03d}", duration: 100, interval: 100}}
  - type: hangup
"""
NEXT = """
name: next
actions:
  - type: answer
  - type: digits_send
    option: {{digits: "{version:03d}", duration: 100, interval: 100}}
  - type: hangup
"""
BROKEN = "name: stays\nactions:\n  - type: answr\n"


class Office:
    """A server whose configuration is written anew, and who calls it."""

    def __init__(self, server: Server, api: Client, line: Line) -> None:
        self.server = server
        self.api = api
        self.line = line
        self.folder = server.config.parent
        self.flows = self.folder / "flows"

    def write(self, version: int, *, broken: bool = False) -> None:
        """Write the flows of a version."""
        (self.flows / "stays.yaml").write_text(BROKEN if broken else STAYS.format(version=version))
        (self.flows / "next.yaml").write_text(NEXT.format(version=version))

    def write_directory(self, version: int, *, broken: bool = False) -> None:
        """Change an extension, its password, a trunk, a provider and its route."""
        path = self.folder / "directory.yaml"
        told = yaml.safe_load(path.read_text())
        told["extensions"] = [{"extension": str(5000 + version), "password": f"secret-{version:08d}"}]
        told["trunks"] = [
            {"domain_name": f"pbx{version}", "auth_types": ["ip"], "allowed_ips": ["192.0.2.1"]}
        ]
        told["providers"] = [{"id": f"carrier{version}", "hostname": "192.0.2.2", "probe": 0}]
        told["routes"] = [{"provider_id": "nobody" if broken else f"carrier{version}", "target": "all"}]
        path.write_text(yaml.safe_dump(told))

    def write_certificate(self, pair: Pair, *, broken: bool = False) -> None:
        """Put a certificate where the server's is."""
        (self.folder / "ours.key").write_bytes(pair.key.read_bytes())
        (self.folder / "ours.pem").write_bytes(b"no certificate" if broken else pair.certificate.read_bytes())

    async def next_version(self) -> str:
        """Return which version of its flow a new call hears."""
        call = await self.line.new_call("200")
        assert await call.invite() == 200
        return await _heard(call)

    def command(self) -> subprocess.Popen[str]:
        command = [*COMMAND, "reload", "--config", str(self.server.config)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    async def storm(self) -> None:
        """Reload from all sides at once, while the command that asked is killed; return when all is quiet again."""
        killed = self.command()  # somebody loses patience
        asked = [asyncio.create_task(self.api("POST", "/reload")) for _ in range(3)]
        for _ in range(30):
            os.kill(self.server.process.pid, signal.SIGHUP)
            await asyncio.sleep(0.02)
        killed.kill()
        killed.communicate()
        assert {told["result"] for told in await asyncio.gather(*asked)} == {"reloaded"}
        before = None
        while before != (before := (await self.api("GET", "/reload"))["version"]):  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.5)


class Crowd:
    """Many callers who listen to one tone (programs/crowd.py)."""

    def __init__(self, child: Child) -> None:
        self._child = child

    async def report(self) -> dict[str, Any]:
        await self._child.say("report")
        return await self._answer("packets")

    async def press(self, digit: str) -> list[str]:
        """Let all press a digit; returns what each has heard as digits when its call is over."""
        await self._child.say(f"press {digit}")
        found: list[str] = (await self._answer("digits"))["digits"]
        return found

    async def _answer(self, key: str) -> dict[str, Any]:
        line = await self._child.line(rf'^{{"{key}": .*$', 40.0)
        found: dict[str, Any] = json.loads(line[0])
        return found


@asynccontextmanager
async def crowd(server: Server, count: int) -> AsyncIterator[Crowd]:
    program = ROOT / "tests" / "phones" / "programs" / "crowd.py"
    argv = [sys.executable, str(program), server.address, "100", str(count), str(TONE)]
    async with Child(argv, folder=ROOT, environment={"PYTHONPATH": str(ROOT)}) as child:
        await child.line('"up"', 30.0)
        yield Crowd(child)


async def _heard(call: WireCall) -> str:
    async with asyncio.timeout(20.0):
        await call.ended.wait()
    return call.sound.digits()


def _flows() -> dict[str, str]:
    return {"stays": STAYS.format(version=0), "next": NEXT.format(version=0)}


@contextmanager
def open_office(folder: Path, **keys: object) -> Iterator[Server]:
    (folder / "sounds").mkdir()
    prompts.write(folder / "sounds" / "long.wav", prompts.tone(TONE, TONE_SECONDS))
    with serving(folder, _flows(), **keys) as server:  # type: ignore[arg-type]
        yield server


async def reload_over_and_over(office: Office, authority: Authority, port: int) -> None:
    """Change something each time: always the flows, often the directory, at times the certificate."""
    pairs = [authority.pair(f"host{number}", names=["localhost"]) for number in range(10)]
    for version in range(1, RELOADS + 1):
        broken = ("flow", "directory", "certificate")[version // 10 % 3] if version % 10 == 0 else ""
        office.write(version, broken=broken == "flow")
        if version % 3 == 0 or broken == "directory" or version % 10 == 1:
            office.write_directory(version, broken=broken == "directory")
        pair = pairs[version // 10 % 10]
        if version % 10 == 5 or broken == "certificate" or version % 10 == 1:
            office.write_certificate(pair, broken=broken == "certificate")
        told = await office.api("POST", "/reload")
        assert told["result"] == ("refused" if broken else "reloaded"), told
        if version % 25 in (0, 1):  # 1, 25, 26, 50 …; what is broken leaves the one before in force
            assert await office.next_version() == f"{version - bool(broken):03d}"
            assert (
                await shown(authority, port)
                == f"host{version // 10 % 10 if not broken else (version - 5) // 10}"
            )
            extensions = (await office.api("GET", "/extensions"))["result"]
            assert {found["extension"] for found in extensions} == {str(5000 + directory_of(version))}
        if version == RELOADS // 2 + 1:
            await office.storm()


async def late_ticks(server: Server) -> int:
    """Return how many times 20 ms of sound the media worker has skipped because it came too late."""
    url = f"{server.api}/metrics?accesskey={server.accesskey}"
    text = await asyncio.to_thread(lambda: urlopen(url, timeout=10).read().decode())
    found = re.findall(r"^voipbin_media_worker_late_ticks_total\S* (\S+)$", text, re.MULTILINE)
    assert found, text
    return round(sum(map(float, found)))


def directory_of(version: int) -> int:
    """Return in which version the directory of a version was written, those that are broken left out."""
    written = (v for v in range(version, 0, -1) if (v % 3 == 0 and v % 10) or v % 10 == 1)
    return next(written, 0)


async def shown(authority: Authority, port: int) -> str:
    """Return the name of the certificate that a new connection is shown."""
    context = ssl.create_default_context(cafile=str(authority.file))
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    (((_, name),),) = writer.get_extra_info("peercert")["subject"]
    writer.close()
    return str(name)


@needs_pjsua
@pytest.mark.timeout(240)
async def test_a_hundred_reloads_change_none_of_a_hundred_calls(tmp_path: Path) -> None:
    authority, port = Authority(tmp_path), ports.free()
    first = authority.pair("host", names=["localhost"])
    first.certificate.rename(tmp_path / "ours.pem")
    first.key.rename(tmp_path / "ours.key")
    sip = ports.free()
    listen = [f"udp://127.0.0.1:{sip}", f"tls://127.0.0.1:{port}"]
    terms = {"listen": listen, "tls": {"certificate": "ours.pem", "key": "ours.key"}}
    media = {"rtp_timeout": 300}
    (tmp_path / "peace").mkdir()
    with (
        open_office(tmp_path / "peace", reload="signal", media=media) as peaceful,
        open_office(tmp_path, reload="signal", sip=terms, media=media) as server,
    ):
        server.address = f"127.0.0.1:{sip}"
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(asyncio.timeout(200.0))
            api = await stack.enter_async_context(client(server))
            line = await stack.enter_async_context(wire(server.address))
            phones = [
                await stack.enter_async_context(pjsua(tmp_path, name=f"phone{number}"))
                for number in range(PHONES)
            ]
            many = await stack.enter_async_context(crowd(server, CROWD))
            control = await stack.enter_async_context(crowd(peaceful, CONTROL))
            for phone in phones:
                await phone.call("100", server.address)
            began = time.monotonic()
            await reload_over_and_over(Office(server, api, line), authority, port)
            seconds = time.monotonic() - began
            heard = await many.report()
            print("heard", heard, "in", seconds)
            usual = await control.report()
            print("control", usual)
            assert (heard["silent"], heard["over"], heard["missing"]) == (0, 0, 0)
            # The engine skips what comes too late, and counts it; a phone hears a packet that is a frame later:
            assert heard["skipped"] <= await late_ticks(server)
            assert heard["skipped"] <= 2 * usual["skipped"] + SKIPPED * heard["packets"]
            assert heard["packets"] + heard["skipped"] > seconds * 50 - 25
            assert heard["usual"] < usual["usual"] + JITTER
            assert heard["gap"] < usual["gap"] + STALL
            assert (set(heard["statuses"]) - {100, 180}, heard["finals"]) == ({200}, CROWD)
            assert await many.press("1") == ["000"] * CROWD
            for phone in phones:
                await phone.press("5")
                assert await phone.over() == 200
        assert server.process.poll() is None
    for phone in phones:
        found = [stretch for stretch in sound.heard(phone.recording) if stretch.seconds > 0.5]
        print([(one.kind, round(one.frequency), round(one.start, 2), round(one.end, 2)) for one in found])
        tone = [
            stretch for stretch in found if stretch.kind == "tone" and round(stretch.frequency, -1) == TONE
        ]
        assert sum(stretch.seconds for stretch in tone) > seconds - 1.0
        assert tone[-1].end - tone[0].start - sum(stretch.seconds for stretch in tone) < 0.5


async def test_changed_files_are_taken_by_themselves(tmp_path: Path) -> None:
    with open_office(tmp_path) as server:
        async with client(server) as api, wire(server.address) as line, asyncio.timeout(30.0):
            office = Office(server, api, line)
            office.write(7)
            while (await api("GET", "/reload"))["version"] == 0:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.2)
            assert await office.next_version() == "007"


async def test_the_command_and_the_signal(tmp_path: Path) -> None:
    with open_office(tmp_path, reload="signal") as server:
        async with client(server) as api, wire(server.address) as line, asyncio.timeout(40.0):
            office = Office(server, api, line)
            office.write(1, broken=True)
            refused = office.command()
            out, err = await asyncio.to_thread(refused.communicate)
            assert refused.returncode == 1
            assert "stays.yaml:3:11: " in out
            assert "did you mean 'answer'" in out
            assert "everything stays as it was" in err
            assert await office.next_version() == "000"
            office.write(2)
            done = office.command()
            _, err = await asyncio.to_thread(done.communicate)
            assert (done.returncode, "reloaded: 2 flows" in err) == (0, True), err
            assert await office.next_version() == "002"
            office.write(3)
            os.kill(server.process.pid, signal.SIGHUP)
            while (await api("GET", "/reload"))["cause"] != "signal":  # noqa: ASYNC110 - nor for this
                await asyncio.sleep(0.1)
            assert await office.next_version() == "003"
