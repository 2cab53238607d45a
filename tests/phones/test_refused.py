"""Calls and registrations that are refused before they begin: `voipbin-sip call last` says why, with real phones."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.phones import ports
from tests.phones.account import Account
from tests.phones.child import Child
from tests.phones.client import client
from tests.phones.installed import PJSUA_PYTHON, ROOT, needs_pjsua
from tests.phones.pjsua import PROGRAM, pjsua
from tests.phones.server import Server, serving
from tests.phones.wire import wire

pytestmark = pytest.mark.phones

COMMAND = [sys.executable, "-c", "from voipbin_sip.cli.main import app; app()"]
ECHO = """
name: echo
actions:
  - type: answer
  - {type: echo, option: {duration: 60000}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(
        tmp_path_factory.mktemp("refused"),
        {"echo": ECHO},
        numbers={"100": "echo"},
        extensions={"1000": "secret", "1001": "other"},
        sections={
            "numbers": [
                {"number": "100", "flow": "echo", "public": True},
                {"number": "200", "flow": "echo"},
            ]
        },
    ) as running:
        yield running


async def command(server: Server, *words: str, status: int = 0) -> str:
    """Return what the command prints, both ways."""

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words, "--config", str(server.config)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
        )

    done = await asyncio.to_thread(run)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


async def last(server: Server) -> list[str]:
    return (await command(server, "call", "last")).splitlines()


def place(server: Server, text: str) -> str:
    """Return where a text stands first in the directory."""
    lines = (server.config.parent / "directory.yaml").read_text().splitlines()
    return f"directory.yaml:{next(number for number, line in enumerate(lines, 1) if text in line)}"


@asynccontextmanager
async def registering(server: Server, folder: Path, user: str, password: str) -> AsyncIterator[Child]:
    """A real phone that registers, and is refused."""
    argv = [PJSUA_PYTHON, PROGRAM, "--user", "desk", "--port", ports.free(), "--rtp", ports.free_block(4)]
    argv += ["--transport", "udp", "--codec", "PCMU", "--record", folder / "desk.wav", "--srtp", "off"]
    argv += ["--address", f"sip:{user}@voipbin.test", "--password", password, "--registrar", server.address]
    async with Child([str(word) for word in argv], folder=folder) as phone:
        await phone.line(r'"event": "registered", .*"code": 401', 20.0)
        yield phone


@needs_pjsua
async def test_a_phone_that_dials_what_is_not_there(server: Server, tmp_path: Path) -> None:
    async with pjsua(tmp_path, account=Account("1000", "secret", server.address)) as phone:
        await phone.dial("11", server.address)
        assert await phone.over() == 404
    lines = await last(server)
    assert lines[0] == (
        "Refused with 404: there is no number, extension or conference '11'; did you mean '1001'?"
    )
    assert lines[1] == "1000 → 11"
    assert re.search(r", from 127\.0\.0\.1:\d+ by UDP", lines[2])
    assert "  Ask again at any time: voipbin-sip explain --to 11 --source 127.0.0.1 --from 1000" in lines
    ladder = [line.strip(" |<>-") for line in lines[lines.index("SIP") + 3 :]]
    assert [re.sub(r"^\+\S+ [|<-]*", "", line).strip(" -") for line in ladder] == [
        "INVITE + SDP", "100 Trying", "407 Proxy Authentication Required", "ACK",
        "INVITE + SDP", "100 Trying", "404 Number not found", "ACK",
    ]  # fmt: skip
    call_id = lines[3].rpartition(" ")[2]
    capture = tmp_path / "refused.pcap"
    told = json.loads(await command(server, "call", call_id, "--format", "json"))
    assert await command(server, "call", call_id, "--pcap", str(capture))
    assert told["verdict"] == lines[0]
    assert (told["attempt"]["status"], told["attempt"]["callee"], told["attempt"]["count"]) == (404, "11", 1)
    assert capture.read_bytes().count(b"INVITE sip:11@") == 2
    again = await command(server, "call", told["attempt"]["id"][:8], "--sip")
    assert again.startswith(lines[0]) and "INVITE sip:11@" in again


@needs_pjsua
async def test_a_phone_with_a_wrong_password(server: Server, tmp_path: Path) -> None:
    async with registering(server, tmp_path, "1000", "guess"):
        lines = await last(server)
    assert lines[0] == "Registration refused with 401: the password of 1000 is wrong"
    assert lines[1] == "1000 registers for 1000"
    where = place(server, "1000")
    assert f"  Compare the password in the phone with that of extension 1000 ({where})." in lines
    assert any("REGISTER" in line for line in lines)


@needs_pjsua
async def test_a_phone_of_an_extension_that_there_is_not(server: Server, tmp_path: Path) -> None:
    async with registering(server, tmp_path, "1010", "secret"):
        lines = await last(server)
    assert lines[0] == ("Registration refused with 401: there is no extension 1010; did you mean '1001'?")


@needs_pjsua
async def test_a_phone_without_an_account_that_calls_a_private_number(server: Server, tmp_path: Path) -> None:
    async with pjsua(tmp_path) as phone:
        await phone.dial("200", server.address)
        assert await phone.over() == 407
        lines = await last(server)  # waits for it to come back with a password
    assert re.fullmatch(
        r"Refused with 407: it was asked for a password and sent none\. 200 is a number of ours "
        r"\(directory\.yaml:\d+\) and runs the flow echo, but only phones and trunks of ours may call it: it is not "
        r"public\.",
        " ".join(lines[:2]),
    )
    assert lines[2].endswith(" → 200")


async def test_a_call_after_a_refused_one_is_the_last_one_and_the_table_has_both(server: Server) -> None:
    async with wire(server.address) as line:
        refused = await line.new_call("777@x")  # the host that follows makes a second @
        assert await refused.invite() == 400
        call = await line.new_call("100")
        assert await call.invite() == 200
        assert (await last(server))[0].startswith("Goes on: ")
        assert await call.bye() == 200
        other = await line.new_call("778@x")
        assert await other.invite() == 400
        lines = await last(server)
        table = await command(server, "calls", "--plain")
        told = json.loads(await command(server, "calls", "--format", "json"))
    assert lines[0].startswith("Refused with 400: it is not as SIP wants it: ")
    assert lines[1] == "wire → an address that cannot be read"
    assert lines[4].startswith("the last call before it: sip:wire@127.0.0.1 → 100, voipbin-sip call ")
    row = table.splitlines()[1]
    assert "refused" in row and "it is not as SIP wants it" in row and "(2 times)" in row
    assert told["refused"][0]["sip_call_ids"] == [refused.call_id, other.call_id]


async def test_a_server_that_drains(tmp_path: Path) -> None:
    with serving(tmp_path, {"echo": ECHO}, drain_seconds=20) as server:
        async with wire(server.address) as line:
            call = await line.new_call("100")
            assert await call.invite() == 200
            server.process.send_signal(signal.SIGTERM)
            late = await line.new_call("100")
            while (status := await late.invite()) == 200:  # the signal is on its way
                assert await late.bye() == 200
                late = await line.new_call("100")
            assert status == 503
            lines = await last(server)
            async with client(server) as api:
                (told,) = (await api("GET", "/timelines/refused"))["result"]
            await call.bye()
    assert lines[0] == "Refused with 503: this server is shutting down and takes no more calls"
    assert "  Start the server again; it takes no new calls until then." in lines
    assert told["cause"] == "draining"
