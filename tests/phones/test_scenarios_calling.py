"""Races and faults on the wire against the real server while it calls: forks, CANCEL, redirections, long requests."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.phones import ports, prompts
from tests.phones.desks import PASSWORD, VOICES, voices_in
from tests.phones.installed import needs_sipp
from tests.phones.server import Server, serving
from tests.phones.sipp import sipp
from tests.phones.wire_peer import Message, Peer, Talk, peer, sdp
from tests.phones.wire_sound import encode_ulaw, sounding

pytestmark = pytest.mark.phones

EXTENSIONS = {str(1200 + number): PASSWORD for number in range(40)}
_free = iter(EXTENSIONS)  # each test has an extension of its own

# Number 2200 connects to extension 1200; 3200 lets its early media through.
TO = """
name: to_{extension}
actions:
  - type: connect
    option: {{destinations: [{{type: extension, target: "{extension}"}}]}}
"""
EARLY = """
name: early_{extension}
actions:
  - type: connect
    option: {{destinations: [{{type: extension, target: "{extension}"}}], early_media: true}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flows, numbers = {}, {}
    for extension in EXTENSIONS:
        for digit, text in (("2", TO), ("3", EARLY)):
            name = text.split()[1].format(extension=extension)
            flows[name] = text.format(extension=extension)
            numbers[digit + extension[1:]] = name
    folder = tmp_path_factory.mktemp("calling")
    outbound = {"allow": ["127.0.0.1"]}
    with serving(folder, flows, numbers=numbers, extensions=EXTENSIONS, outbound=outbound) as server:
        yield server


@pytest.fixture
def user() -> str:
    return next(_free)


@pytest.fixture
async def near(server: Server) -> AsyncIterator[Peer]:
    """Who calls."""
    async with peer(server.address) as made:
        yield made


@pytest.fixture
async def far(server: Server, user: str) -> AsyncIterator[Peer]:
    """Who is called: the only phone of extension `user`."""
    async with peer(server.address) as made:
        await made.register(user, PASSWORD)
        yield made


async def called(near: Peer, far: Peer, user: str, first: str = "2") -> tuple[Talk, Message]:
    """Let the near peer call the far one; returns the caller's talk, and the INVITE that the far peer got."""
    talk = near.calling(first + user[1:])
    talk.request("INVITE", body=sdp(), branch=talk.call_id)
    return talk, await far.next("INVITE")


async def answered(near: Peer, caller: Talk) -> Message:
    """Wait until the caller is answered, and acknowledge."""
    ok = await near.next("200 INVITE")
    caller.learn(ok)
    caller.ack(ok)
    return ok


def cancel(caller: Talk) -> None:
    """Send the caller's CANCEL."""
    remote = caller.remote
    caller.request("CANCEL", cseq=1, branch=caller.call_id)
    assert caller.remote == remote


# Forks


async def test_of_two_200s_one_is_kept_and_the_other_gets_ack_and_bye(
    near: Peer, far: Peer, user: str
) -> None:
    caller, invite = await called(near, far, user)
    kept, other = far.called(invite, "kept"), far.called(invite, "other")
    kept.reply(invite, "180 Ringing")
    other.reply(invite, "180 Ringing")
    kept.reply(invite, "200 OK", body=sdp(40010))
    other.reply(invite, "200 OK", body=sdp(40020))
    acks = [await far.next("ACK"), await far.next("ACK")]
    assert [ack["To"].partition(";tag=")[2] for ack in acks] == ["kept", "other"]
    assert {ack.number for ack in acks} == {invite.number}
    bye = await other.hung_up()
    assert bye["To"].endswith(";tag=other")
    await answered(near, caller)
    await far.nothing("BYE", 0.5)
    kept.request("BYE")
    await far.next("200 BYE")
    await caller.hung_up()
    assert len(near.times("200 INVITE")) == 1


async def test_the_fork_that_answers_is_heard_and_no_other(near: Peer, far: Peer, user: str) -> None:
    async with sounding(101, 101, 101) as (ear, first, second):
        first.voice, second.voice = (
            encode_ulaw(prompts.tone(VOICES[kind], 1.0)) for kind in ("baresip", "pjsua")
        )
        caller = near.calling(f"3{user[1:]}")
        caller.request("INVITE", body=sdp(ear.port))
        invite = await far.next("INVITE")
        forks = far.called(invite, "one"), far.called(invite, "two")
        for fork, sound in zip(forks, (first, second), strict=True):
            sound.speak_to(invite.body)
            fork.reply(invite, "183 Session Progress", body=sdp(sound.port))
            await asyncio.sleep(0.1)
        early = await near.next("183 INVITE")
        assert early.streams() != []
        ear.speak_to(early.body)
        await asyncio.sleep(0.8)
        heard = voices_in(ear.heard(), 8000)
        assert sorted(heard[kind] > 0.3 for kind in ("baresip", "pjsua")) == [False, True]  # one at a time
        forks[1].reply(invite, "200 OK", body=sdp(second.port))
        await answered(near, caller)
        at = time.monotonic() + 0.3
        await asyncio.sleep(1.4)
        heard = voices_in(ear.heard(at), 8000)
        assert (heard["baresip"], heard["pjsua"] >= 0.8) == (0.0, True), heard
        assert [packet for packet in second.packets if packet.at > at]
        assert not [packet for packet in first.packets if packet.at > at]
        await caller.bye()
        await forks[1].hung_up()


# CANCEL


async def test_a_200_that_crosses_our_cancel_gets_ack_and_bye(near: Peer, far: Peer, user: str) -> None:
    caller, invite = await called(near, far, user)
    callee = far.called(invite)
    callee.reply(invite, "180 Ringing")
    await near.next("180 INVITE")
    cancel(caller)
    crossing = await far.next("CANCEL")
    callee.reply(invite, "200 OK", body=sdp())
    callee.reply(crossing, "200 OK")
    assert (await far.next("ACK")).number == invite.number
    await callee.hung_up()
    await near.next("487 INVITE")
    callee.reply(invite, "200 OK", body=sdp())  # once more, as if the ACK were lost
    await far.next("ACK")


async def test_a_cancel_waits_for_the_first_provisional_response(near: Peer, far: Peer, user: str) -> None:
    caller, invite = await called(near, far, user)
    cancel(caller)
    await near.next("487 INVITE")  # the caller need not wait
    await far.nothing("CANCEL", 0.8)
    assert len(far.times("INVITE")) == 2  # the INVITE is still repeated
    callee = far.called(invite)
    callee.reply(invite, "180 Ringing")
    at = time.monotonic()
    request = await far.next("CANCEL")
    assert request.at - at < 0.2
    assert (request.number, request["Via"]) == (invite.number, invite["Via"])
    callee.reply(request, "200 OK")
    callee.reply(invite, "487 Request Terminated")
    assert (await far.next("ACK"))["Via"] == invite["Via"]


async def test_the_cancel_of_the_caller_reaches_all_that_ring_within_200_ms(
    server: Server, near: Peer, far: Peer, user: str
) -> None:
    async with AsyncExitStack() as stack:
        phones = [far, *[await stack.enter_async_context(peer(server.address)) for _ in range(2)]]
        for phone in phones[1:]:
            await phone.register(user, PASSWORD)
        caller, _ = await called(near, far, user)
        invites = [phone.seen[-1] if phone is far else await phone.next("INVITE") for phone in phones]
        talks = [phone.called(invite) for phone, invite in zip(phones, invites, strict=True)]
        for talk, invite in zip(talks, invites, strict=True):
            talk.reply(invite, "180 Ringing")
        await near.next("180 INVITE")
        at = time.monotonic()
        cancel(caller)
        for phone, talk, invite in zip(phones, talks, invites, strict=True):
            request = await phone.next("CANCEL")
            assert request.at - at < 0.2
            talk.reply(request, "200 OK")
            talk.reply(invite, "487 Request Terminated")
            await phone.next("ACK")
        await near.next("200 CANCEL")
        await near.next("487 INVITE")


async def test_who_did_not_answer_first_is_cancelled_within_200_ms(
    server: Server, near: Peer, far: Peer, user: str
) -> None:
    async with AsyncExitStack() as stack:
        phones = [far, *[await stack.enter_async_context(peer(server.address)) for _ in range(2)]]
        for phone in phones[1:]:
            await phone.register(user, PASSWORD)
        caller, _ = await called(near, far, user)
        invites = [phone.seen[-1] if phone is far else await phone.next("INVITE") for phone in phones]
        talks = [phone.called(invite) for phone, invite in zip(phones, invites, strict=True)]
        for talk, invite in zip(talks, invites, strict=True):
            talk.reply(invite, "180 Ringing")
        await near.next("180 INVITE")
        at = time.monotonic()
        talks[1].reply(invites[1], "200 OK", body=sdp())
        for number in (0, 2):
            request = await phones[number].next("CANCEL")
            assert request.at - at < 0.2
            assert "cause=200" in request["Reason"] or "elsewhere" in request["Reason"]
            talks[number].reply(request, "200 OK")
            talks[number].reply(invites[number], "487 Request Terminated")
        assert (await phones[1].next("ACK")).at - at < 0.2
        await answered(near, caller)
        await caller.bye()
        await talks[1].hung_up()


# Races


async def test_of_two_phones_that_answer_at_once_one_talks_and_the_other_is_hung_up(
    server: Server, near: Peer, far: Peer, user: str
) -> None:
    async with peer(server.address) as second:
        await second.register(user, PASSWORD)
        caller, first_invite = await called(near, far, user)
        invites = (first_invite, await second.next("INVITE"))
        talks = [phone.called(invite) for phone, invite in zip((far, second), invites, strict=True)]
        for talk, invite in zip(talks, invites, strict=True):
            talk.reply(invite, "200 OK", body=sdp())
        await asyncio.gather(far.next("ACK"), second.next("ACK"))
        await answered(near, caller)
        await asyncio.sleep(0.3)
        hung_up = [talk for talk in talks if talk.peer.times("BYE")]
        assert len(hung_up) == 1
        await hung_up[0].hung_up()
        assert not far.times("CANCEL") + second.times("CANCEL")  # too late for that
        (talker,) = (talk for talk in talks if talk not in hung_up)
        await caller.bye()
        await talker.hung_up()


@pytest.mark.parametrize("seed", range(2))
async def test_answers_cancels_and_byes_that_cross_leave_nothing_behind(
    server: Server, near: Peer, far: Peer, user: str, seed: int
) -> None:
    chance = random.Random(seed)
    answered_already: set[str] = set()  # Call-IDs

    async def callee() -> None:
        invite = await far.next("INVITE")
        ringing.set()
        talk = far.called(invite)

        def told(message: Message) -> None:
            if message["Call-ID"] == talk.call_id and message.name in ("CANCEL", "BYE"):
                talk.reply(message, "200 OK")
                if message.name == "CANCEL" and talk.call_id not in answered_already:
                    answered_already.add(talk.call_id)
                    talk.reply(invite, "487 Request Terminated")

        far.told = told
        if chance.random() < 0.7:
            talk.reply(invite, "180 Ringing")
        await asyncio.sleep(chance.random() * 0.01)
        if talk.call_id not in answered_already:
            answered_already.add(talk.call_id)
            talk.reply(invite, "200 OK", body=sdp())
            await far.next("ACK")
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random() * 0.005)
                talk.request("BYE")

    async def caller() -> None:
        talk = near.calling(f"2{user[1:]}")

        def told(message: Message) -> None:
            if message.name == "BYE":
                talk.reply(message, "200 OK")

        near.told = told
        talk.request("INVITE", body=sdp(), branch=talk.call_id)
        await ringing.wait()
        await asyncio.sleep(chance.random() * 0.015)
        cancel(talk)
        final = await near.final(talk, "INVITE")
        if final.name == "200 INVITE":
            talk.learn(final)
            talk.ack(final)
            talk.request("BYE")
            assert (await near.final(talk)).name in ("200 BYE", "481 BYE")
        else:
            assert final.name == "487 INVITE"
            talk.remote = final["To"]
            talk.request("ACK", cseq=1, branch=talk.call_id)

    for _ in range(20):
        ringing = asyncio.Event()
        await asyncio.gather(caller(), callee())
    quiet = time.monotonic() + 0.4
    assert await asyncio.to_thread(server.media_sockets_left, 8.0) == 0
    await asyncio.sleep(1.2)  # nothing is repeated any more
    assert not [message for message in (*near.seen, *far.seen) if message.at > quiet]


