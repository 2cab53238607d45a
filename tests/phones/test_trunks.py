"""Calls to and from the telephone network on the wire: what carriers and PBXes see, and who takes over from whom."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.phones import ports, prompts
from tests.phones.desks import VOICES, voices, voices_in
from tests.phones.installed import needs_pjsua, needs_sipp
from tests.phones.pjsua import pjsua
from tests.phones.server import Server, serving
from tests.phones.sipp import sipp
from tests.phones.wire import wire
from tests.phones.wire_peer import Message, Peer, Talk, credentials, peer, sdp
from tests.phones.wire_sound import encode_ulaw

pytestmark = pytest.mark.phones

DID, DEFAULT = "+493012345678", "+493012345600"
CARRIER, INBOUND = "127.0.0.11", "127.0.0.13"
OFFICE, STRANGER = "127.0.0.21", "127.0.0.22"
TRUNK_HOST = "office.trunk.voipbin.test"
NAMES = ("plain", "dressed", "locked", "first", "second", "dead", "alive", "early", "sipp", "pjsua")
PORTS: dict[str, int] = {}  # by provider, chosen with the server's
PREFIXES = {  # which providers a number goes out by, in order
    "+49101": ("plain",),
    "+49102": ("dressed",),
    "+49103": ("locked",),
    "+49104": ("first", "second"),
    "+49105": ("dead", "alive"),
    "+49106": ("sipp",),
    "+49107": ("pjsua",),
    "+49108": ("early", "pjsua"),
}
TAIL = "55555"
NO_LIMITS = {"per_minute": 0, "total": {"per_minute": 0}}  # the tests are one busy office

HELLO = "actions: [{type: answer}, {type: sleep, option: {duration: 10000}}]"
OUT = """
actions:
  - type: connect
    option: {destinations: [{type: tel, target: "%s"}], anonymous: "%s", early_media: true}
  - type: answer
  - type: sleep
    option: {duration: 300}
"""
RING = "actions: [{type: connect, option: {destinations: [{type: extension, target: '2000'}], relay_reason: true}}]"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    PORTS.update({name: ports.free() for name in NAMES})
    providers: list[dict[str, object]] = [
        {
            "id": name,
            "hostname": f"{'127.0.0.1' if name in ('sipp', 'pjsua') else CARRIER}:{port}",
            "probe": 0,
        }
        for name, port in PORTS.items()
    ]
    entries = {str(entry["id"]): entry for entry in providers}
    entries["dressed"] |= {
        "tech_prefix": "77#",
        "tech_headers": {"X-Account": "42"},
        "rewrite_out": [{"prefix": "+", "by": "00"}],
        "codecs": "PCMA",
        "caller_id": {"asserted": "always"},
    }
    entries["locked"] |= {"username": "customer", "password": "opensesame"}
    entries["plain"] |= {"allowed_ips": [INBOUND], "rewrite_in": [{"prefix": "0", "by": "+49"}]}
    routes = [
        {"provider_id": name, "priority": rank, "target": target}
        for target, names in PREFIXES.items()
        for rank, name in enumerate(names)
    ]
    trunk = {"domain_name": "office", "auth_types": ["basic", "ip"], "allowed_ips": [OFFICE]}
    numbers = [
        {"number": DID, "flow": "hello"},
        {"number": DEFAULT, "flow": "hello"},
        {"number": "800", "flow": "hidden", "public": True},
        {"number": "801", "flow": "talk", "public": True},
        {"number": "802", "flow": "ring", "public": True},
        {"number": "803", "flow": "late", "public": True},
    ]
    with serving(
        tmp_path_factory.mktemp("trunks"),
        {
            "hello": HELLO,
            "hidden": OUT % (f"+49101{TAIL}", "yes"),
            "talk": OUT % (f"+49107{TAIL}", "auto"),
            "late": OUT % (f"+49108{TAIL}", "auto"),
            "ring": RING,
        },
        extensions={"1000": "secret", "2000": "secret"},
        conferences=[{"id": "weekly"}],
        sections={
            "numbers": numbers,
            "providers": providers,
            "routes": routes,
            "trunks": [trunk | {"username": "pbx", "password": "hammer"}],
        },
        outbound={"allow": ["+49"], "default_outgoing_source_number": DEFAULT, "limits": NO_LIMITS},
    ) as running:
        yield running


@asynccontextmanager
async def line(server: Server, *carriers: str) -> AsyncIterator[tuple[Peer, list[Peer]]]:
    """Open the office's PBX and some carriers."""
    async with AsyncExitStack() as stack:
        office = await stack.enter_async_context(peer(server.address, at=OFFICE))
        opened = [
            await stack.enter_async_context(peer(server.address, at=CARRIER, port=PORTS[name]))
            for name in carriers
        ]
        yield office, opened


