"""The programs in docs/api.md, run as they stand there, against a real server with a real phone."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.documents.pages import blocks
from tests.phones import ports, sound
from tests.phones.child import Child
from tests.phones.desks import PASSWORD, pjsua_desk
from tests.phones.installed import needs_pjsua
from tests.phones.server import Server, serving

pytestmark = [pytest.mark.phones, needs_pjsua]

SECRET = "between us"
PAGE = blocks("docs/api.md")
CURL = [block.text for block in PAGE if block.language == "sh" and block.first.startswith("curl ")]
PYTHON = [block.text for block in PAGE if block.language == "python"]


@pytest.fixture(scope="module")
def receiver() -> int:
    return ports.free()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, receiver: int) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("document")
    (folder / "webhook.secret").write_text(SECRET)
    with serving(
        folder,
        {"quiet": "name: quiet\nactions: [{type: answer}]\n"},
        extensions={"1000": PASSWORD},
        http={"listen": f"127.0.0.1:{ports.free()}", "allow_private": ["127.0.0.1"]},
        webhook={"uri": f"http://127.0.0.1:{receiver}/events", "secret_file": "webhook.secret"},
    ) as server:
        yield server


@asynccontextmanager
async def program(argv: list[str], server: Server, receiver: int, folder: Path) -> AsyncIterator[Child]:
    environment = {
        "API": f"{server.api}/v1.0",
        "KEY": server.accesskey,
        "SECRET": SECRET,
        "PORT": str(receiver),
    }
    async with Child(argv, folder=folder, environment=environment) as child:
        yield child


async def test_a_call_by_python_its_events_by_webhook_and_by_websocket(
    server: Server, receiver: int, tmp_path: Path
) -> None:
    calls, takes, listens = ([sys.executable, "-c", text] for text in PYTHON)
    async with (
        pjsua_desk("1000", server, tmp_path) as phone,
        program(takes, server, receiver, tmp_path) as hook,
        program(listens, server, receiver, tmp_path) as socket,
    ):
        await hook.line("Running on")
        await asyncio.sleep(0.5)  # nothing tells that the websocket has subscribed
        async with program(calls, server, receiver, tmp_path) as caller:
            await phone.rings()
            await phone.answer()
            await caller.line(r"^normal$", 20.0)
        await phone.over()
        for types in ("call_created", "call_dialing", "call_ringing", "call_progressing", "call_hangup"):
            await hook.line(rf"^{types} [0-9a-f-]{{36}}$")
            await socket.line(rf"^\d{{16}} {types}$")
    assert sound.speech(sound.heard(phone.recording)) > 1.0


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_a_call_by_curl(server: Server, receiver: int, tmp_path: Path) -> None:
    (text,) = CURL
    async with pjsua_desk("1000", server, tmp_path) as phone:
        async with program(["sh", "-c", text], server, receiver, tmp_path) as curl:
            await phone.rings()
            await phone.answer()
            assert await curl.ended() == 0
            assert '"groupcalls":[{' in curl.output
        assert await phone.over(20.0) == 200
    assert sound.speech(sound.heard(phone.recording)) > 1.0
