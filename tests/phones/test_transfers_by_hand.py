"""REFER and Replaces message by message: what each side is sent, in which order, and who may ask for it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.phones.desks import PASSWORD
from tests.phones.server import Server, serving
from tests.phones.wire_peer import Message, Peer, Talk, credentials, peer, sdp

pytestmark = pytest.mark.phones

EXTENSIONS = {str(1300 + number): PASSWORD for number in range(40)}
_free = iter(EXTENSIONS)
# Number 2300 connects to extension 1300, and is open to everybody.
TO = """
name: to_{extension}
actions:
  - type: connect
    option: {{destinations: [{{type: extension, target: "{extension}"}}]}}
  - type: sleep
    option: {{duration: 60000}}
"""
MEETING = """
name: meeting
actions:
  - type: conference_join
    option: {conference_id: weekly}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flows = {f"to_{extension}": TO.format(extension=extension) for extension in EXTENSIONS}
    numbers = {f"2{extension[1:]}": f"to_{extension}" for extension in EXTENSIONS}
    folder = tmp_path_factory.mktemp("by_hand")
    with serving(
        folder,
        {**flows, "meeting": MEETING},
        numbers=numbers | {"800": "meeting"},
        extensions=EXTENSIONS,
        conferences=[{"id": "weekly"}],
    ) as server:
        yield server


@dataclass
class Talking:
    """A stranger has called a phone of ours; a third one is there."""

    server: Server
    stranger: Peer
    phone: Peer
    third: Peer
    stranger_talk: Talk
    phone_talk: Talk
    third_user: str

    async def refer(self, to: str, *lines: str) -> Message:
        """Let the phone send a REFER; returns its answer."""
        self.phone_talk.request("REFER", f"Refer-To: <{to}>", *lines)
        return await self.phone.final(self.phone_talk)

    async def notified(self, who: Talk | None = None) -> tuple[str, str]:
        """Take and answer a NOTIFY; returns its body and the state of the subscription."""
        talk = who or self.phone_talk
        request = await talk.peer.next("NOTIFY")
        talk.reply(request, "200 OK")
        return request.body.strip(), request["Subscription-State"].partition(";")[0]

    def address(self, user: str) -> str:
        return f"sip:{user}@{self.server.address}"


@asynccontextmanager
async def talking(server: Server) -> AsyncIterator[Talking]:
    users = list(itertools.islice(_free, 2))
    async with AsyncExitStack() as stack:
        stranger, phone, third = [await stack.enter_async_context(peer(server.address)) for _ in range(3)]
        for user, one in zip(users, (phone, third), strict=True):
            await one.register(user, PASSWORD)
        talk = stranger.calling(f"2{users[0][1:]}")
        talk.request("INVITE", body=sdp())
        invite = await phone.next("INVITE")
        phone_talk = phone.called(invite)
        phone_talk.reply(invite, "180 Ringing")
        phone_talk.reply(invite, "200 OK", body=sdp())
        await phone.next("ACK")
        answered = await stranger.next("200 INVITE")
        talk.learn(answered)
        talk.ack(answered)
        yield Talking(server, stranger, phone, third, talk, phone_talk, users[1])


async def test_a_blind_transfer_step_by_step(server: Server) -> None:
    async with talking(server) as call:
        accepted = await call.refer(call.address(call.third_user))
        assert accepted.name == "202 REFER"
        assert await call.notified() == ("SIP/2.0 100 Trying", "active")
        invite = await call.third.next("INVITE")
        assert invite["From"].startswith("<sip:peer@")  # the transferee
        assert invite["Referred-By"].startswith("<sip:13")
        target = call.third.called(invite)
        target.reply(invite, "180 Ringing")
        assert await call.notified() == ("SIP/2.0 180 Ringing", "active")
        target.reply(invite, "200 OK", body=sdp(41000))
        await call.third.next("ACK")
        assert await call.notified() == ("SIP/2.0 200 OK", "terminated")
        await call.phone.nothing("BYE", 1.0)  # it hangs up itself
        await call.phone_talk.bye()
        await call.stranger.nothing("BYE", 0.3)
        target.request("REFER", f"Refer-To: <{call.address('800')}>")
        assert (await call.third.final(target)).name == "202 REFER"
        assert await call.notified(target) == ("SIP/2.0 100 Trying", "active")
        assert await call.notified(target) == ("SIP/2.0 200 OK", "terminated")
        await target.bye()
        await call.stranger.nothing("BYE", 0.3)  # it is in the conference
        await call.stranger_talk.bye()