def dial(office: Peer, prefix: str, *lines: str, shown: str = DID, host: str = "") -> Talk:
    """Let the office call a number; returns its side."""
    talk = office.calling(f"{prefix}{TAIL}", uri=f"sip:{prefix}{TAIL}@{host}" if host else "")
    talk.local = f'"Ann" <sip:{shown}@pbx.example>;tag={office.unique()}'
    talk.request("INVITE", *lines, body=sdp())
    return talk


async def refused(carrier: Peer, status: str, *, rings: bool = False) -> Message:
    """Refuse the next call; returns its INVITE."""
    invite = await carrier.next("INVITE")
    talk = carrier.called(invite)
    if rings:
        talk.reply(invite, "180 Ringing")
    talk.reply(invite, status)
    await carrier.next("ACK")
    return invite


async def taken(office: Peer, call: Talk, carrier: Peer, seconds: float = 3.0) -> Message:
    """Answer the next call and end it from the office; returns its INVITE."""
    invite = await carrier.next("INVITE", seconds)
    there = carrier.called(invite)
    there.reply(invite, "200 OK", body=sdp(formats="8" if " 8" in invite.streams()[0] else "0"))
    await carrier.next("ACK")
    answered = await office.next("200 INVITE", number=call.cseq)
    call.learn(answered)
    call.ack(answered)
    await call.bye()
    await there.hung_up()
    return invite


# What a carrier sees


async def test_a_plain_call(server: Server) -> None:
    async with line(server, "plain") as (office, (carrier,)):
        invite = await taken(office, dial(office, "+49101"), carrier)
    assert invite.uri == f"sip:+49101{TAIL}@{carrier.address};transport=udp"
    assert invite["To"] == f"<sip:+49101{TAIL}@{CARRIER}>"
    assert invite["From"].startswith(f'"Ann" <sip:{DID}@{CARRIER}>;tag=')
    assert invite["Max-Forwards"] == "69"
    assert not invite.all("P-Asserted-Identity") and not invite.all("Privacy")


async def test_prefix_headers_codecs_and_rewriting(server: Server) -> None:
    async with line(server, "dressed") as (office, (carrier,)):
        invite = await taken(office, dial(office, "+49102"), carrier)
    assert invite.uri == f"sip:77%230049102{TAIL}@{carrier.address};transport=udp"
    assert invite["X-Account"] == "42"
    assert invite.all("P-Asserted-Identity") == [f"<sip:{DID}@{CARRIER}>", f"<tel:{DID}>"]
    (stream,) = invite.streams()
    assert re.fullmatch(r"audio \d+ RTP/AVP 8 \d+", stream), stream


@pytest.mark.parametrize("shown", ["+4989999999", "1000", "alice"])
async def test_a_number_that_is_not_ours_is_not_shown(server: Server, shown: str) -> None:
    async with line(server, "plain") as (office, (carrier,)):
        invite = await taken(office, dial(office, "+49101", shown=shown), carrier)
    assert f"<sip:{DEFAULT}@" in invite["From"]


async def test_a_hidden_caller_of_a_trunk(server: Server) -> None:
    async with line(server, "plain") as (office, (carrier,)):
        call = dial(
            office,
            "+49101",
            "Privacy: id",
            f"P-Asserted-Identity: <sip:{DID}@pbx.example>",
            shown="anonymous",
        )
        invite = await taken(office, call, carrier)
    hidden(invite, DID)


