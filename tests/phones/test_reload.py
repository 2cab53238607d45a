"""The configuration changes a hundred times while calls go on: none of them notices, the next one has the new flow."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.phones.client import Client, client
from tests.phones.installed import ROOT, needs_pjsua
from tests.phones.pjsua import pjsua
from tests.phones.server import COMMAND, Server, serving
from tests.phones.wire import Line, WireCall, wire

pytestmark = pytest.mark.phones

CALLS = 20
RELOADS = 100

STAYS = """
name: stays
actions:
  - type: answer
  - type: digits_receive
    option: {{duration: 90000, length: 1}}
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
    """A server whose flows are written anew, and who calls it."""

    def __init__(self, server: Server, api: Client, line: Line) -> None:
        self.server = server
        self.api = api
        self.line = line
        self.flows = server.config.parent / "flows"

    def write(self, version: int, *, broken: bool = False) -> None:
        (self.flows / "stays.yaml").write_text(BROKEN if broken else STAYS.format(version=version))
        (self.flows / "next.yaml").write_text(NEXT.format(version=version))

    async def next_version(self) -> str:
        """Return which version of its flow a new call hears."""
        call = await self.line.new_call("200")
        assert await call.invite() == 200
        return await _heard(call)

    def command(self) -> subprocess.Popen[str]:
        command = [*COMMAND, "reload", "--config", str(self.server.config)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


async def _heard(call: WireCall) -> str:
    async with asyncio.timeout(20.0):
        await call.ended.wait()
    return call.sound.digits()


def _flows() -> dict[str, str]:
    return {"stays": STAYS.format(version=0), "next": NEXT.format(version=0)}


@needs_pjsua
async def test_a_hundred_reloads_change_no_call(tmp_path: Path) -> None:
    with serving(tmp_path, _flows(), reload="signal") as server:
        async with (
            client(server) as api,
            wire(server.address) as line,
            pjsua(tmp_path) as phone,
            asyncio.timeout(100.0),
        ):
            office = Office(server, api, line)
            calls = [await line.new_call("100") for _ in range(CALLS)]
            assert await asyncio.gather(*(call.invite() for call in calls)) == [200] * CALLS
            await phone.call("100", server.address)
            before = [[*call.statuses] for call in calls]
            for version in range(1, RELOADS + 1):
                broken = version % 10 == 0
                office.write(version, broken=broken)
                told = await api("POST", "/reload")
                assert told["result"] == ("refused" if broken else "reloaded")
                if version % 25 in (0, 1):  # 1, 25, 26, 50 …; what is broken leaves the one before in force
                    assert await office.next_version() == f"{version - broken:03d}"
            killed = office.command()  # somebody loses patience
            await asyncio.sleep(0.3)
            killed.kill()
            killed.communicate()
            assert [call.statuses for call in calls] == before
            assert not any(call.ended.is_set() for call in calls)
            await phone.press("5")
            for call in calls:
                await call.sound.press("1")
            assert await asyncio.gather(*(_heard(call) for call in calls)) == ["000"] * CALLS
            assert await phone.over() == 200
        assert server.process.poll() is None


async def test_changed_files_are_taken_by_themselves(tmp_path: Path) -> None:
    with serving(tmp_path, _flows()) as server:
        async with client(server) as api, wire(server.address) as line, asyncio.timeout(30.0):
            office = Office(server, api, line)
            office.write(7)
            while (await api("GET", "/reload"))["version"] == 0:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.2)
            assert await office.next_version() == "007"


async def test_the_command_and_the_signal(tmp_path: Path) -> None:
    with serving(tmp_path, _flows(), reload="signal") as server:
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
            while (await api("GET", "/reload"))["cause"] != "signal":  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            assert await office.next_version() == "003"
