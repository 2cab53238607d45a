"""`voipbin-sip call`: the answer stands in the first line, for real calls of real phones on a real server."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.phones import ports
from tests.phones.client import client
from tests.phones.installed import ROOT, needs_pjsua
from tests.phones.pjsua import pjsua
from tests.phones.server import Server, serving
from tests.phones.wire import Line, wire
from tests.phones.wire_peer import peer, sdp

pytestmark = pytest.mark.phones

CARRIER = "127.0.0.9"
DID = "+493012000"
NUMBERS = {"menu": "100", "out": "200", "forbidden": "300", "asking": "400", "silent": "500"}
COMMAND = [sys.executable, "-c", "from voipbin_sip.cli.main import app; app()"]
FLOWS = {
    "menu": """
name: menu
actions:
  - type: answer
  - id: menu
    type: digits_receive
    option: {duration: 5000, length: 1}
  - type: branch
    option: {target_ids: {"1": pin}, default_target_id: menu}
  - id: pin
    type: digits_receive
    option: {duration: 5000, length: 4}
  - {type: variable_set, option: {key: account, value: "no ${voipbin.call.digits}"}}
  - {type: variable_set, option: {key: team, value: sales}}
  - {type: echo, option: {duration: 60000}}
""",
    "out": """
name: out
actions:
  - type: connect
    option: {destinations: [{type: tel, target: "+493012345"}]}
  - type: hangup
""",
    "forbidden": """
name: forbidden
actions:
  - type: connect
    option: {destinations: [{type: tel, target: "+15550123"}]}
  - type: hangup
""",
    "asking": """
name: asking
actions:
  - type: answer
  - {type: fetch, option: {event_url: "http://127.0.0.1:9/steps"}}
""",
    "silent": """
name: silent
actions:
  - {type: sleep, option: {duration: 30000}}