async def test_a_transferor_that_does_not_hang_up_is_hung_up(server: Server) -> None:
    async with talking(server) as call:
        await call.refer(call.address("800"))
        await call.notified()
        assert await call.notified() == ("SIP/2.0 200 OK", "terminated")
        assert (await call.phone.next("BYE", 7.0)).name == "BYE"
        await call.stranger.nothing("BYE", 0.3)
        await call.stranger_talk.bye()


async def test_a_transfer_into_a_conference(server: Server) -> None:
    async with talking(server) as call:
        await call.refer(call.address("conference:weekly"))
        await call.notified()
        assert await call.notified() == ("SIP/2.0 200 OK", "terminated")
        await call.phone_talk.bye()
        await call.stranger.nothing("BYE", 0.5)
        await call.stranger_talk.bye()


@pytest.mark.parametrize(("to", "status"), [("4711", 404), ("x@192.0.2.7", 403)])
async def test_a_transfer_passes_the_same_gate_as_a_call(server: Server, to: str, status: int) -> None:
    async with talking(server) as call:
        await call.refer(
            call.address(to) if "@" not in to else f"sip:{to.replace('192.0.2.7', 'far.example')}"
        )
        await call.notified()
        body, state = await call.notified()
        assert (body.split()[1], state) == (str(status), "terminated")
        await call.phone_talk.bye()
        await call.stranger_talk.bye()


async def test_a_stranger_transfers_nobody(server: Server) -> None:
    async with talking(server) as call:
        talk = call.stranger_talk
        talk.request("REFER", f"Refer-To: <{call.address(call.third_user)}>")
        assert (await call.stranger.final(talk)).name == "202 REFER"
        assert await call.notified(talk) == ("SIP/2.0 100 Trying", "active")
        assert await call.notified(talk) == ("SIP/2.0 403 Forbidden", "terminated")
        await call.third.nothing("INVITE", 0.3)
        await talk.bye()
        await call.phone_talk.hung_up()


def replacing(call: Talking) -> tuple[Talk, str]:
    """Return a call of the third one that is to replace the phone's, and its Replaces line."""
    server_tag = call.phone_talk.remote.partition("tag=")[2]
    own_tag = call.phone_talk.local.partition("tag=")[2]
    line = f"Replaces: {call.phone_talk.call_id};to-tag={server_tag};from-tag={own_tag}"
    return call.third.calling("whoever"), line


async def test_a_phone_takes_over_another_ones_call(server: Server) -> None:
    async with talking(server) as call:
        talk, line = replacing(call)
        talk.request("INVITE", line, body=sdp(42000))
        challenged = await call.third.next("407 INVITE")
        answer = credentials(
            challenged["Proxy-Authenticate"], call.third_user, PASSWORD, talk.target, method="INVITE"
        )
        talk.request("INVITE", line, f"Proxy-Authorization: {answer}", body=sdp(42000))
        answered = await call.third.next("200 INVITE")
        talk.learn(answered)
        talk.ack(answered)
        await call.phone_talk.hung_up()
        await call.stranger.nothing("BYE", 0.3)
        assert "REFER" in answered["Allow"]
        await talk.bye()
        await call.stranger.nothing("BYE", 0.3)  # alone, and its flow goes on
        await call.stranger_talk.bye()