async def test_a_flow_that_hides_its_caller(server: Server) -> None:
    async with line(server, "plain") as (_, (carrier,)), peer(server.address, at=STRANGER) as caller:
        call = caller.calling("800")
        call.request("INVITE", body=sdp())
        hidden(await taken(caller, call, carrier), DEFAULT)


def hidden(invite: Message, number: str) -> None:
    assert invite["From"].startswith('"Anonymous" <sip:anonymous@anonymous.invalid>;tag=')
    assert invite["Privacy"] == "id"
    assert f"<tel:{number}>" in invite.all("P-Asserted-Identity")
    assert number not in invite["Contact"]


async def test_a_carrier_that_wants_a_password(server: Server) -> None:
    async with line(server, "locked") as (office, (carrier,)):
        call = dial(office, "+49103")
        invite = await carrier.next("INVITE")
        asks = 'Proxy-Authenticate: Digest realm="carrier", nonce="abc", algorithm=MD5, qop="auth"'
        carrier.called(invite).reply(invite, "407 Proxy Authentication Required", asks)
        await carrier.next("ACK")
        again = await taken(office, call, carrier)
    assert 'username="customer"' in again["Proxy-Authorization"]
    assert (again["Call-ID"], again.number) == (invite["Call-ID"], invite.number + 1)


# Who takes over


@pytest.mark.parametrize("status", ["503 Full", "404 Not Found", "480 Away", "500 Broken", "407 Who"])
async def test_the_next_provider_is_tried_at_once_and_it_is_one_call(server: Server, status: str) -> None:
    before = len(dialled(server))
    async with line(server, "first", "second") as (office, (first, second)):
        call = dial(office, "+49104")
        lost = await refused(first, status)
        won = await taken(office, call, second)
        assert len([message for message in office.seen if message.name == "200 INVITE"]) == 1
    assert won.at - lost.at < 0.5
    (one, other) = dialled(server)[before:]
    assert one == other  # the same call record


@pytest.mark.parametrize("status", [486, 403, 603, 600])
async def test_the_callees_word_is_the_last(server: Server, status: int) -> None:
    async with line(server, "first", "second") as (office, (first, second)):
        call = dial(office, "+49104")
        await refused(first, f"{status} No")
        assert (await office.final(call)).name == f"{status} INVITE"
        await second.nothing("INVITE", 0.2)


async def test_a_carrier_that_says_busy_by_its_cause(server: Server) -> None:
    async with line(server, "first", "second") as (office, (first, second)):
        call = dial(office, "+49104")
        invite = await first.next("INVITE")
        first.called(invite).reply(invite, "500 Failed", 'Reason: Q.850;cause=17;text="User busy"')
        assert (await office.final(call)).name == "500 INVITE"
        await second.nothing("INVITE", 0.2)


async def test_a_call_that_went_round_in_circles_goes_no_further(server: Server) -> None:
    async with line(server, "plain") as (office, (carrier,)):
        call = office.calling(f"+49101{TAIL}")
        call.max_forwards = 0
        call.request("INVITE", body=sdp())
        assert (await office.final(call)).name == "483 INVITE"
        await carrier.nothing("INVITE", 0.1)


async def test_a_phone_that_rang_in_vain_is_not_called_again(server: Server) -> None:
    async with line(server, "first", "second") as (office, (first, second)):
        call = dial(office, "+49104")
        await refused(first, "480 No answer", rings=True)
        assert (await office.final(call)).name == "480 INVITE"
        await second.nothing("INVITE", 0.2)


async def test_the_most_telling_failure_is_told_where_all_fail(server: Server) -> None:
    async with line(server, "first", "second") as (office, (first, second)):
        call = dial(office, "+49104")
        await refused(first, "503 Full")
        await refused(second, "486 Busy")
        assert (await office.final(call)).name == "486 INVITE"


async def test_who_gives_up_between_two_providers_stops_both(server: Server) -> None:
    async with line(server, "first", "second") as (office, (first, second)):
        call = dial(office, "+49104")
        await refused(first, "503 Full")
        invite = await second.next("INVITE")
        second.called(invite).reply(invite, "180 Ringing")
        await office.next("180 INVITE")
        branch = re.search(r"branch=z9hG4bK([^;]+)", (await office_via(office)))
        assert branch
        call.request("CANCEL", cseq=call.cseq, branch=branch[1])
        await second.next("CANCEL")


