"""A firewall that lets calls through and their sound not, in a network of the test's own."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.phones.nat import Host, NoNetworks, internet
from tests.phones.planted.operator import Operator
from tests.phones.server import serving
from tests.phones.wire import wire

pytestmark = pytest.mark.phones

HELLO = "actions: [{type: answer}, {type: sleep, option: {duration: 20000}}]"


def close(host: Host, ports: str) -> None:
    """Let a machine's firewall drop all UDP that comes to these ports."""
    chain = f"chain input {{\ntype filter hook input priority 0\nudp dport {ports} drop\n}}"
    table = f"table ip own {{\n{chain}\n}}\n"
    subprocess.run([*host.command(), "nft", "-f", "-"], input=table, text=True, check=True)


async def test_a_firewall_on_the_way_of_the_sound(tmp_path: Path) -> None:
    with ExitStack() as stack:
        try:
            net = stack.enter_context(internet())
        except NoNetworks as error:
            pytest.skip(str(error))
        office, caller = net.host("office", "203.0.113.5"), net.host("caller", "203.0.113.77")
        speech = {"engines": ["nanotts"]}
        server = stack.enter_context(serving(tmp_path, {"hello": HELLO}, at=office, speech=speech))
        close(office, yaml.safe_load(server.config.read_text())["media"]["ports"])
        async with wire(server.address, caller) as line, asyncio.timeout(40.0):
            call = await line.new_call("100")
            assert await call.invite() == 200
            await asyncio.sleep(2.5)
            assert await call.bye() == 200
            assert call.sound.packets  # the other way is open
        await Operator(server.config, at=office).will_find("a firewall drops the sound")
