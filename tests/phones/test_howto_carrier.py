"""docs/howto/carrier.md: we register with Kamailio, calls come in and go out, the second carrier takes over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.phones import ports, prompts
from tests.phones.account import Account
from tests.phones.desks import VOICES, pjsua_desk, voices
from tests.phones.howto import following
from tests.phones.installed import needs_kamailio, needs_pjsua
from tests.phones.kamailio import PASSWORD, Kamailio, kamailio
from tests.phones.pjsua import Pjsua, pjsua
from tests.phones.server import Server
from tests.phones.wire_peer import Peer, peer, sdp

pytestmark = [pytest.mark.phones, needs_kamailio, needs_pjsua]

FIRST, SECOND = "127.0.0.2", "127.0.0.3"
OURS, ALSO_OURS, MOBILE = "+493012345678", "+493012345679", "+493098765432"  # the page's


@asynccontextmanager
async def customer(folder: Path) -> AsyncIterator[tuple[Server, Kamailio, Peer]]:
    """Follow the page, with a real carrier for its first one and a scripted one for its second."""
    fixed = ports.free()
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(
            kamailio(folder / "carrier", role="CARRIER", host=FIRST, account="customer", dids="^[+]49301234")
        )
        instead = {
            "hostname: sip.carrier.example": f"hostname: {first.address}",
            "hostname: trunk.other.example": f"hostname: {SECOND}:{fixed}",
            "192.0.2.0/24": SECOND,
        }
        server = stack.enter_context(following("carrier", folder, instead=instead))
        second = await stack.enter_async_context(peer(server.address, at=SECOND, port=fixed))
        await logged(server, "registered with provider")
        yield server, first, second


async def logged(server: Server, text: str, seconds: float = 10.0) -> None:
    """Wait until the server has logged something."""
    deadline = time.monotonic() + seconds
    while text not in server.log.read_text(errors="replace"):
        assert time.monotonic() < deadline, f"no {text!r}:\n{server.tail()}"
        await asyncio.sleep(0.05)


def mobile(folder: Path, carrier: Kamailio) -> AbstractAsyncContextManager[Pjsua]:
    voice = prompts.write(folder / "voice-mobile.wav", prompts.tone(VOICES["linphone"], 60.0))
    return pjsua(folder, name="mobile", voice=voice, account=Account(MOBILE, PASSWORD, carrier.address))


async def test_calls_in_and_out_and_the_second_carrier(tmp_path: Path) -> None:
    async with customer(tmp_path) as (server, first, second):
        async with mobile(tmp_path, first) as far, pjsua_desk("1000", server, tmp_path) as desk:
            await far.call(OURS, first.address)  # the reception speaks
            await asyncio.sleep(0.5)
            await far.hang_up()
            await far.closed()
            calling = asyncio.create_task(desk.call(MOBILE, server.address))
            await far.rings()
            await far.answer()
            await calling
            await asyncio.sleep(1.5)
            await far.hang_up()
            assert await desk.over() == 200
            await far.over()
            assert f'"caller": "<sip:{OURS}@' in far.child.output
        assert voices(desk.recording)["linphone"] >= 1.0
        first.kill()
        async with pjsua_desk("1000", server, tmp_path) as desk:
            calling = asyncio.create_task(desk.call(MOBILE, server.address))
            invite = await second.next("INVITE", 10.0)
            assert invite.uri.startswith(f"sip:{MOBILE}@{SECOND}")
            assert f"<sip:{OURS}@" in invite["From"]
            talk = second.called(invite)
            talk.reply(invite, "200 OK", body=sdp())
            await calling
            await desk.hang_up()
            await talk.hung_up()
            assert await desk.over() == 200


async def test_the_fixed_carrier_reaches_its_number_and_others_do_not(tmp_path: Path) -> None:
    async with customer(tmp_path) as (server, _, second):
        call = second.calling(ALSO_OURS)
        await call.invite(sdp())
        await call.bye()
        async with peer(server.address, at="127.0.0.9") as stranger:
            refused = stranger.calling(ALSO_OURS)
            refused.request("INVITE", body=sdp())
            assert (await stranger.final(refused)).start.split()[1] in ("401", "403", "404", "407")
