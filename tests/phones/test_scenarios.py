"""Races and faults on the wire against the real server, message by message, and what it must make of them.

As the called side here; `test_scenarios_calling.py` has the server as caller. docs/interop.md lists what each is for.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import struct
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.phones.server import Server, serving
from tests.phones.wire_peer import Peer, peer, sdp
from tests.phones.wire_sound import EVENTS, Sound, sounding

pytestmark = pytest.mark.phones

FLOWS = {
    "quiet": """
name: quiet
actions:
  - type: answer
  - type: sleep
    option: {duration: 60000}
""",  # 100
    "returns": """
name: returns
actions:
  - type: answer
  - type: digits_receive
    option: {duration: 8000, length: 3}
  - type: digits_send
    option: {digits: "${voipbin.call.digits}", duration: 100, interval: 100}
  - type: sleep
    option: {duration: 60000}
""",  # 200
    "short": """
name: short
actions:
  - type: answer
  - type: sleep
    option: {duration: 600}
  - type: hangup
""",  # 300
    "early": """
name: early
actions:
  - type: play
    option: {stream_urls: [sounds/one.wav]}
  - type: answer
  - type: sleep
    option: {duration: 60000}
""",  # 400
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("called"), FLOWS) as server:
        yield server


@pytest.fixture
async def far(server: Server) -> AsyncIterator[Peer]:
    async with peer(server.address) as made:
        yield made


@pytest.fixture
async def sound() -> AsyncIterator[Sound]:
    async with sounding(101) as (made,):
        yield made


# CSeq, ACK, retransmissions


async def test_a_late_ack_ends_the_repetition_of_the_200(far: Peer) -> None:
    talk = far.calling("100")
    talk.request("INVITE", body=sdp())
    answered = await far.next("200 INVITE")
    await asyncio.sleep(0.7)
    first, second = far.times("200 INVITE")
    assert second - first == pytest.approx(0.5, abs=0.2)
    talk.learn(answered)
    talk.ack(answered)
    await asyncio.sleep(1.3)  # the next one was due 1 s after the second
    assert len(far.times("200 INVITE")) == 2
    await talk.bye()


async def test_an_invite_that_comes_again_after_its_ack_is_neither_answered_nor_a_new_call(far: Peer) -> None:
    talk = far.calling("100")
    text = talk.request("INVITE", body=sdp())
    answered = await far.next("200 INVITE")
    talk.learn(answered)
    talk.ack(answered)
    count = len(far.seen)
    far.send(text)
    far.send(text.replace("branch=z9hG4bK", "branch=z9hG4bKagain"))  # by another way: RFC 3261 8.2.2.2
    await far.next("482 INVITE")
    await asyncio.sleep(0.7)
    assert len(far.seen) == count + 1
    await talk.bye()


async def test_a_lower_cseq_in_a_dialog_gets_500_and_changes_nothing(far: Peer) -> None:
    talk = far.calling("100")
    talk.cseq = 70
    await talk.invite(sdp())
    talk.request("INVITE", cseq=69, body=sdp(version=2))
    await far.next("500 INVITE", number=69)
    talk.request("OPTIONS", cseq=3)
    await far.next("500 OPTIONS", number=3)
    talk.request("OPTIONS", cseq=900)  # gaps are allowed (RFC 3261 12.2.2)
    await far.next("200 OPTIONS", number=900)
    talk.cseq = 900
    await talk.bye()


async def test_a_bye_instead_of_the_ack_of_a_reinvite_ends_all(far: Peer) -> None:
    talk = far.calling("100")
    await talk.invite(sdp())
    talk.request("INVITE", body=sdp(version=2))
    await far.next("200 INVITE", number=2)
    await talk.bye()
    await far.nothing("200 INVITE", 0.8)


async def test_a_second_reinvite_before_the_ack_of_the_first_is_taken(far: Peer) -> None:
    talk = far.calling("100")
    first = await talk.invite(sdp())
    talk.request("INVITE", body=sdp(40010, version=2))
    held = await far.next("200 INVITE", number=2)
    talk.request("INVITE", body=sdp(40020, version=3))
    moved = await far.next("200 INVITE", number=3)
    talk.ack(moved)
    assert first.version < held.version < moved.version
    await far.nothing("200 INVITE", 0.8)  # the ACK of the later one speaks for both
    await talk.bye()


async def test_the_ack_of_a_failure_stops_its_repetition(far: Peer) -> None:
    talk = far.calling("999")
    talk.request("INVITE", body=sdp(), branch="busy1" + talk.call_id)
    refused = await far.next("404 INVITE")
    await asyncio.sleep(0.7)
    assert len(far.times("404 INVITE")) == 2
    talk.remote = refused["To"]
    talk.request("ACK", cseq=1, branch="busy1" + talk.call_id)
    await asyncio.sleep(1.2)
    assert len(far.times("404 INVITE")) == 2


# Offers and answers


async def test_an_ack_without_the_answer_to_our_offer_ends_the_call(far: Peer) -> None:
    talk = far.calling("100")
    offered = await talk.invite("")  # acknowledged without a body
    assert offered.streams() != []
    assert "Q.850;cause=111" in (await talk.hung_up())["Reason"]


async def test_an_offerless_reinvite_gets_an_offer_and_its_answer_counts(far: Peer, sound: Sound) -> None:
    talk = far.calling("100")
    first = await talk.invite(sdp())
    talk.request("INVITE")
    offered = await far.next("200 INVITE", number=2)
    assert len(offered.streams()) == 1 and offered.version > first.version
    talk.ack(offered, sdp(sound.port, version=2))
    at = time.monotonic()
    await asyncio.sleep(0.4)
    assert sound.packets and sound.packets[0].at - at < 0.2
    talk.request("INVITE")
    talk.ack(await far.next("200 INVITE", number=3))
    await talk.hung_up()


MANY = (
    "v=0\r\no=peer 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=video 40010 RTP/AVP 96 34\r\na=rtpmap:96 H264/90000\r\n"
    "m=audio 40000 RTP/AVP 8 97\r\na=rtpmap:97 telephone-event/8000\r\n"
    "m=audio 40020 RTP/AVP 0\r\n"
    "m=image 40030 udptl t38\r\na=T38FaxVersion:0\r\n"
    "m=application 0 TCP/BFCP *\r\n"
)


async def test_every_stream_keeps_its_place_and_what_we_do_not_take_has_port_0(far: Peer) -> None:
    talk = far.calling("100")
    for number in (1, 2):  # in the first offer and in a later one
        answer = await talk.invite(MANY.replace("peer 1 1", f"peer 1 {number}"))
        streams = answer.streams()
        assert [line.split()[0] for line in streams] == ["video", "audio", "audio", "image", "application"]
        assert [line.split()[1] == "0" for line in streams] == [True, False, True, True, True]
        assert [line.split()[2] for line in streams] == ["RTP/AVP", "RTP/AVP", "RTP/AVP", "udptl", "TCP/BFCP"]
        assert streams[1].split()[3:] == ["8", "97"]
    await talk.bye()


@pytest.mark.parametrize(
    ("formats", "lines", "number", "clock"),
    [
        ("0 96", ["a=rtpmap:96 telephone-event/8000"], 96, 8000),
        ("0 110", ["a=rtpmap:110 telephone-event/8000", "a=fmtp:110 0-16"], 110, 8000),
        ("111 0 97", ["a=rtpmap:111 opus/48000/2", "a=rtpmap:97 telephone-event/48000"], 97, 48000),
        (
            "111 0 97 101",
            [
                "a=rtpmap:111 opus/48000/2",
                "a=rtpmap:97 telephone-event/48000",
                "a=rtpmap:101 telephone-event/8000",
            ],
            101,
            8000,
        ),
    ],
)
async def test_digits_have_the_number_and_the_clock_of_the_offer(
    far: Peer, sound: Sound, formats: str, lines: list[str], number: int, clock: int
) -> None:
    talk, sound.event_type = far.calling("200"), number
    answer = await talk.invite(sdp(sound.port, *lines, formats=formats))
    assert f"a=rtpmap:{number} telephone-event/{clock}" in answer.body
    assert answer.streams()[0].split()[3:] == ["0", str(number)]
    sound.speak_to(answer.body)
    await sound.press("37D")
    await asyncio.sleep(1.0)
    assert sound.digits() == "37D"
    last = max(p.payload for p in sound.packets if p.payload_type == number)
    assert struct.unpack("!H", last[2:4])[0] == pytest.approx(clock / 10, abs=clock / 50)  # 100 ms
    await talk.bye()


@pytest.mark.parametrize(
    "lost", ["start", "ends", "all but one in the middle", "nothing, and all comes twice"]
)
async def test_each_digit_counts_once_whatever_is_lost(far: Peer, sound: Sound, lost: str) -> None:
    talk = far.calling("200")
    sound.speak_to((await talk.invite(sdp(sound.port))).body)
    sound.talking = False
    assert sound.transport is not None
    sequence = 500
    for key, digit in enumerate("115"):
        events = [(160 * step, 0) for step in range(1, 6)] + [(960, 0x80)] * 3
        kept = {"start": events[5:], "ends": events[:5], "all but one in the middle": events[2:3]}.get(
            lost, [event for event in events for _ in range(2)]
        )
        for duration, end in kept:
            payload = struct.pack("!BBH", EVENTS.index(digit), end | 10, duration)
            head = struct.pack("!BBHII", 0x80, 101, sequence, 8000 + 2400 * key, 0x5EED)
            sound.transport.sendto(head + payload, sound.remote)
            sequence += 1
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
    await asyncio.sleep(1.0)
    assert sound.digits() == "115"
    await talk.bye()


async def test_digits_by_info_in_both_forms(far: Peer, sound: Sound) -> None:
    talk = far.calling("200")
    await talk.invite(sdp(sound.port))
    for kind, body in (
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
        ("application/dtmf-relay", "Signal= *\nDuration= 250\n"),  # with blanks, as some phones write it
        ("application/dtmf", "9"),
    ):
        talk.request("INFO", f"Content-Type: {kind}", body=body)
        await far.next("200 INFO", number=talk.cseq)
        await asyncio.sleep(0.3)
    await asyncio.sleep(1.0)
    assert sound.digits() == "5*9"
    await talk.bye()


@pytest.mark.parametrize(
    ("lines", "address", "direction"),
    [
        (["a=sendonly"], "127.0.0.1", "recvonly"),
        (["a=inactive"], "127.0.0.1", "inactive"),
        (["a=sendrecv"], "0.0.0.0", "recvonly"),
    ],
)
async def test_who_holds_gets_no_packet_and_gets_them_back(
    far: Peer, sound: Sound, lines: list[str], address: str, direction: str
) -> None:
    talk = far.calling("100")
    first = await talk.invite(sdp(sound.port))
    held = await talk.invite(sdp(sound.port, *lines, version=2, address=address, formats="0"))
    assert f"a={direction}" in held.body
    await asyncio.sleep(0.1)
    sound.packets.clear()
    await asyncio.sleep(0.4)
    assert sound.packets == []
    back = await talk.invite(sdp(sound.port, version=3))
    await asyncio.sleep(0.2)
    assert len(sound.packets) >= 5
    assert first.version + 1 == held.version and held.version + 1 == back.version
    await talk.bye()


async def test_another_port_and_another_codec_are_used_within_200_ms(far: Peer) -> None:
    talk = far.calling("100")
    versions = []
    async with sounding(101, 101, 101) as sounds:
        for number, (sound, formats) in enumerate(zip(sounds, ("0 101", "8 101", "9 8 101"), strict=True), 1):
            versions.append((await talk.invite(sdp(sound.port, version=number, formats=formats))).version)
            at = time.monotonic()
            await asyncio.sleep(0.3)
            assert sound.packets and sound.packets[0].at - at < 0.2
            assert {packet.payload_type for packet in sound.packets} == {int(formats.split()[0])}
        count = len(sounds[0].packets)
        await asyncio.sleep(0.1)
        assert len(sounds[0].packets) == count
    assert versions == list(range(versions[0], versions[0] + 3))
    await talk.bye()


async def test_the_version_of_our_answer_goes_up_by_one_and_only_with_a_change(far: Peer) -> None:
    talk = far.calling("100")
    first = await talk.invite(sdp())
    again = await talk.invite(sdp())  # as a session timer has it
    assert again.body == first.body
    talk.request("INVITE", body=sdp(formats="18", version=2))
    await far.next("488 INVITE")
    held = await talk.invite(sdp(40000, "a=sendonly", version=3))
    assert held.version == first.version + 1
    talk.request("UPDATE", body=sdp(40000, "a=sendonly", version=3))
    assert (await far.next("200 UPDATE")).version == held.version
    await talk.bye()


async def test_an_offer_of_ours_keeps_the_streams_of_the_call(far: Peer) -> None:
    talk = far.calling("100")
    first = await talk.invite(MANY)
    talk.request("INVITE")
    offered = await far.next("200 INVITE", number=2)
    kinds = [line.split()[0] for line in first.streams()]
    assert [line.split()[0] for line in offered.streams()] == kinds
    assert [line.split()[1] == "0" for line in offered.streams()] == [True, False, True, True, True]
    talk.ack(offered, first.body)
    await talk.bye()


# Session timers; those that take longer are in test_long.py


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
async def test_an_interval_that_is_too_short_gets_422_with_the_least_that_we_take(
    far: Peer, method: str
) -> None:
    talk = far.calling("100")
    if method == "UPDATE":
        await talk.invite(sdp())
    talk.request(method, "Supported: timer", "Session-Expires: 30", body=sdp(version=2))
    refused = await far.next(f"422 {method}", number=talk.cseq)
    assert refused["Min-SE"] == "90"
    if method == "UPDATE":  # which leaves the call as it was
        talk.request("UPDATE", "Supported: timer", "Session-Expires: 90;refresher=uac", body=sdp(version=2))
        accepted = await far.next("200 UPDATE", number=talk.cseq)
        assert accepted["Session-Expires"] == "90;refresher=uac"
        await talk.bye()


# Early media and PRACK


async def test_a_183_whose_prack_is_lost_is_repeated_and_the_200_waits_for_it(far: Peer) -> None:
    talk = far.calling("400")
    talk.request("INVITE", "Supported: 100rel", body=sdp())
    early = await far.next("183 INVITE")
    assert "100rel" in early["Require"] and early.streams() != []
    await asyncio.sleep(1.7)
    gaps = [later - earlier for earlier, later in itertools.pairwise(far.times("183 INVITE"))]
    assert gaps == pytest.approx([0.5, 1.0], abs=0.2)
    assert {message["RSeq"] for message in far.seen if message.name == "183 INVITE"} == {early["RSeq"]}
    talk.learn(early)
    talk.request("PRACK", f"RAck: {int(early['RSeq']) + 1} 1 INVITE")
    await far.next("481 PRACK")
    text = talk.request("PRACK", f"RAck: {early['RSeq']} 1 INVITE")
    await far.next("200 PRACK", number=talk.cseq)
    far.send(text)  # its 200 was lost
    await far.next("200 PRACK", number=talk.cseq)
    answered = await far.next("200 INVITE", 6.0)
    assert len(far.times("183 INVITE")) == 3
    talk.ack(answered)
    await talk.bye()


async def test_a_caller_who_cancels_early_media_gets_200_and_487(far: Peer) -> None:
    talk = far.calling("400")
    talk.request("INVITE", body=sdp(), branch="early" + talk.call_id)
    await far.next("183 INVITE")
    at = time.monotonic()
    talk.request("CANCEL", cseq=1, branch="early" + talk.call_id)
    await far.next("200 CANCEL")
    refused = await far.next("487 INVITE")
    assert refused.at - at < 0.2
    talk.remote = refused["To"]
    talk.request("ACK", cseq=1, branch="early" + talk.call_id)


# Routes, addresses


@pytest.mark.parametrize("loose", [True, False])
async def test_our_bye_takes_the_recorded_route_back(far: Peer, loose: bool) -> None:
    near = f"sip:127.0.0.1:{far.port}{';lr' if loose else ''};hop=near"
    talk = far.calling("300")
    far.contact = "sip:desk@phone.far.example:5062"
    talk.extra = (f"Record-Route: <{near}>", "Record-Route: <sip:far.example:5070;lr;hop=far>")
    answered = await talk.invite(sdp())
    assert answered.all("Record-Route") == [line.partition(": ")[2] for line in talk.extra]
    talk.extra = ()
    bye = await talk.hung_up()
    routes = ", ".join(bye.all("Route"))
    if loose:
        assert bye.uri == far.contact
        assert re.fullmatch(r"<[^>]*hop=near>, <[^>]*hop=far>", routes)
    else:  # RFC 3261 12.2.1.1: the strict router stands in the Request-URI, the target last in the Route
        assert "hop=near" in bye.uri
        assert re.fullmatch(rf"<[^>]*hop=far>, <{far.contact}>", routes)


async def test_a_caller_with_a_private_contact_is_hung_up_where_it_is(far: Peer) -> None:
    talk = far.calling("300")
    far.contact = "sip:desk@10.0.0.9:5060"
    talk.request("INVITE", body=sdp(), source="10.0.0.9:5060")
    answered = await far.next("200 INVITE")  # past the Via too, to the source
    assert re.search(rf"10\.0\.0\.9:5060;.*rport={far.port}", answered["Via"])
    assert "received=127.0.0.1" in answered["Via"]
    talk.learn(answered)
    talk.ack(answered)
    assert (await talk.hung_up()).uri == far.contact


@pytest.mark.parametrize("size", [4_000, 20_000, 60_000])
async def test_long_datagrams_are_read(far: Peer, size: int) -> None:
    talk = far.calling("100")
    talk.extra = (f"X-Long: {'x' * 980}",) * (size // 1000)  # of 64 lines at most
    await talk.invite(sdp())
    talk.extra = ()
    await talk.bye()


@pytest.mark.parametrize(
    ("uri", "answer"),
    [
        ("tel:100;phone-context=voipbin.test", "200 INVITE"),
        ("tel:1-0-0;phone-context=+1", "200 INVITE"),
        ("sip:%31%30%30@127.0.0.1", "200 INVITE"),
        ("sip:100;phone-context=%2B1@127.0.0.1;user=phone", "200 INVITE"),
        ("SIP:100@VoipBin.Test", "200 INVITE"),
        ("sip:100:secret@127.0.0.1", "200 INVITE"),
        ("http://127.0.0.1/100", "416 INVITE"),
        ("urn:service:sos", "416 INVITE"),
        ("sip:100@elsewhere.example", "404 INVITE"),
        ("sip:@", "400 INVITE"),
    ],
)
async def test_every_uri_gets_an_answer(far: Peer, uri: str, answer: str) -> None:
    talk = far.calling("100", uri=uri)
    talk.remote = "<sip:100@voipbin.test>"
    talk.request("INVITE", body=sdp())
    answered = await far.next(answer)
    if answered.name == "200 INVITE":
        talk.learn(answered)
        talk.ack(answered)
        await talk.bye()


@pytest.mark.parametrize(
    "to", ["<http://example.com/>", "<mailto:a@b.example>;x=1", '"A \\"b\\" <c>" <tel:+1555>']
)
async def test_an_odd_to_is_read(far: Peer, to: str) -> None:
    talk = far.calling("100")
    talk.remote = to
    await talk.invite(sdp())
    await talk.bye()