# ACKs


async def test_every_repeated_200_is_acknowledged_again(near: Peer, far: Peer, user: str) -> None:
    caller, invite = await called(near, far, user)
    callee = far.called(invite)
    text = callee.reply(invite, "200 OK", body=sdp())
    for _ in range(3):
        await asyncio.sleep(0.05)
        invite.answer(text)
    acks = [await far.next("ACK") for _ in range(4)]
    assert {(ack.number, ack.uri, ack["Via"]) for ack in acks} == {
        (invite.number, f"sip:peer@127.0.0.1:{far.port}", acks[0]["Via"])
    }
    assert acks[0]["Via"] != invite["Via"]  # a transaction of its own
    await answered(near, caller)
    await caller.bye()
    await callee.hung_up()


@pytest.mark.parametrize("status", ["486 Busy Here", "503 Service Unavailable", "603 Decline"])
async def test_a_refusal_is_acknowledged_at_once_in_the_invites_transaction(
    near: Peer, far: Peer, user: str, status: str
) -> None:
    _, invite = await called(near, far, user)
    callee = far.called(invite)
    callee.reply(invite, "180 Ringing")
    text = callee.reply(invite, status)
    at = time.monotonic()
    ack = await far.next("ACK")
    assert ack.at - at < 0.2  # so that nobody has to repeat it: that begins after 0.5 s
    assert (ack["Via"], ack.uri, ack["To"]) == (invite["Via"], invite.uri, callee.local)
    invite.answer(text)
    assert (await far.next("ACK"))["Via"] == invite["Via"]


