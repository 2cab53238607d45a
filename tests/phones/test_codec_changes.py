"""A phone that takes several codecs of our offer and sends now one, now another (RFC 3264 section 5.1)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from media.codecs.g722 import Encoder
from tests.phones import prompts, sound
from tests.phones.desks import PASSWORD, pjsua_desk
from tests.phones.installed import needs_pjsua
from tests.phones.server import Server, serving
from tests.phones.wire_peer import peer, sdp
from tests.phones.wire_sound import Sound, encode_ulaw, sounding

pytestmark = pytest.mark.phones

# Number 3005 calls extension 1005, and lets sound through before the answer.
EARLY = """
name: early
actions:
  - type: connect
    option: {destinations: [{type: extension, target: "1005"}], early_media: true}
"""
ANSWER = ("a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=sendrecv")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    extensions = {str(1000 + number): PASSWORD for number in range(6)}
    folder = tmp_path_factory.mktemp("changes")
    with serving(folder, {"early": EARLY}, numbers={"3005": "early"}, extensions=extensions) as server:
        yield server


async def say(voice: Sound, codec: str, frequency: int, seconds: float = 1.0) -> None:
    """Let the phone say a tone in PCMU or G.722."""
    if codec == "PCMU":
        voice.kind, voice.voice = 0, encode_ulaw(prompts.tone(frequency, 1.0)[:8000])
    else:
        samples = 0.3 * np.sin(2 * np.pi * frequency * np.arange(16000) / 16000)
        voice.kind, voice.voice = 9, Encoder().encode((samples * 32767).astype(np.int16))
    await asyncio.sleep(seconds)


@needs_pjsua
@pytest.mark.parametrize(("codec", "caller", "callee"), [("PCMU", "1000", "1001"), ("G722", "1002", "1003")])
async def test_each_codec_of_the_answer_is_heard_across_a_bridge(
    server: Server, tmp_path: Path, codec: str, caller: str, callee: str
) -> None:
    async with (
        peer(server.address) as far,
        sounding(101) as (voice,),
        pjsua_desk(caller, server, tmp_path, codec=codec) as phone,
    ):
        await far.register(callee, PASSWORD)
        await phone.dial(callee, server.address)
        invite = await far.next("INVITE")
        assert {"0", "9", "101"} <= set(invite.streams()[0].split()[3:])
        held = far.called(invite)
        held.reply(invite, "200 OK", body=sdp(voice.port, *ANSWER, formats="0 9 101"))
        await far.next("ACK")
        voice.speak_to(invite.body)
        await say(voice, "PCMU", 600)
        await say(voice, "G722", 1000)
        await voice.press("1")
        await say(voice, "PCMU", 1400)
        await voice.press("2")
        await say(voice, "G722", 1800)
        await voice.press("3")
        held.request("BYE")
        await phone.over()
    assert sound.tones(sound.heard(phone.recording), 0.5) == pytest.approx([600, 1000, 1400, 1800], abs=20)
    assert re.findall(r'"event": "digit", .*"digit": "(.)"', phone.child.output) == ["1", "2", "3"]
    assert {packet.payload_type for packet in voice.packets} == {0}  # ours go on in the first of the answer


@needs_pjsua
async def test_each_codec_is_heard_before_the_answer(server: Server, tmp_path: Path) -> None:
    async with (
        peer(server.address) as far,
        sounding(101) as (voice,),
        pjsua_desk("1004", server, tmp_path) as phone,
    ):
        await far.register("1005", PASSWORD)
        await phone.dial("3005", server.address)
        invite = await far.next("INVITE")
        held = far.called(invite)
        held.reply(invite, "183 Session Progress", body=sdp(voice.port, *ANSWER, formats="0 101"))
        voice.speak_to(invite.body)
        await say(voice, "G722", 600)  # not in the answer, and yet offered
        await say(voice, "PCMU", 1000)
        await say(voice, "G722", 1400)
        held.reply(invite, "486 Busy Here")
        assert await phone.over() >= 400
    assert sound.tones(sound.heard(phone.recording), 0.5) == pytest.approx([600, 1000, 1400], abs=20)
