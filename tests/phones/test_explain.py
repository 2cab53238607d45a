"""First it is asked what would happen to a call, then the call is placed: both say the same."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.phones import ports
from tests.phones.account import Account
from tests.phones.client import client
from tests.phones.installed import ROOT, needs_pjsua, needs_sipp
from tests.phones.pjsua import pjsua
from tests.phones.server import COMMAND, Server, configure, serving
from tests.phones.sipp import sipp
from tests.phones.wire_peer import Message, Peer, Talk, credentials, peer, sdp
from voipbin_sip.cli.own_server import ask as ask_server
from voipbin_sip.cli.own_server import own_server

pytestmark = pytest.mark.phones

DID, DEFAULT, DAY = "+493012345678", "+493012345600", "+493012345601"
CARRIER, INBOUND = "127.0.0.31", "127.0.0.32"
OFFICE, STRANGER, GUESSER = "127.0.0.41", "127.0.0.42", "127.0.0.43"
NAMES = ("plain", "dressed", "first", "second", "sipp")
PORTS: dict[str, int] = {}  # by provider, chosen with the server's
TAIL = "55555"
NO_LIMITS = {"per_minute": 0, "concurrent": 0, "total": {"per_minute": 0}}
HELLO = "actions: [{type: answer}, {type: sleep, option: {duration: 10000}}]"
HIDDEN = f"""
actions:
  - type: connect
    option: {{destinations: [{{type: tel, target: "+49102{TAIL}"}}], anonymous: "yes"}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    PORTS.update({name: ports.free() for name in NAMES})
    providers: dict[str, dict[str, object]] = {
        name: {"id": name, "hostname": f"{'127.0.0.1' if name == 'sipp' else CARRIER}:{port}", "probe": 0}
        for name, port in PORTS.items()
    }
    providers["dressed"] |= {
        "tech_prefix": "77#",
        "tech_headers": {"X-Account": "42"},
        "rewrite_out": [{"prefix": "+", "by": "00"}],
        "codecs": "PCMA",
        "caller_id": {"asserted": "always"},
    }
    providers["plain"] |= {"allowed_ips": [INBOUND], "rewrite_in": [{"prefix": "0", "by": "+49"}]}
    prefixes = {"+49101": ["plain"], "+49102": ["dressed"], "+49103": ["first", "second"], "+49104": ["sipp"]}
    routes = [
        {"provider_id": name, "priority": rank, "target": target}
        for target, names in prefixes.items()
        for rank, name in enumerate(names)
    ]
    trunk = {"domain_name": "office", "auth_types": ["ip"], "allowed_ips": [OFFICE]}
    extensions = [
        {"extension": "1000", "password": "secret"},
        {"extension": "1001", "password": "secret", "limits": {"per_minute": 1}},
        {"extension": "2000", "password": "secret"},
        {"extension": "2001", "password": "secret"},
    ]
    with serving(
        tmp_path_factory.mktemp("explained"),
        {"hello": HELLO, "hidden": HIDDEN},
        sections={
            "numbers": [
                {"number": DID, "flow": "hello"},
                {"number": DEFAULT, "flow": "hello"},
                {"number": "800", "flow": "hello", "public": True},
                {"number": "801", "flow": "hidden", "public": True},
            ],
            "extensions": extensions,
            "providers": list(providers.values()),
            "routes": routes,
            "trunks": [trunk],
        },
        outbound={"allow": ["+49"], "default_outgoing_source_number": DEFAULT, "limits": NO_LIMITS},
        protection={"ban_after": 3, "exempt": []},
    ) as running:
        yield running


async def ask(server: Server, to: str, caller: str = "", source: str = "") -> dict[str, Any]:
    """Ask the running server."""
    query = urlencode({"to": to, "from": caller, "source": source})
    own = own_server(server.config)
    told: dict[str, Any] = await asyncio.to_thread(ask_server, own, "GET", f"/v1.0/explain?{query}")
    assert told["live"], told
    return told


def flow_of_last_call(server: Server) -> str:
    """Return the flow that the server has logged for the last call."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", server.log.read_text(errors="replace"))
    *_, last = re.finditer(r" call +.* to=(\S+)", text)
    return last[1]


@asynccontextmanager
async def carrier(server: Server, name: str) -> AsyncIterator[Peer]:
    async with peer(server.address, at=CARRIER, port=PORTS[name]) as there:
        yield there


def dial(caller: Peer, number: str, *lines: str, shown: str = DID) -> Talk:
    """Let somebody call a number; returns its side."""
    talk = caller.calling(number)
    talk.local = f"<sip:{shown}@pbx.example>;tag={caller.unique()}"
    talk.request("INVITE", *lines, body=sdp())
    return talk


async def dial_as(phone: Peer, number: str, extension: str) -> Talk:
    """Let a phone call a number with its password; returns its side, the INVITE sent."""
    talk = phone.calling(number, uri=f"sip:{number}@voipbin.test")
    talk.local = f"<sip:{extension}@voipbin.test>;tag={phone.unique()}"
    talk.request("INVITE", body=sdp())
    asked = await phone.final(talk)
    assert asked.name == "407 INVITE"
    answer = credentials(asked["Proxy-Authenticate"], extension, "secret", talk.target, "INVITE")
    talk.request("INVITE", f"Proxy-Authorization: {answer}", body=sdp())
    return talk


def same(told: dict[str, Any], seen: Message) -> None:
    """Compare an INVITE that was told with the one on the wire."""
    assert seen.uri == told["request_uri"]
    assert seen["From"].partition(";tag=")[0] == told["from_"]
    for name in {"P-Asserted-Identity", "Privacy", "X-Account"}:
        assert seen.all(name) == [value for header, value in told["headers"] if header == name]
    numbers = {"PCMU": "0", "PCMA": "8", "G722": "9"}
    (stream,) = seen.streams()
    offered = [numbers[codec] for codec in told["codecs"]]
    assert stream.split()[3 : 3 + len(offered)] == offered, stream


async def taken(caller: Peer, call: Talk, callee: Peer) -> Message:
    """Answer the next call and end it from the caller; returns its INVITE."""
    invite = await callee.next("INVITE")
    there = callee.called(invite)
    there.reply(invite, "200 OK", body=sdp(formats="8" if " 8" in invite.streams()[0] else "0"))
    await callee.next("ACK")
    answered = await caller.next("200 INVITE", number=call.cseq)
    call.learn(answered)
    call.ack(answered)
    await call.bye()
    await there.hung_up()
    return invite


# Who comes in


async def test_a_public_number_runs_its_flow(server: Server) -> None:
    told = await ask(server, "800", source=STRANGER)
    assert (told["result"], told["target"]) == ("flow", "hello")
    async with peer(server.address, at=STRANGER) as caller:
        call = caller.calling("800")
        await call.invite(sdp())
        await call.bye()
    assert flow_of_last_call(server) == "hello"


@pytest.mark.parametrize("number", [DID, "999", "2000"])
async def test_a_stranger_is_asked_for_a_password(server: Server, number: str) -> None:
    told = await ask(server, number, "+4989999999", STRANGER)
    assert (told["result"], told["status"]) == ("asked", 407)
    async with peer(server.address, at=STRANGER) as caller:
        call = dial(caller, number, shown="+4989999999")
        assert (await caller.final(call)).name == "407 INVITE"


@pytest.mark.parametrize(("user", "status"), [(f"0{DID[3:]}", 200), ("1000", 404), (f"+49101{TAIL}", 404)])
async def test_what_a_carrier_brings(server: Server, user: str, status: int) -> None:
    told = await ask(server, user, source=INBOUND)
    assert told["status"] == (status if status >= 300 else 0)
    assert told["target"] == ("hello" if status == 200 else "")
    async with peer(server.address, at=INBOUND) as there:
        call = there.calling(user)
        if status == 200:
            await call.invite(sdp())
            await call.bye()
            return
        call.request("INVITE", body=sdp())
        assert (await there.final(call)).name == f"{status} INVITE"


async def test_a_phone_rings_another(server: Server) -> None:
    async with peer(server.address, at=STRANGER) as phone, peer(server.address) as desk:
        lonely = await ask(server, "2000", "1000")
        assert (lonely["result"], lonely["status"]) == ("refused", 480)
        call = await dial_as(phone, "2000", "1000")
        assert (await phone.final(call)).name == "480 INVITE"
        await desk.register("2000", "secret")
        told = await ask(server, "2000", "1000")
        assert (told["result"], told["target"]) == ("phones", "2000")
        assert told["sent"][0]["places"] == [f"{desk.address} by UDP"]
        same(told["sent"][0], await taken(phone, await dial_as(phone, "2000", "1000"), desk))


async def test_a_guesser_is_not_heard(server: Server) -> None:
    assert (await ask(server, "800", source=GUESSER))["result"] == "flow"
    async with peer(server.address, at=GUESSER) as guesser:
        for _ in range(3):
            call = guesser.calling(DID)
            call.request("INVITE", body=sdp())
            asked = await guesser.final(call)
            answer = credentials(asked["Proxy-Authenticate"], "1000", "guess", call.target, "INVITE")
            call.request("INVITE", f"Proxy-Authorization: {answer}", body=sdp())
            await guesser.final(call)
        told = await ask(server, "800", source=GUESSER)
        assert told["result"] == "ignored" and "banned" in told["summary"]
        heard = len(guesser.seen)
        guesser.calling("800").request("INVITE", body=sdp())
        await asyncio.sleep(0.4)
        assert len([message for message in guesser.seen[heard:] if message["CSeq"].startswith("1 ")]) == 0


# What goes out


async def test_a_trunk_calls_out_by_a_plain_provider(server: Server) -> None:
    told = await ask(server, f"+49101{TAIL}", DID, OFFICE)
    assert told["result"] == "outside"
    async with peer(server.address, at=OFFICE) as office, carrier(server, "plain") as there:
        same(told["sent"][0], await taken(office, dial(office, f"+49101{TAIL}"), there))


async def test_a_trunk_dials_a_national_number_and_shows_somebody_elses(server: Server) -> None:
    told = await ask(server, f"0102{TAIL}00", "+4989999999", OFFICE)
    async with peer(server.address, at=OFFICE) as office, carrier(server, "dressed") as there:
        call = dial(office, f"0102{TAIL}00", shown="+4989999999")
        if told["result"] != "outside":  # no country has the number
            assert (await office.final(call)).name == f"{told['status']} INVITE"
            return
        same(told["sent"][0], await taken(office, call, there))


async def test_a_flow_that_hides_its_caller_from_a_dressed_provider(server: Server) -> None:
    told = await ask(server, "801", "+4989999999", STRANGER)
    assert (told["result"], told["target"]) == ("flow", "hidden")
    async with peer(server.address, at=STRANGER) as caller, carrier(server, "dressed") as there:
        invite = await taken(caller, dial(caller, "801", shown="+4989999999"), there)
    same(told["sent"][0], invite)
    assert invite["Privacy"] == "id"


async def test_the_second_provider_is_sent_what_was_told(server: Server) -> None:
    told = await ask(server, f"+49103{TAIL}", "1000")
    assert [sent["to"] for sent in told["sent"]] == ["provider:first", "provider:second"]
    async with (
        peer(server.address, at=STRANGER) as phone,
        carrier(server, "first") as first,
        carrier(server, "second") as second,
    ):
        call = await dial_as(phone, f"+49103{TAIL}", "1000")
        lost = await first.next("INVITE")
        first.called(lost).reply(lost, "503 Full")
        same(told["sent"][0], lost)
        same(told["sent"][1], await taken(phone, call, second))


@pytest.mark.parametrize(
    ("number", "status"), [("+33123456789", 403), ("+49190012345", 403), ("+4990012345678", 403)]
)
async def test_what_must_not_leave(server: Server, number: str, status: int) -> None:
    told = await ask(server, number, DID, OFFICE)
    async with peer(server.address, at=OFFICE) as office:
        refused = await office.final(dial(office, number))
    assert refused.name == f"{told['status']} INVITE"
    assert told["result"] == "refused"


async def test_no_route(server: Server) -> None:
    number = "+494098765432"
    told = await ask(server, number, DID, OFFICE)
    assert (told["result"], told["status"]) == ("refused", 404)
    async with peer(server.address, at=OFFICE) as office:
        assert (await office.final(dial(office, number))).name == "404 INVITE"


async def test_a_limit_is_told_before_it_is_met(server: Server) -> None:
    number = f"+49101{TAIL}"
    async with peer(server.address, at=STRANGER) as phone, carrier(server, "plain") as there:
        told = await ask(server, number, "1001")
        assert told["result"] == "outside"
        again = await ask(server, number, "1001")  # asking counts nothing
        assert again["result"] == "outside"
        same(told["sent"][0], await taken(phone, await dial_as(phone, number, "1001"), there))
        full = await ask(server, number, "1001")
        assert (full["result"], full["status"]) == ("refused", 403)
        assert "extension 1001 has begun 1 call within a minute" in full["summary"]
        assert (await phone.final(await dial_as(phone, number, "1001"))).name == "403 INVITE"


# Real phones


@needs_sipp
@needs_pjsua
async def test_pjsua_calls_out_through_sipp(server: Server, tmp_path: Path) -> None:
    number = f"+49104{TAIL}"
    told = await ask(server, number, "1000")
    (sent,) = told["sent"]
    there = asyncio.create_task(
        sipp("uas", server.address, tmp_path / "carrier", "-p", str(PORTS["sipp"]), "-m", "1")
    )
    await asyncio.sleep(0.5)
    async with pjsua(tmp_path, account=Account("1000", "secret", server.address)) as phone:
        await phone.call(number, server.address)
        await phone.hang_up()
        assert await phone.over() == 200
    seen = await there
    assert seen.code == 0, seen.output
    assert f"INVITE {sent['request_uri']} SIP/2.0" in seen.trace
    assert f"From: {sent['from_']};tag=" in seen.trace


# What the API made, and the command


async def test_a_number_that_the_api_made(server: Server) -> None:
    async with client(server) as api:
        flow = await api(
            "POST", "/flows", {"name": "day", "actions": [{"type": "answer"}, {"type": "hangup"}]}
        )
        await api("POST", "/numbers", {"number": DAY, "call_flow_id": flow["id"], "name": "by the API"})
    told = await ask(server, DAY, "1000")
    assert (told["result"], told["target"]) == ("flow", "day")
    places = {decision["topic"]: decision["where"] for decision in told["decisions"]}
    assert places["number"] == places["flow"] == ["made by the API"]
    assert re.fullmatch(r"directory\.yaml:\d+", places["caller"][0])


def test_the_command_asks_the_server(server: Server) -> None:
    command = [
        *COMMAND,
        "explain",
        "--config",
        str(server.config),
        "--to",
        "800",
        "--source",
        f"{STRANGER}:5060",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=True)
    assert done.stdout.startswith(f"a caller at {STRANGER} calls 800: runs the flow hello (hello.yaml:1).")
    assert "Note" not in done.stdout


def test_the_command_without_a_server(tmp_path: Path) -> None:
    config, _ = configure(tmp_path, {"hello": HELLO}, extensions={"1000": "secret"})
    before = sorted(tmp_path.rglob("*"))
    command = [*COMMAND, "explain", "--config", str(config)]

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=90)

    done = run("--to", "100", "--format", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["result"], told["target"], told["live"]) == ("flow", "hello", False)
    assert told["notes"][0].startswith("no server runs")
    wrong = run("--to", "100", "--source", "somewhere")
    assert wrong.returncode == 2 and "--source" in wrong.stderr
    (tmp_path / "flows" / "hello.yaml").write_text("actions: [{type: answr}]")
    broken = run("--to", "100")
    assert broken.returncode == 1
    assert "hello.yaml:1" in broken.stderr and "voipbin-sip check" in broken.stderr
    assert sorted(tmp_path.rglob("*")) == before  # nothing is made, no password and no database