""",
}


@pytest.fixture(scope="module")
def carrier_port() -> int:
    return ports.free()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, carrier_port: int) -> Iterator[Server]:
    with serving(
        tmp_path_factory.mktemp("call"),
        FLOWS,
        numbers={**{NUMBERS[name]: name for name in FLOWS}, DID: "menu"},
        sections={
            "providers": [{"id": "carrier", "hostname": f"{CARRIER}:{carrier_port}", "probe": 0}],
            "routes": [{"provider_id": "carrier"}],
        },
        outbound={"allow": ["+49"], "default_outgoing_source_number": DID},
    ) as running:
        yield running


@asynccontextmanager
async def caller(server: Server) -> AsyncIterator[Line]:
    async with wire(server.address) as line, asyncio.timeout(40.0):
        yield line


async def command(server: Server, *words: str, status: int = 0, own: bool = True) -> str:
    """Return what the command prints, both ways."""

    def run() -> subprocess.CompletedProcess[str]:
        config = ["--config", str(server.config)] if own else []
        return subprocess.run(
            [*COMMAND, "call", *words, *config], cwd=ROOT, capture_output=True, text=True, timeout=30
        )

    done = await asyncio.to_thread(run)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


async def ended(server: Server, call_id: str = "last", *, measured: bool = False) -> dict[str, Any]:
    """Return the story of a call as JSON, once it is over, and if wanted, once the last of its sound is counted."""
    while True:
        story: dict[str, Any] = json.loads(await command(server, call_id, "--format", "json", "--sip"))
        if story["call"]["status"] == "hangup" and (story["call"]["points"] or not measured):
            return story
        await asyncio.sleep(0.1)


def flat(text: str) -> str:
    """Return a text without line ends: where a line is cut depends on the width."""
    return re.sub(r"\s+", " ", text)


async def test_a_call_through_a_menu(server: Server, tmp_path: Path) -> None:
    async with caller(server) as line:
        call = await line.new_call(NUMBERS["menu"])
        assert await call.invite() == 200
        await call.sound.press("1")
        await call.sound.press("4711")
        await asyncio.sleep(1.0)
        assert (await command(server, "last")).splitlines()[0] == "Goes on: at menu.yaml:15 echo"
        await call.bye()
        story = await ended(server, call.call_id)  # by the SIP Call-ID
        id_ = story["call"]["id"]
        capture = tmp_path / "call.pcap"
        text = await command(server, id_[:8], "--sip", "--pcap", str(capture))
    lines = text.splitlines()
    assert lines[0] == "The caller hung up"
    assert lines[1] == "sip:wire@127.0.0.1 → 100, flow menu"
    assert f"incoming call {id_}" in lines
    assert [(step["at"], step["type"], step["detail"]) for step in story["steps"]] == [
        ("menu.yaml:4", "answer", ""),
        ("menu.yaml:5", "digits_receive", "complete"),
        ("menu.yaml:8", "branch", "goes to 'pin'"),
        ("menu.yaml:10", "digits_receive", "complete"),
        ("menu.yaml:13", "variable_set", ""),
        ("menu.yaml:14", "variable_set", ""),
        ("menu.yaml:15", "echo", "call ended"),
    ]
    assert story["steps"][5]["values"] == {"team": "sales"}
    assert story["steps"][4]["values"] == {"account": "(hidden)"}  # it has the PIN in it
    assert re.search(r"menu.yaml:8 +branch +goes to 'pin'", text)
    assert re.search(r"-- INVITE \+ SDP -+>\|", text)
    assert re.search(r"<-- 200 OK \(BYE\) -+\|", text)
    assert "INVITE sip:100@" in text
    assert capture.read_bytes().count(b"INVITE sip:100@") == 1


async def test_digits_are_shown_only_where_they_are_asked_for(server: Server) -> None:
    async with caller(server) as line:
        call = await line.new_call(NUMBERS["menu"])
        await call.invite()
        await call.sound.press("1")
        await call.sound.press("4711")
        await asyncio.sleep(0.5)
        await call.bye()
        story = await ended(server)
        hidden = await command(server, "last", "--sip")
        shown = json.loads(await command(server, "last", "--format", "json", "--digits"))
    assert [digit["digit"] for digit in story["digits"]] == ["•"] * 5
    assert "4711" not in json.dumps(story) + hidden
    assert "".join(digit["digit"] for digit in shown["digits"]) == "14711"


async def test_a_carrier_that_refuses_is_named_with_its_words(server: Server, carrier_port: int) -> None:
    async with caller(server) as line, peer(server.address, at=CARRIER, port=carrier_port) as carrier:
        call = await line.new_call(NUMBERS["out"])
        asking = asyncio.create_task(call.invite())
        invite = await carrier.next("INVITE")
        carrier.called(invite).reply(invite, "403 caller id not owned")
        assert await asking == 480
        story = await ended(server)
        text = await command(server, "last")
        leg = await command(server, story["legs"][0]["id"])
    said = "rovider carrier refused: 403 from 127.0.0.9, caller id not owned"
    assert invite.uri.startswith("sip:+493012345@")
    assert flat(text).startswith(f"The p{said}; so this server refused the call")
    assert f"+493012345: the p{said}" in flat(text)
    assert re.search(r"out.yaml:4 +connect +refused: caller id not owned", text)
    assert f"{CARRIER}:{carrier_port}" in text  # has a column of its own
    assert re.search(r"<-- 403 caller id not owned -+\|", text)
    assert "again:" not in text
    assert leg.splitlines()[0] == f"The p{said}"
    assert "it was placed for" in leg


async def test_a_called_side_that_hangs_up_is_named(server: Server, carrier_port: int) -> None:
    async with caller(server) as line, peer(server.address, at=CARRIER, port=carrier_port) as carrier:
        call = await line.new_call(NUMBERS["out"])
        asking = asyncio.create_task(call.invite())
        invite = await carrier.next("INVITE")
        talk = carrier.called(invite)
        talk.reply(invite, "200 OK", "Content-Type: application/sdp", body=sdp())
        assert await asking == 200
        await talk.bye()
        await call.ended.wait()
        story = await ended(server)
    assert story["verdict"] == "the provider carrier hung up; so this server hung up"
    assert story["steps"][0]["detail"] == "answered"


async def test_a_caller_who_gives_up(server: Server) -> None:
    async with caller(server) as line:
        call = await line.new_call(NUMBERS["silent"])
        asking = asyncio.create_task(call.invite())
        await asyncio.sleep(0.5)
        call.cancel()
        assert await asking == 487
        story = await ended(server)
    assert story["verdict"] == "the caller gave up before the answer"
    assert (await command(server, "last")).splitlines()[0] == "The caller gave up before the answer"


async def test_a_step_that_failed_is_the_answer(server: Server) -> None:
    async with caller(server) as line:
        call = await line.new_call(NUMBERS["asking"])
        await call.invite()
        await ended(server)
        text = flat(await command(server, "last"))
    assert text.startswith("asking.yaml:5 fetch failed: the host '127.0.0.1' is in a private range;")
    assert "so this server hung up" in text


async def test_a_number_that_may_not_be_dialled(server: Server) -> None:
    async with caller(server) as line:
        call = await line.new_call(NUMBERS["forbidden"])
        assert await call.invite() == 480
        await ended(server)
        text = flat(await command(server, "last"))
    assert text.startswith(
        "forbidden.yaml:4 connect reached nobody: refused: outbound.allow names no beginning"
    )
    assert "; so this server refused the call" in text


async def test_lost_packets_are_seen(server: Server) -> None:
    async with caller(server) as line:
        call = await line.new_call(NUMBERS["menu"])
        await call.invite()
        for _ in range(20):
            await asyncio.sleep(0.1)
            call.sound.lose(2)
        await call.bye()
        story = await ended(server, measured=True)
        text = await command(server, "last")
    sound = story["call"]["sound"]
    assert 15 < sound["heard_lost"] < 45
    assert sound["heard_mos"] < 3
    assert re.search(r"wire@127\.0\.0\.1: [\d.]+ % of its sound was lost on the way", text)
    assert re.search(r"heard from it +[▁▂▃]", text)


@needs_pjsua
async def test_sound_over_time_of_a_phone_that_reports(server: Server, tmp_path: Path) -> None:
    async with client(server) as api, pjsua(tmp_path) as phone, asyncio.timeout(40.0):
        await phone.call(NUMBERS["menu"], server.address)
        await asyncio.sleep(6.0)  # it is measured every 5 s
        (row,) = (await api("GET", "/timelines/calls-live"))["result"]
        series = await api("GET", f"/timelines/calls/{row['id']}/quality")
        await phone.hang_up()
        await phone.over()
        text = await command(server, "last")
    assert (row["flow"], row["at"], row["type"], row["status"]) == (
        "menu",
        "menu.yaml:5",
        "digits_receive",
        "progressing",
    )
    assert row["codec"] == "PCMU"
    assert row["quality"]["heard_mos"] > 4
    assert 0 < row["recent"]["heard"] < row["quality"]["heard"]
    assert [point["heard_lost"] for point in series["points"]] == [0.0]
    assert re.search(r"heard from it +█{2} ", text)
    assert re.search(r"sent to it +\S* *MOS 4\.\d", text)


async def test_calls_that_nobody_knows(server: Server) -> None:
    assert "no call has an id that begins with 0000dead" in await command(server, "0000dead", status=1)
    unknown = "00000000-0000-4000-8000-000000000001"
    assert f"there is no call {unknown}" in await command(server, unknown, status=1)
    text = await command(server, "last", "--api", server.api, status=1, own=False)
    assert "VOIPBIN_ACCESSKEY" in text
    text = await command(server, "last", "--api", server.api, "--accesskey", "vb_wrong", status=1, own=False)
    assert "access key" in text


async def test_a_call_that_became_none_is_explained_by_its_call_id(server: Server) -> None:
    async with caller(server) as line:
        call = await line.new_call("999")
        assert await call.invite() == 404
        text = await command(server, call.call_id)
    assert text.startswith("Refused with 404: there is no number, extension or conference '999'")


async def test_a_server_elsewhere_is_asked_with_its_key(server: Server) -> None:
    async with caller(server) as line:
        call = await line.new_call(NUMBERS["menu"])
        await call.invite()
        await call.bye()
        await ended(server)
    key = server.accesskey
    text = await command(server, "last", "--api", server.api, "--accesskey", key, own=False)
    assert text.splitlines()[0] == "The caller hung up"


async def test_after_a_restart_it_says_what_is_forgotten(tmp_path: Path) -> None:
    with serving(tmp_path, {"asking": FLOWS["asking"]}) as server:
        async with caller(server) as line:
            call = await line.new_call("100")
            await call.invite()
            await ended(server)
        await asyncio.sleep(
            0.5
        )  # what is younger than a quarter of a second may be lost with a killed server
        server.kill()
        text = await command(server, "last", status=1)
        assert "does not answer" in text or "no answer" in text
        assert "voipbin-sip serve" in text
        server.start()
        text = await command(server, "last")
    assert flat(text).startswith("asking.yaml:5 fetch failed")
    assert "The server has restarted since this call" in text