async def test_a_stranger_takes_nothing_over(server: Server) -> None:
    async with talking(server) as call:
        talk, line = replacing(call)
        talk.target = call.stranger_talk.target  # a public number
        talk.request("INVITE", line, body=sdp(42000))
        assert (await call.third.final(talk)).name == "407 INVITE"
        await call.phone.nothing("BYE", 0.3)
        await call.phone_talk.bye()
        await call.stranger_talk.bye()


async def test_what_is_replaced_must_be_there(server: Server) -> None:
    async with talking(server) as call:
        talk, line = replacing(call)
        talk.request("INVITE", line.replace("to-tag=", "to-tag=x"), body=sdp(42000))
        assert (await call.third.final(talk)).name == "481 INVITE"
        await call.stranger_talk.bye()
        await call.phone_talk.hung_up()


@asynccontextmanager
async def ringing(server: Server) -> AsyncIterator[tuple[Talking, Message]]:
    """A stranger calls a phone of ours, which rings; a third one is there."""
    users = list(itertools.islice(_free, 2))
    async with AsyncExitStack() as stack:
        stranger, phone, third = [await stack.enter_async_context(peer(server.address)) for _ in range(3)]
        for user, one in zip(users, (phone, third), strict=True):
            await one.register(user, PASSWORD)
        talk = stranger.calling(f"2{users[0][1:]}")
        talk.request("INVITE", body=sdp())
        invite = await phone.next("INVITE")
        phone_talk = phone.called(invite)
        phone_talk.reply(invite, "180 Ringing")
        await stranger.next("180 INVITE")
        yield Talking(server, stranger, phone, third, talk, phone_talk, users[1]), invite


async def picking_up(call: Talking) -> Talk:
    """Let the third one ask for the call that rings at the phone, with its password."""
    talk, line = replacing(call)
    talk.request("INVITE", line, body=sdp(42000))
    challenged = await call.third.next("407 INVITE")
    answer = credentials(
        challenged["Proxy-Authenticate"], call.third_user, PASSWORD, talk.target, method="INVITE"
    )
    talk.request("INVITE", line, f"Proxy-Authorization: {answer}", body=sdp(42000))
    return talk


async def test_a_call_is_picked_up_from_a_phone_that_rings(server: Server) -> None:
    async with ringing(server) as (call, invite):
        talk = await picking_up(call)
        answered = await call.third.next("200 INVITE")
        talk.learn(answered)
        talk.ack(answered)
        cancel = await call.phone.next("CANCEL")
        assert "Call completed elsewhere" in cancel["Reason"]
        call.phone_talk.reply(cancel, "200 OK")
        call.phone_talk.reply(invite, "487 Request Terminated")
        heard = await call.stranger.next("200 INVITE")
        call.stranger_talk.learn(heard)
        call.stranger_talk.ack(heard)
        await call.third.nothing("BYE", 0.3)
        await call.stranger_talk.bye()
        await talk.hung_up()


async def test_who_picks_up_too_late_gets_nothing(server: Server) -> None:
    async with ringing(server) as (call, invite):
        call.stranger_talk.request("CANCEL", cseq=1, branch=branch_of(call.stranger))
        cancel = await call.phone.next("CANCEL")
        call.phone_talk.reply(cancel, "200 OK")
        talk, line = replacing(call)
        talk.request("INVITE", line, body=sdp(42000))
        assert (await call.third.final(talk)).name == "603 INVITE"  # RFC 3891 section 3: it is over
        call.phone_talk.reply(invite, "487 Request Terminated")


def branch_of(caller: Peer) -> str:
    """Return the branch of the INVITE that a caller sent first, as the server has repeated it in its answer."""
    via = next(message for message in caller.seen if message.name == "180 INVITE")["Via"]
    return via.partition("branch=z9hG4bK")[2].partition(";")[0]
