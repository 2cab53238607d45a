"""`voipbin-sip calls` in a real terminal: an operator watches real calls, looks into one and hangs it up."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.phones.account import Account
from tests.phones.installed import ROOT, needs_pjsua
from tests.phones.pjsua import pjsua
from tests.phones.server import COMMAND, Server, serving
from tests.phones.wire import WireCall, wire
from tests.terminal.tmux import Terminal, needs_tmux

pytestmark = [pytest.mark.phones, needs_tmux]

MENU = """
name: menu
actions:
  - type: answer
  - id: ask
    type: digits_receive
    option: {duration: 60000, length: 1}
  - type: variable_set
    option: {key: wanted, value: sales}
  - type: echo
    option: {duration: 60000}
"""
TO = """
name: to
actions:
  - type: connect
    option: {destinations: [{type: extension, target: "1000"}]}
  - type: hangup
"""
FLOWS = {"menu": MENU, "to": TO}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("calls")
    with serving(folder, FLOWS, extensions={"1000": "secret"}) as server:
        yield server


@contextmanager
def watching(
    server: Server, *more: str, size: tuple[int, int] = (120, 30), env: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Run the command in a terminal."""
    command = [*COMMAND, "calls", *(more or ("--config", str(server.config)))]
    with Terminal.start(command, cwd=ROOT, env=env, size=size) as terminal:
        yield terminal


@asynccontextmanager
async def calling(server: Server, number: str = "100", *, times: int = 1) -> AsyncIterator[list[WireCall]]:
    """Call by hand, and say goodbye afterwards."""
    async with wire(server.address) as line:
        calls = [await line.new_call(number) for _ in range(times)]
        assert await asyncio.gather(*(call.invite() for call in calls)) == [200] * times
        try:
            yield calls
        finally:
            await asyncio.gather(*(call.bye() for call in calls if not call.ended.is_set()))


@needs_pjsua
async def test_a_call_is_seen_looked_into_and_hung_up(server: Server, tmp_path: Path) -> None:
    with watching(server) as terminal:
        await terminal.shows("no calls; they appear here")
        async with pjsua(tmp_path) as phone:
            await phone.call("100", server.address)
            await terminal.shows(" 1 call ", "menu.yaml:5 digits_receive", "talking", "PCMU", "4.4")
            await phone.press("1")
            await terminal.shows("menu.yaml:10 echo")
            terminal.key("Enter")
            await terminal.shows("Goes on: at menu.yaml:10 echo", "menu.yaml:5", "digits_receive", "wanted")
            terminal.type("2")
            await terminal.shows("wanted", "sales")
            terminal.type("4")
            await terminal.shows("INVITE", "this server")
            terminal.key("Escape")
            await terminal.shows("menu.yaml:10 echo", "flow and step")
            terminal.type("h")
            await terminal.shows("Hang up ", "y hang up", "n leave it")
            terminal.type("n")
            await terminal.hides("y hang up")
            terminal.type("h")
            await terminal.shows("y hang up")
            terminal.type("y")
            await phone.closed()
        await terminal.shows("hung up ", " 0 calls ", "── ended", "this server hung up")
        terminal.type("q")
        assert await terminal.ended() == 0


@needs_pjsua
async def test_who_talks_with_whom(server: Server, tmp_path: Path) -> None:
    account = Account("1000", "secret", server.address)
    async with (
        pjsua(tmp_path, account=account, answer=True, name="desk"),
        pjsua(tmp_path, name="caller") as caller,
    ):
        with watching(server, size=(160, 30)) as terminal:
            await caller.call("200", server.address)
            screen = await terminal.shows(" 2 calls ", "to.yaml:4 connect", "out ", "PCMU")
            incoming, outgoing = (re.search(rf"^{way} .*$", screen, re.MULTILINE) for way in ("in", "out"))
            assert incoming and outgoing
            assert incoming[0].split()[-4] == "1000", "whom the caller talks with"
            assert outgoing[0].split()[-4].startswith("caller@"), "and the other way round"
            await caller.hang_up()
            await terminal.shows(" 0 calls ")