# SIPp as the phone


@needs_sipp
async def test_sipp_as_a_phone_gets_cancel_and_ack_as_it_expects_them(
    server: Server, near: Peer, far: Peer, user: str, tmp_path: Path
) -> None:
    port = ports.free()
    phone = asyncio.create_task(
        sipp("called_cancel.xml", server.address, tmp_path / "sipp", seconds=8.0, port=port)
    )
    await asyncio.sleep(0.5)  # it says nothing when it is ready
    caller, invite = await called(near, far, user)
    far.called(invite).reply(invite, "302 Moved", f"Contact: <sip:sipp@127.0.0.1:{port}>")
    await near.next("180 INVITE")
    cancel(caller)
    await near.next("487 INVITE")
    verdict = await phone
    assert verdict.code == 0, f"{verdict.output}\n{verdict.trace[-6000:]}"


# Early media and PRACK


async def test_a_reliable_183_is_acknowledged_once_and_in_order(near: Peer, far: Peer, user: str) -> None:
    caller, invite = await called(near, far, user, "3")
    assert "100rel" in ",".join(invite.all("Supported"))
    callee = far.called(invite)
    text = callee.reply(invite, "183 Session Progress", "Require: 100rel", "RSeq: 800", body=sdp())
    prack = await far.next("PRACK")
    assert prack["RAck"] == f"800 {invite.number} INVITE"
    invite.answer(text)  # its PRACK is on the way
    callee.reply(invite, "180 Ringing", "Require: 100rel", "RSeq: 802")  # one is missing before it
    await asyncio.sleep(0.2)
    assert len(far.times("PRACK")) == 1
    callee.reply(prack, "200 OK")
    callee.reply(invite, "180 Ringing", "Require: 100rel", "RSeq: 801")
    second = await far.next("PRACK")
    assert (second["RAck"], second.number) == (f"801 {invite.number} INVITE", prack.number + 1)
    callee.reply(second, "200 OK")
    callee.reply(invite, "200 OK", body=sdp())
    await far.next("ACK")
    await answered(near, caller)
    await caller.bye()
    await callee.hung_up()


# Session timers


async def test_a_422_raises_what_we_ask_for(near: Peer, far: Peer, user: str) -> None:
    caller, invite = await called(near, far, user)
    asked = int(invite["Session-Expires"].partition(";")[0])
    far.called(invite).reply(invite, "422 Session Interval Too Small", f"Min-SE: {asked + 300}")
    await far.next("ACK")
    second = await far.next("INVITE")
    assert second["Session-Expires"].partition(";")[0] == second["Min-SE"] == str(asked + 300)
    assert (second.number, second["Call-ID"]) == (invite.number + 1, invite["Call-ID"])
    callee = far.called(second)
    callee.reply(second, "200 OK", f"Session-Expires: {asked + 300};refresher=uas", body=sdp())
    assert (await far.next("ACK")).number == second.number
    await answered(near, caller)
    await caller.bye()
    await callee.hung_up()


# Digits


async def test_digits_go_out_with_the_number_of_the_answer_and_come_in_with_that_of_the_offer(
    near: Peer, far: Peer, user: str
) -> None:
    async with sounding(96, 110) as (here, there):
        caller = near.calling(f"2{user[1:]}")
        caller.request("INVITE", body=sdp(here.port, "a=rtpmap:96 telephone-event/8000", formats="0 96"))
        invite = await far.next("INVITE")
        (offered,) = re.findall(r"a=rtpmap:(\d+) telephone-event", invite.body)
        callee = far.called(invite)
        lines = "a=rtpmap:110 telephone-event/8000", "a=fmtp:110 0-15"
        callee.reply(invite, "200 OK", body=sdp(there.port, *lines, formats="0 110"))
        here.speak_to((await answered(near, caller)).body)
        there.speak_to(invite.body)
        await asyncio.sleep(0.3)
        there.event_type = int(offered)  # what we send; what comes has the number of our own answer
        await asyncio.gather(here.press("42"), there.press("7#"))
        await asyncio.sleep(0.8)
        there.event_type = 110
        assert (there.digits(), here.digits()) == ("42", "7#")
        await caller.bye()
        await callee.hung_up()


