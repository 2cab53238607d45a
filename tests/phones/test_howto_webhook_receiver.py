"""docs/howto/webhook-receiver.md: the page's program takes the signed events of a call once, and nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.phones import ports
from tests.phones.child import Child
from tests.phones.howto import following, program
from tests.phones.server import Server
from tests.phones.wire import wire

pytestmark = pytest.mark.phones

SECRET = "between us"


@asynccontextmanager
async def receiver(folder: Path, port: int) -> AsyncIterator[Child]:
    """Run the page's program on a port of ours."""
    text = program("webhook-receiver")
    assert text.count("9000") == 1
    path = folder / "receiver.py"
    path.write_text(text.replace("9000", str(port)), encoding="utf-8")
    environment = {"WEBHOOK_SECRET": SECRET, "PYTHONUNBUFFERED": "1"}
    async with Child([sys.executable, path], folder=folder, environment=environment) as child:
        async with asyncio.timeout(10.0):
            while True:
                try:
                    (await asyncio.open_connection("127.0.0.1", port))[1].close()
                    break
                except ConnectionRefusedError:
                    await asyncio.sleep(0.05)
        yield child


async def call_reception(server: Server) -> None:
    async with wire(server.address) as line:
        call = await line.new_call("100")
        assert await call.invite() == 200
        assert await call.bye() == 200


async def nothing_waits(server: Server) -> None:
    """Wait until the receiver has taken everything."""
    terms = {"accesskey": server.accesskey, "dead": "false"}
    async with aiohttp.ClientSession() as http, asyncio.timeout(10.0):
        while True:
            answer = await http.get(f"{server.api}/v1.0/webhook_deliveries", params=terms)
            if (await answer.json())["result"] == []:
                return
            await asyncio.sleep(0.1)


async def post(port: int, body: bytes, headers: dict[str, str]) -> int:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"http://127.0.0.1:{port}/events", data=body, headers=headers) as answer,
    ):
        return answer.status


def signed(body: bytes, secret: str, id_: str) -> dict[str, str]:
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-VoIPBIN-Signature": f"sha256={made}", "X-VoIPBIN-Event-Id": id_}


async def test_events_of_a_call_arrive_also_when_the_receiver_was_away(tmp_path: Path) -> None:
    port = ports.free()
    own = {"uri": f"http://127.0.0.1:{port}/events", "secret": SECRET, "secret_file": None}
    with following("webhook-receiver", tmp_path, webhook=own) as server:
        async with receiver(tmp_path, port) as program_:
            await call_reception(server)
            await program_.line(r"^call from wire@127\.0\.0\.1 ended: normal$")
            assert "call_created\n" in program_.output
            assert program_.output.index("call_created") < program_.output.index("call_progressing")
            await nothing_waits(server)
        await call_reception(server)
        await asyncio.sleep(0.5)  # it was tried in vain
        async with receiver(tmp_path, port) as program_:
            await program_.line(r"^call from wire@127\.0\.0\.1 ended: normal$")
            assert program_.output.count("call_progressing") == 1


async def test_forged_ones_are_refused_and_none_is_taken_twice(tmp_path: Path) -> None:
    port = ports.free()
    body = json.dumps({"type": "call_created", "data": {}}).encode()
    broken = json.dumps({"type": "call_hangup", "data": {}}).encode()
    async with receiver(tmp_path, port) as program_:
        assert await post(port, body, {}) == 401
        assert await post(port, body, signed(body, "guessed", "1")) == 401
        assert await post(port, body + b" ", signed(body, SECRET, "1")) == 401
        assert program_.output == ""
        for _ in range(3):
            assert await post(port, body, signed(body, SECRET, "1")) == 200
        assert await post(port, broken, signed(broken, SECRET, "2")) == 500
        assert await post(port, body, signed(body, SECRET, "2")) == 200  # what failed was not kept
        await program_.line("call_created\nnot taken: .*\ncall_created\n")
    assert program_.output.count("call_created") == 2
