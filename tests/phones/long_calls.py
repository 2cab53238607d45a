"""What happens in calls of minutes: sessions that are refreshed (RFC 4028), are not, or are refreshed at a bad time.

Each play returns what `test_long.py` judges. The peers made by hand send no sound and ask for none, so that silence
ends no call.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.phones import prompts
from tests.phones.account import Account
from tests.phones.background import Play
from tests.phones.desks import PASSWORD
from tests.phones.linphone import linphone
from tests.phones.pjsua import pjsua
from tests.phones.server import Server
from tests.phones.wire_peer import Message, Peer, Talk, peer, sdp

SESSION = 90  # s: the shortest that RFC 4028 allows
LONG = 300.0  # s
FLOWS = {
    "quiet": """
name: quiet
actions:
  - type: answer
  - type: sleep
    option: {duration: 600000}
""",  # 100
    "to": """
name: to
actions:
  - type: connect
    option: {destinations: [{type: extension, target: "1300"}]}
""",  # 200
    "to_pjsua": """
name: to_pjsua
actions:
  - type: connect
    option: {destinations: [{type: extension, target: "1301"}]}
""",  # 300
}
EXTENSIONS = {"1300": PASSWORD, "1301": PASSWORD}


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A call that was refreshed for five minutes."""

    status: int  # of its end
    refreshes: int
    received: int  # RTP packets in its last seconds


async def pjsua_refreshes(server: Server, folder: Path) -> Refreshed:
    """PJSIP asks for 90 s, is told to refresh, and does so by UPDATE."""
    async with pjsua(folder, timer=SESSION) as phone:
        await phone.call("100", server.address)
        await asyncio.sleep(LONG)
        before = await phone.packets()
        await asyncio.sleep(1.0)
        received = await phone.packets() - before
        refreshes = len(re.findall(r"TX \d+ bytes Request msg UPDATE", phone.child.output))
        await phone.hang_up()
        return Refreshed(await phone.over(), refreshes, received)


async def pjsua_is_refreshed(server: Server, folder: Path) -> Refreshed:
    """PJSIP is called, takes the server's 90 s, and leaves the refreshing to the server: by UPDATE."""
    account = Account("1301", PASSWORD, server.address)
    async with peer(server.address) as near, pjsua(folder, timer=SESSION, account=account) as phone:
        caller = near.calling("300")
        caller.request("INVITE", body=sdp(40000, "a=inactive"))
        await phone.rings()
        await phone.answer()
        answered = await near.next("200 INVITE")
        caller.learn(answered)
        caller.ack(answered)
        await asyncio.sleep(LONG)
        refreshes = len(re.findall(r"RX \d+ bytes Request msg UPDATE", phone.child.output))
        await caller.bye()
        return Refreshed(await phone.over(), refreshes, 0)


def linphone_as(refresher: str) -> Play:
    """Return the play in which linphone asks for 90 s, and to refresh by itself ("uac") or to be refreshed."""

    async def play(server: Server, folder: Path) -> Refreshed:
        voice = prompts.write(folder / "voice.wav", prompts.tone(1000, LONG + 30.0))  # linphone says it once
        async with linphone(folder, timer=SESSION, refresher=refresher, voice=voice) as phone:
            await phone.call("100", server.address)
            await asyncio.sleep(LONG)
            log = (phone.recording.parent / "linphone.log").read_text(errors="replace")
            refreshes = len(re.findall(r"^(UPDATE|INVITE) sip:", log, re.MULTILINE))
            await phone.hang_up()
            return Refreshed(await phone.over(), refreshes, 0)

    return play


def by_hand(play: Callable[[Peer, Talk], Awaitable[object]], *lines: str) -> Play:
    """Return a play of a peer made by hand that has called with more header lines and was answered."""

    async def performed(server: Server, folder: Path) -> object:
        async with peer(server.address) as far:
            talk = far.calling("100")
            await talk.invite(sdp(40000, "a=inactive"), "Supported: timer", *lines)
            return await play(far, talk)

    return performed


async def refreshed_by_reinvite(far: Peer, talk: Talk) -> list[Message]:
    """Answer the server's re-INVITEs, as it may not send UPDATE; returns them."""
    end, refreshes = time.monotonic() + LONG, []
    with suppress(AssertionError):
        while True:
            refreshes.append(await far.next("INVITE", end - time.monotonic()))
            timer = f"Session-Expires: {SESSION};refresher=uac"
            talk.reply(refreshes[-1], "200 OK", timer, body=sdp(40000, "a=inactive"))
            await far.next("ACK", number=refreshes[-1].number)
    await talk.bye()
    return refreshes


