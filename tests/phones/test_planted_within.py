"""What is wrong within a running server, and who may ask it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.phones import ports
from tests.phones.planted.operator import Operator
from tests.phones.server import Server, serving
from tests.phones.wire_peer import peer, sdp

pytestmark = pytest.mark.phones

HELLO = "actions: [{type: answer}, {type: hangup}]"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that wants all sound encrypted."""
    with serving(
        tmp_path_factory.mktemp("within"),
        {"hello": HELLO},
        media={"srtp": "required"},
        speech={"engines": ["nanotts"]},
    ) as running:
        urlopen(f"{running.api}/health", timeout=30).close()  # now it has started wholly
        yield running


@pytest.fixture(scope="module")
def operator(server: Server) -> Operator:
    return Operator(server.config, server.api)


async def test_a_phone_that_does_not_encrypt(server: Server, operator: Operator) -> None:
    async with peer(server.address) as caller:
        talk = caller.calling("100")
        talk.request("INVITE", body=sdp())
        assert (await caller.final(talk)).name == "488 INVITE"
        await operator.will_find("the sound is not encrypted", last=talk.call_id)


def test_a_wrong_access_key(operator: Operator) -> None:
    operator.finds("a wrong access key")


def test_an_address_where_nobody_is(operator: Operator) -> None:
    Operator(operator.config, f"http://127.0.0.1:{ports.free()}").finds("a wrong address of the API")


def test_a_database_that_is_away(tmp_path: Path) -> None:
    url = f"postgresql+asyncpg://phones:secret@127.0.0.1:{ports.free()}/phones"
    with serving(
        tmp_path, {"hello": HELLO}, database={"url": url}, speech={"engines": ["nanotts"]}
    ) as server:
        Operator(server.config).finds("the database is away")


def test_a_reload_that_was_refused(server: Server, operator: Operator) -> None:
    flow: Path = server.config.parent / "flows" / "hello.yaml"
    flow.write_text(HELLO.replace("hangup", "hangpu"))
    os.kill(server.process.pid, signal.SIGHUP)
    deadline = time.monotonic() + 20
    while "not reloaded" not in server.log.read_text(errors="replace") and time.monotonic() < deadline:
        time.sleep(0.05)
    operator.finds("a reload was refused")
