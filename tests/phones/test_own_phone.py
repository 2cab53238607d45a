"""A phone calls a group in which it is itself: the others ring, its own does not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.phones.desks import PASSWORD, desks
from tests.phones.installed import needs_baresip, needs_pjsua
from tests.phones.server import Server, serving

pytestmark = [pytest.mark.phones, needs_baresip, needs_pjsua]

GROUP = """
actions:
  - type: connect
    option: {destinations: [{type: extension, target: "1000"}, {type: extension, target: "1001"}]}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    extensions = {"1000": PASSWORD, "1001": PASSWORD, "1002": PASSWORD}
    with serving(tmp_path_factory.mktemp("own"), {"group": GROUP}, extensions=extensions) as server:
        yield server


async def test_the_caller_of_its_own_group(server: Server, tmp_path: Path) -> None:
    async with desks({"1000": "pjsua", "1001": "baresip"}, server, tmp_path) as at:
        calling = asyncio.create_task(at["1000"].call("100", server.address))
        await at["1001"].rings()
        await at["1001"].answer()
        await calling
        await asyncio.sleep(1.0)
        await at["1001"].hang_up()
        await asyncio.gather(at["1000"].over(), at["1001"].over())
    (line,) = [text for text in server.log.read_text().splitlines() if "dialling" in text]
    assert "to=sip:1001" in line


async def test_a_caller_from_elsewhere_rings_all(server: Server, tmp_path: Path) -> None:
    phones = {"1000": "pjsua", "1001": "baresip", "1002": "pjsua"}
    async with desks(phones, server, tmp_path) as at:
        calling = asyncio.create_task(at["1002"].call("100", server.address))
        await asyncio.gather(at["1000"].rings(), at["1001"].rings())
        await at["1000"].answer()
        await calling
        await asyncio.sleep(1.0)
        await at["1000"].hang_up()
        await asyncio.gather(at["1002"].over(), at["1001"].closed())
