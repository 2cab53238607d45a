"""Kamailio between us and the phones as a Record-Routing proxy, and as the carrier that we register with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.phones import prompts, sound
from tests.phones.account import Account
from tests.phones.desks import PASSWORD, VOICES, voices
from tests.phones.installed import needs_kamailio, needs_pjsua
from tests.phones.kamailio import Kamailio, Seen, kamailio
from tests.phones.pjsua import Pjsua, pjsua
from tests.phones.server import Server, serving

pytestmark = [pytest.mark.phones, needs_kamailio, needs_pjsua]

# Says "one", waits for a digit, says the place that was chosen, and hangs up or waits for the caller to.
MENU = """
name: menu
actions:
  - type: answer
  - type: play
    option: {stream_urls: [sounds/one.wav]}
  - type: digits_receive
    option: {duration: 8000, length: 1}
  - type: branch
    option: {target_ids: {"1": two, "2": stay}, default_target_id: wrong}
  - id: two
    type: play
    option: {stream_urls: [sounds/two.wav]}
  - type: hangup
  - id: stay
    type: play
    option: {stream_urls: [sounds/again.wav, sounds/two.wav, sounds/again.wav, sounds/two.wav]}
  - type: sleep
    option: {duration: 60000}
  - {id: wrong, type: play, option: {stream_urls: [sounds/wrong.wav]}}
  - type: hangup
"""
EXTENSIONS = {"1001": PASSWORD, "1002": PASSWORD}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("behind")
    with serving(folder, {"menu": MENU}, numbers={"100": "menu"}, extensions=EXTENSIONS) as server:
        yield server


def ours(proxy: Kamailio, server: Server, method: str) -> list[Seen]:
    """Return what the server has sent through the proxy."""
    return proxy.seen(method, server.port)


def through(proxy: Kamailio, request: Seen, phone: Pjsua) -> bool:
    """Tell whether an in-dialog request is as RFC 3261 section 12.2.1.1 wants it: by Route, to the phone's Contact."""
    return f"{proxy.address};" in request.route and f"127.0.0.1:{phone.port}" in request.uri


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_through_a_proxy_that_stays_in_the_way(
    server: Server, tmp_path: Path, transport: str
) -> None:
    async with (
        kamailio(tmp_path, role="PROXY", server_port=server.port, transport=transport) as proxy,
        pjsua(tmp_path, name="leaves") as leaves,
        pjsua(tmp_path, name="stays") as stays,
    ):
        await asyncio.gather(leaves.call("100", proxy.address), stays.call("100", proxy.address))
        await asyncio.sleep(1.5)
        await asyncio.gather(leaves.press("2"), stays.press("1"))
        assert await stays.over() == 200
        await leaves.hold()
        await asyncio.sleep(0.5)
        await leaves.resume()
        await asyncio.sleep(1.0)
        await leaves.hang_up()
        assert await leaves.over() == 200
        byes = ours(proxy, server, "BYE")
        assert [through(proxy, bye, stays) for bye in byes] == [True]
        assert proxy.seen("BYE", leaves.port)[0].uri.endswith(f"{server.port}") or transport == "tcp"
    assert prompts.places(sound.tones(sound.heard(stays.recording))) == ["one", "two"]
    heard = prompts.places(sound.tones(sound.heard(leaves.recording)))
    assert heard[:2] == ["one", "again"]
    assert "wrong" not in heard


async def test_phones_that_register_through_a_proxy_are_called_through_it(
    server: Server, tmp_path: Path
) -> None:
    async with kamailio(tmp_path, role="PROXY", server_port=server.port) as proxy:
        caller, callee = (
            pjsua(
                tmp_path,
                name=user,
                account=Account(user, PASSWORD, proxy.address),
                voice=prompts.write(tmp_path / f"voice-{user}.wav", prompts.tone(VOICES[voice], 60.0)),
            )
            for user, voice in (("1001", "pjsua"), ("1002", "linphone"))
        )
        async with caller as one, callee as two:
            calling = asyncio.create_task(one.call("1002", proxy.address))
            await two.rings()
            await two.answer()
            await calling
            await asyncio.sleep(1.5)
            await one.hold()
            await asyncio.sleep(0.3)
            await one.resume()
            await asyncio.sleep(1.0)
            await two.hang_up()
            await asyncio.gather(one.over(), two.over())
            (invite, *_) = [seen for seen in ours(proxy, server, "INVITE") if "1002" in seen.uri]
            assert f"{proxy.address};lr" in invite.route  # what the proxy put into Path
            assert all(through(proxy, ack, two) for ack in ours(proxy, server, "ACK"))
            assert [through(proxy, bye, one) for bye in ours(proxy, server, "BYE")] == [True]
    for phone, other, own in ((one, "linphone", "pjsua"), (two, "pjsua", "linphone")):
        heard = voices(phone.recording)
        assert heard[other] >= 1.5, heard
        assert heard[own] == 0.0, heard