async def office_via(office: Peer) -> str:
    return next(message["Via"] for message in office.seen if message.name == "180 INVITE")


async def test_a_dead_provider_costs_six_seconds(server: Server) -> None:
    async with line(server, "alive") as (office, (alive,)):
        begun = time.monotonic()
        invite = await taken(office, dial(office, "+49105"), alive, 9.0)
        assert 5.5 <= invite.at - begun <= 7.5


async def test_a_switched_off_phone_does_not_hold_up_the_others_refusal(server: Server) -> None:
    async with (
        peer(server.address) as busy,
        peer(server.address) as dead,
        peer(server.address, at=STRANGER) as caller,
    ):
        await busy.register("2000", "secret")
        await dead.register("2000", "secret")
        call = caller.calling("802")
        call.request("INVITE", body=sdp())
        invite = await busy.next("INVITE")
        busy.called(invite).reply(invite, "486 Busy Here")
        await dead.next("INVITE")
        await caller.next("486 INVITE", 8.0, number=call.cseq)
        assert 5.5 <= time.monotonic() - invite.at <= 7.5


# Who comes in


@pytest.mark.parametrize("user", [DID, DID[1:], f"00{DID[1:]}", f"0{DID[3:]}"])
async def test_a_carriers_call_reaches_the_flow(server: Server, user: str) -> None:
    async with peer(server.address, at=INBOUND) as carrier:
        call = carrier.calling(user)
        await call.invite(sdp())
        await call.bye()


async def test_what_is_not_ours_is_nothing_for_a_carrier(server: Server) -> None:
    async with peer(server.address, at=INBOUND) as carrier:
        for user in ("1000", f"+49101{TAIL}", "conference:weekly"):
            call = carrier.calling(user)
            call.request("INVITE", body=sdp())
            assert (await carrier.final(call)).name == "404 INVITE"


async def test_a_trunk_by_its_password_from_anywhere(server: Server) -> None:
    async with line(server, "plain") as (_, (carrier,)), peer(server.address, at=STRANGER) as pbx:
        call = dial(pbx, "+49101", host=TRUNK_HOST)
        asked = (await pbx.final(call))["Proxy-Authenticate"]
        assert f'realm="{TRUNK_HOST}"' in asked
        call.request("ACK", cseq=call.cseq)
        for password, status in (("wrong", "407 INVITE"), ("hammer", "")):
            answer = credentials(asked, "pbx", password, call.target, "INVITE")
            call.request("INVITE", f"Proxy-Authorization: {answer}", body=sdp())
            if status:
                assert (await pbx.final(call)).name == status
                await carrier.nothing("INVITE", 0.2)
        await taken(pbx, call, carrier)


@pytest.mark.parametrize("host", ["voipbin.test", TRUNK_HOST, "attic.trunk.voipbin.test"])
async def test_a_stranger_gets_no_further_than_a_challenge(server: Server, host: str) -> None:
    async with line(server, "plain") as (_, (carrier,)), peer(server.address, at=STRANGER) as stranger:
        call = dial(stranger, "+49101", host=host)
        assert (await stranger.final(call)).name == "407 INVITE"
        await carrier.nothing("INVITE", 0.2)


@pytest.mark.parametrize("uri", ["sip:weekly@conference.voipbin.test", "sip:conference:weekly@voipbin.test"])
async def test_a_phone_dials_a_conference(server: Server, uri: str) -> None:
    async with peer(server.address, at=STRANGER) as phone:
        call = phone.calling("", uri=uri)
        call.request("INVITE", body=sdp())
        asked = (await phone.final(call))["Proxy-Authenticate"]
        answer = credentials(asked, "1000", "secret", uri, "INVITE")
        await call.invite(sdp(), f"Proxy-Authorization: {answer}")
        await call.bye()


# Real parts