async def refreshes_by_reinvite(far: Peer, talk: Talk) -> list[Message]:
    """Refresh the session by re-INVITEs, each 45 s; returns the answers."""
    answers = []
    for _ in range(int(LONG) // 45):
        await asyncio.sleep(45.0)
        timer = f"Session-Expires: {SESSION};refresher=uac"
        answers.append(await talk.invite(sdp(40000, "a=inactive"), "Supported: timer", timer))
    await talk.bye()
    return answers


async def stops_refreshing(far: Peer, talk: Talk) -> float:
    """Promise to refresh and do not; returns when the BYE came, in s after the answer."""
    answered = far.times("200 INVITE")[0]
    return (await talk.hung_up(100.0)).at - answered


async def glare(far: Peer, talk: Talk) -> dict[str, float]:
    """Send a re-INVITE while the server's is under way; returns how long it waited for its second one."""
    refresh = await far.next("INVITE", 60.0)
    talk.request(
        "INVITE", "Supported: timer", body=sdp(40010, "a=inactive", version=2), branch="glare" + talk.call_id
    )
    pending = await far.next("491 INVITE")
    talk.request("ACK", cseq=pending.number, branch="glare" + talk.call_id)
    talk.reply(refresh, "491 Request Pending")
    at = time.monotonic()
    await far.next("ACK", number=refresh.number)
    again = await far.next("INVITE", 6.0)
    talk.reply(again, "200 OK", f"Session-Expires: {SESSION};refresher=uac", body=sdp(40000, "a=inactive"))
    await far.next("ACK", number=again.number)
    answered = await talk.invite(
        sdp(40010, "a=inactive", version=2), "Supported: timer"
    )  # now there is no glare
    await talk.bye()
    return {
        "waited": again.at - at,
        "version": again.version,
        "first": refresh.version,
        "last": answered.version,
    }


async def glare_of_our_call(server: Server, folder: Path) -> dict[str, float]:
    """The same in a call that the server makes."""
    async with peer(server.address) as near, peer(server.address) as far:
        await far.register("1300", PASSWORD)
        caller = near.calling("200")
        caller.request("INVITE", body=sdp(40000, "a=inactive"))
        invite = await far.next("INVITE")
        callee = far.called(invite)
        callee.reply(invite, "200 OK", WE_REFRESH[1], THEY_REFRESH[0], body=sdp(40000, "a=inactive"))
        await far.next("ACK")
        answered = await near.next("200 INVITE")
        caller.learn(answered)
        caller.ack(answered)
        seen = await glare(far, callee)
        await caller.hung_up()
        return seen


async def bye_meets_reinvite(far: Peer, talk: Talk) -> list[str]:
    """Hang up while the server's re-INVITE is under way; returns the names of all that came after the BYE."""
    refresh = await far.next("INVITE", 60.0)
    count = len(far.seen)
    await talk.bye()
    talk.reply(refresh, "487 Request Terminated")
    await far.next("ACK", number=refresh.number)
    await asyncio.sleep(5.0)
    return [message.name for message in far.seen[count:]]


WE_REFRESH = f"Session-Expires: {SESSION};refresher=uas", "Allow: INVITE, ACK, BYE, CANCEL"
THEY_REFRESH = (f"Session-Expires: {SESSION};refresher=uac",)
PLAYS: dict[str, Play] = {
    "pjsua refreshes": pjsua_refreshes,
    "pjsua is refreshed": pjsua_is_refreshed,
    "linphone refreshes": linphone_as("uac"),
    "linphone is refreshed": linphone_as("uas"),
    "refreshed by re-INVITE": by_hand(refreshed_by_reinvite, *WE_REFRESH),
    "refreshes by re-INVITE": by_hand(refreshes_by_reinvite, *THEY_REFRESH),
    "stops refreshing": by_hand(stops_refreshing, *THEY_REFRESH),
    "glare in their call": by_hand(glare, *WE_REFRESH),
    "glare in our call": glare_of_our_call,
    "BYE meets re-INVITE": by_hand(bye_meets_reinvite, *WE_REFRESH),
}