# Where to


async def test_a_phone_with_a_private_contact_is_called_where_it_registered_from(
    server: Server, near: Peer, user: str
) -> None:
    async with peer(server.address) as far:
        await far.register(user, PASSWORD, contact="sip:desk@10.0.0.9:5060")
        caller, invite = await called(near, far, user)
        assert invite.uri == "sip:desk@10.0.0.9:5060"
        far.contact = "sip:desk@192.168.1.7:5060"
        callee = far.called(invite)
        callee.reply(invite, "200 OK", body=sdp())
        assert (await far.next("ACK")).uri == far.contact
        await answered(near, caller)
        await caller.bye()
        assert (await callee.hung_up()).uri == far.contact


@pytest.mark.parametrize("loose", [True, False])
async def test_the_recorded_route_of_the_answer_is_taken_in_reverse(
    near: Peer, far: Peer, user: str, loose: bool
) -> None:
    caller, invite = await called(near, far, user)
    callee = far.called(invite)
    proxy = f"sip:127.0.0.1:{far.port}{';lr' if loose else ''};hop=near"
    lines = "Record-Route: <sip:far.example;lr;hop=far>", f"Record-Route: <{proxy}>"
    far.contact = "sip:desk@phone.far.example"
    callee.reply(invite, "200 OK", *lines, body=sdp())
    ack = await far.next("ACK")
    await answered(near, caller)
    await caller.bye()
    bye = await callee.hung_up()
    for request in (ack, bye):
        routes = ", ".join(request.all("Route"))
        if loose:
            assert request.uri == far.contact
            assert re.fullmatch(r"<[^>]*hop=near>, <[^>]*hop=far>", routes)
        else:
            assert "hop=near" in request.uri
            assert re.fullmatch(rf"<[^>]*hop=far>, <{far.contact}>", routes)


async def test_redirections_are_followed_in_the_order_of_q(
    server: Server, near: Peer, far: Peer, user: str
) -> None:
    async with peer(server.address) as busy, peer(server.address) as free:
        caller, invite = await called(near, far, user)
        contacts = (
            f"<sip:second@127.0.0.1:{free.port}>;q=0.2",
            f'"with, comma" <sip:first@127.0.0.1:{busy.port}>;q=0.9',
        )
        far.called(invite).reply(invite, "302 Moved", f"Contact: {', '.join(contacts)}")
        await far.next("ACK")
        first = await busy.next("INVITE")
        assert first.uri.startswith("sip:first@")
        await free.nothing("INVITE", 0.3)
        busy.called(first).reply(first, "486 Busy Here")
        second = await free.next("INVITE")
        assert second.uri.startswith("sip:second@")
        callee = free.called(second)
        callee.reply(second, "200 OK", body=sdp())
        await free.next("ACK")
        await answered(near, caller)
        await caller.bye()
        await callee.hung_up()


@pytest.mark.parametrize("width", [1, 3])
async def test_a_circle_of_redirections_comes_to_an_end(near: Peer, far: Peer, user: str, width: int) -> None:
    _, invite = await called(near, far, user)
    contacts = ", ".join(f"<sip:{user}@127.0.0.1:{far.port};way={way}>" for way in range(width))
    with pytest.raises(AssertionError, match="no INVITE"):
        while len(far.times("INVITE")) < 50:
            far.called(invite).reply(invite, "302 Moved", f"Contact: {contacts}")
            await far.next("ACK")
            invite = await far.next("INVITE", 0.4)
    await near.next("480 INVITE")
    assert len(far.times("INVITE")) <= 1 + width  # nobody is asked twice


# Long requests


@pytest.mark.parametrize("listens", [True, False], ids=["TCP", "UDP where nobody listens"])
async def test_what_is_longer_than_1300_bytes_goes_over_tcp(
    server: Server, near: Peer, user: str, listens: bool
) -> None:
    async with peer(server.address, tcp=listens) as far:
        await far.register(user, PASSWORD)
        caller = near.calling(f"2{user[1:]}")
        caller.local = f'"{"A long name " * 50}" {caller.local}'
        caller.request("INVITE", body=sdp())
        invite = await far.next("INVITE")
        assert invite.transport == ("TCP" if listens else "UDP")
        assert invite["Via"].startswith(f"SIP/2.0/{invite.transport} ")
        callee = far.called(invite)
        callee.reply(invite, "200 OK", body=sdp())
        await far.next("ACK")
        await answered(near, caller)
        await caller.bye()
        await callee.hung_up()