@needs_sipp
async def test_sipp_as_pbx_by_password_and_by_address_and_sipp_as_carrier(
    server: Server, tmp_path: Path
) -> None:
    port, number = str(PORTS["sipp"]), f"+49106{TAIL}"
    carrier = asyncio.create_task(sipp("uas", server.address, tmp_path / "carrier", "-p", port, "-m", "2"))
    await asyncio.sleep(0.5)
    who = ("-au", "pbx", "-ap", "hammer", "-key", "host", TRUNK_HOST, "-key", "shown", DID)
    pbxes = await asyncio.gather(
        sipp("trunk.xml", server.address, tmp_path / "password", *who, number=number),
        sipp("uac", server.address, tmp_path / "address", "-i", OFFICE, "-d", "500", number=number),
    )
    for pbx in pbxes:
        assert pbx.code == 0, pbx.output
    seen = await carrier
    assert seen.code == 0, seen.output
    for shown in (DID, DEFAULT):
        assert f"<sip:{shown}@127.0.0.1>;tag=" in seen.trace


@needs_pjsua
@pytest.mark.parametrize("number", ["801", "803"])
async def test_a_carriers_phone_and_the_caller_hear_each_other(
    server: Server, tmp_path: Path, number: str
) -> None:
    """The second number goes out by a carrier first that sends early media and then has no line."""
    voice = prompts.write(tmp_path / "voice.wav", prompts.tone(VOICES["pjsua"], 60.0))
    async with wire(server.address) as caller, line(server, "early") as (_, (early,)):
        async with pjsua(tmp_path, name="far", voice=voice, port=PORTS["pjsua"]) as far:
            call = await caller.new_call(number)
            call.sound.voice = encode_ulaw(prompts.tone(VOICES["linphone"], 1.0))
            calling = asyncio.create_task(call.invite())
            if number == "803":
                invite = await early.next("INVITE")
                there = early.called(invite)
                there.reply(invite, "183 Session Progress", body=sdp())
                await asyncio.sleep(0.3)
                there.reply(invite, "503 No line")
            await far.rings()
            await far.answer()
            assert await calling == 200
            await asyncio.sleep(1.5)
            await far.hang_up()
            assert await far.over() == 200
        async with asyncio.timeout(5.0):
            await call.ended.wait()
    assert voices_in(call.sound.heard(), 8000)["pjsua"] >= 1.0
    heard = voices(far.recording)
    assert heard["linphone"] >= 1.0 and heard["pjsua"] == 0.0, heard


async def test_a_listed_trunk_is_never_limited_nor_banned(tmp_path: Path) -> None:
    trunk = {"domain_name": "office", "auth_types": ["ip"], "allowed_ips": [OFFICE]}
    strict = {"messages_per_second": 1, "burst": 5, "ban_after": 3, "exempt": []}
    with serving(
        tmp_path, {"hello": HELLO}, extensions={"1000": "x"}, sections={"trunks": [trunk]}, protection=strict
    ) as strictly:
        answered = {}
        for host in (OFFICE, STRANGER):
            async with peer(strictly.address, at=host) as there:
                for _ in range(40):
                    there.calling("100").request("OPTIONS")
                await asyncio.sleep(0.5)
                answered[host] = len(there.times("200 OPTIONS"))
        assert answered[OFFICE] == 40
        assert 1 <= answered[STRANGER] <= 6
        async with peer(strictly.address, at=OFFICE) as there:
            for number in range(5):
                guess = there.calling("", uri="sip:voipbin.test")
                guess.local, guess.remote = (
                    f"<sip:1000@voipbin.test>;tag=t{number}",
                    "<sip:1000@voipbin.test>",
                )
                guess.request("REGISTER")
                asked = (await there.final(guess))["WWW-Authenticate"]
                answer = credentials(asked, "1000", "guess", guess.target)
                guess.request("REGISTER", f"Authorization: {answer}")
                assert (await there.final(guess)).name == "401 REGISTER"
            await there.register("1000", "x")


def dialled(server: Server) -> list[str]:
    """Return the id of the call for each INVITE that the server has logged."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", server.log.read_text(errors="replace"))
    return re.findall(r"dialling.*?call=([0-9a-f-]{36})", text)
