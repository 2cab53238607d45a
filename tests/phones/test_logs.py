"""A busy server writes its log as JSON: every line is one object, and those about a call name it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.phones import ports
from tests.phones.client import client
from tests.phones.desks import PASSWORD
from tests.phones.server import Server, children, serving
from tests.phones.wire import Line, wire
from tests.phones.wire_peer import Peer, peer, sdp

pytestmark = pytest.mark.phones

DEAD = ports.free()  # nobody listens there
DIGITS, ELSEWHERE, MAILBOX = "739164", "+4930901820", "secret.person"
BUSY = f"""
name: busy
actions:
  - type: answer
  - type: recording_start
  - type: digits_receive
    option: {{duration: 5000, length: {len(DIGITS)}}}
  - type: webhook_send
    option: {{uri: "http://127.0.0.1:{DEAD}/tell?token=hidden", data: "${{voipbin.call.digits}}"}}
  - type: email_send
    option:
      destinations: [{{type: email, target: {MAILBOX}@x.example}}]
      subject: "Called"
  - type: talk
    option: {{text: "<speak><emphasis>Good</emphasis> <unknown>bye</unknown></speak>"}}
  - type: fetch
    option: {{event_url: "http://10.255.255.1/next"}}
"""
NOBODY = f"""
name: nobody
actions:
  - type: connect
    option: {{destinations: [{{type: tel, target: "{ELSEWHERE}"}}]}}
  - type: hangup
"""
DESK = """
name: desk
actions:
  - type: connect
    option: {destinations: [{type: extension, target: "1300"}]}
"""
STAYS = """
name: stays
actions:
  - type: answer
  - type: sleep
    option: {duration: 60000}
"""
# Where calls, runs and what they leave behind have their say; nothing else has.
ABOUT_CALLS = frozenset({"call", "cdr", "flow", "recording", "mail"})
TOLD = frozenset({
    "call refused", "destination not called", "transferred", "recording ended", "webhook of a flow not sent",
    "webhook takes no events, trying again", "mail not sent yet", "step", "media lost", "call detail",
})  # fmt: skip
OF_STDOUT = ("ready ", "dial ")


async def refused_by_their_kind(line: Line) -> None:
    """Call somebody whom strangers do not reach, and send what is no INVITE."""
    assert await (await line.new_call("999")).invite() == 407
    line.send("INVITE sip:100@127.0.0.1 SIP/2.0\r\nno header at all\r\n\r\n")


async def talked_to(line: Line) -> None:
    call = await line.new_call("100")
    assert await call.invite() == 200
    await asyncio.sleep(0.3)
    await call.sound.press(DIGITS)
    async with asyncio.timeout(20.0):
        await call.ended.wait()


async def transferred(server: Server, phone: Peer, third: Peer, caller: Peer) -> None:
    talk = caller.calling("300")
    talk.request("INVITE", body=sdp())
    invite = await phone.next("INVITE")
    held = phone.called(invite)
    held.reply(invite, "200 OK", body=sdp())
    await phone.next("ACK")
    answered = await caller.next("200 INVITE")
    talk.learn(answered)
    talk.ack(answered)
    held.request("REFER", f"Refer-To: <sip:1301@{server.address}>")
    assert (await phone.final(held)).name == "202 REFER"
    onward = await third.next("INVITE")
    reached = third.called(onward)
    reached.reply(onward, "200 OK", body=sdp(41000))
    await third.next("ACK")
    await held.bye()
    await reached.bye()
    await talk.hung_up()


def media_workers(server: Server) -> list[int]:
    found = children(server.process.pid)
    return [pid for pid in found if b"media.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


async def lost_with_its_worker(server: Server, line: Line) -> None:
    """Kill the media worker under a call."""
    call = await line.new_call("400")
    assert await call.invite() == 200
    await asyncio.sleep(0.3)
    for pid in media_workers(server):
        os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(10.0):
        await call.ended.wait()


def parsed(text: str) -> list[dict[str, Any]]:
    """Return the lines of the log; all of standard error is that."""
    found = []
    for line in text.split("\n"):
        if not line or line.startswith(OF_STDOUT):
            continue
        entry = json.loads(line)
        assert isinstance(entry, dict), line
        assert {"timestamp", "level", "event", "logger"} <= entry.keys(), line
        assert datetime.fromisoformat(entry["timestamp"]).tzinfo is not None
        assert entry["level"] in ("debug", "info", "warning", "error"), line
        found.append(entry)
    return found


def judge(entries: Sequence[dict[str, Any]], calls: dict[str, dict[str, Any]]) -> None:
    """Who is named in which lines: `calls` are those of the API, by id."""
    runs = {call["activeflow_id"]: call["id"] for call in calls.values()}
    by_sip = {entry["sip_call_id"]: entry["call"] for entry in entries if entry["event"] == "call detail"}
    of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        if "call" in entry:
            assert entry["call"] in calls, entry
            of[entry["call"]].append(entry)
        about = entry["logger"] in ABOUT_CALLS or "run" in entry or entry.get("sip_call_id") in by_sip
        assert about <= ("call" in entry), entry
        assert entry.get("sip_call_id") not in by_sip or entry["call"] == by_sip[entry["sip_call_id"]], entry
        assert entry["event"] != "step" or "run" in entry, entry
        assert "run" not in entry or runs.get(entry["run"], entry["call"]) == entry["call"], entry
    assert of.keys() == calls.keys()
    for id_, found in of.items():
        events = [entry["event"] for entry in found]
        begin = "call" if calls[id_]["direction"] == "incoming" else "dialling"
        assert events[0] == begin, events
        assert [events.count(name) for name in (begin, "call detail", "call ended")] == [1, 1, 1], events


async def test_every_line_of_a_busy_server(tmp_path: Path) -> None:
    flows = {"busy": BUSY, "nobody": NOBODY, "desk": DESK, "stays": STAYS}
    with serving(
        tmp_path,
        flows,
        extensions={"1300": PASSWORD, "1301": PASSWORD},
        http={"listen": f"127.0.0.1:{ports.free()}", "allow_private": ["127.0.0.1"]},
        smtp={"host": "127.0.0.1", "port": DEAD, "tls": "none", "from": "us@x.example"},
        webhook={"uri": f"http://127.0.0.1:{DEAD}/?token=hidden"},
        log={"format": "json", "level": "debug"},
    ) as server:
        async with (
            client(server) as api,
            wire(server.address) as line,
            peer(server.address) as phone,
            peer(server.address) as third,
            peer(server.address) as caller,
            asyncio.timeout(40.0),
        ):
            await phone.register("1300", PASSWORD)
            await third.register("1301", PASSWORD)
            failed = await line.new_call("200")
            await asyncio.gather(
                talked_to(line),
                talked_to(line),
                refused_by_their_kind(line),
                transferred(server, phone, third, caller),
                failed.invite(),
            )
            await lost_with_its_worker(server, line)
            await api("GET", "/nothing/like/this", status=404)
            while any(event not in server.log.read_text() for event in TOLD):  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.2)
            found = (await api("GET", "/calls?page_size=100"))["result"]
            text = server.log.read_text()
    entries = parsed(text)
    judge(entries, {call["id"]: call for call in found})
    assert {entry["event"] for entry in entries} >= TOLD
    loud = [line for line in text.split("\n") if line and '"level": "debug"' not in line]
    for secret in (DIGITS, ELSEWHERE, MAILBOX, "token=hidden", PASSWORD):
        assert not [line for line in loud if secret in line], secret