async def test_bad_sound_is_marked_and_found(server: Server) -> None:
    async with calling(server, times=2) as (good, bad):
        with watching(server) as terminal:
            lost = asyncio.create_task(_lose(bad))
            await terminal.counts(
                "!", 2, timeout=20
            )  # one call, its MOS and its loss, whichever is bad first
            terminal.type("/")
            await terminal.shows("words that a line must have")
            terminal.type("bad")
            await terminal.shows("filter “bad”: 1")
            terminal.key("Enter")
            await terminal.shows("Enter page")
            terminal.key("Escape")
            await terminal.hides("filter “")
            lost.cancel()
            assert good.sound.talking


async def _lose(call: WireCall) -> None:
    """Lose every other packet."""
    while True:
        call.sound._sequence += 1
        await asyncio.sleep(0.04)


async def test_the_server_comes_again(tmp_path: Path) -> None:
    with serving(tmp_path, {"menu": MENU}) as server, watching(server, size=(80, 24)) as terminal:
        async with wire(server.address) as line:
            assert await (await line.new_call("100")).invite() == 200
            await terminal.shows(" 1 call ", "menu.yaml:5")
            server.kill()
            await terminal.shows("no connection for ", "trying again")
        server.start()
        await terminal.shows(" 0 calls ")
        async with calling(server):
            await terminal.shows(" 1 call ", "menu.yaml:5 digits_receive")


async def test_what_is_sent_is_what_has_changed(server: Server) -> None:
    async with calling(server, times=10):
        with watching(server) as terminal:
            await terminal.shows(" 10 calls ", "PCMU")
            await asyncio.sleep(1.0)
            terminal.record()
            await asyncio.sleep(3.0)
            sent = terminal.sent()
    assert sent, "durations count up"
    assert len(sent) < 3 * 10 * 150, sent  # three whole screens would be 11,000


async def test_without_colours(server: Server) -> None:
    async with calling(server):
        with watching(server, env={"NO_COLOR": "1"}) as terminal:
            await terminal.shows(" 1 call ")
            screen = terminal.screen(colours=True)
    codes = {code for found in re.findall(r"\x1b\[([\d;]*)m", screen) for code in found.split(";")}
    assert codes <= {"", "0", "1", "2", "4", "7", "39", "49"}, codes
    assert "7" in codes, "the selected line is seen without colours"


async def test_printed_once(server: Server) -> None:
    async with calling(server):
        out = await _printed("calls", "--config", str(server.config))
        line = next(line for line in out.splitlines() if "talking" in line)
        assert line.split()[:4] == ["in", "wire@127.0.0.1", "100", "talking"]
        assert "menu.yaml:5 digits_receive" in line
        key = {"VOIPBIN_ACCESSKEY": server.accesskey}
        told = json.loads(await _printed("calls", "--api", server.api, "--format", "json", env=key))
        (call,) = told["result"]
        assert (call["at"], call["status"]) == ("menu.yaml:5", "progressing")
        assert told["server"]["calls"] >= 1
        assert told["server"]["status"] in ("ok", "degraded")  # a busy machine is told of
    refused = await _failed("calls", "--api", server.api, "--accesskey", "vb_wrong")
    assert "access key" in refused


async def test_no_server_is_said_with_what_to_do(tmp_path: Path) -> None:
    config = tmp_path / "voipbin.yaml"
    config.write_text("data_dir: data\n")
    assert "voipbin-sip serve --config" in await _failed("calls", "--config", str(config))


async def _printed(*words: str, env: Mapping[str, str] | None = None) -> str:
    status, out, err = await _run(words, env)
    assert status == 0, err
    return out


async def _failed(*words: str) -> str:
    status, _, err = await _run(words, None)
    assert status == 1
    return err


async def _run(words: Sequence[str], env: Mapping[str, str] | None) -> tuple[int, str, str]:
    done = await asyncio.to_thread(
        subprocess.run,
        [*COMMAND, *words],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr
