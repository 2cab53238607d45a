"""Where the sound of a leg is bound to, where it is expected from, and what the other side is told."""

from __future__ import annotations

from typing import cast

import pytest

from media.client import LegListener, MediaClient, MediaLeg
from media.messages import Stream
from voipbin_sip.calls.sound import LegSound, media_host, peer_host
from voipbin_sip.sip.message import Request, parse_message
from voipbin_sip.sip.sdp import SessionDescription, parse_sdp

SERVER, CARRIER, PHONE, PROXY = "198.51.100.1", "198.51.100.80", "203.0.113.7", "203.0.113.50"


class Leg:
    port = 10_000

    def __init__(self) -> None:
        self.streams: list[Stream] = []

    def set_stream(self, stream: Stream) -> None:
        self.streams.append(stream)


def offer(host: str) -> SessionDescription:
    return parse_sdp(
        f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n".encode()
    )


def leg_sound(leg: Leg, peer: str = "") -> LegSound:
    return LegSound(
        cast(MediaClient, None),
        SERVER,
        cast(LegListener, None),
        advertised=lambda local: "192.0.2.200",
        rtp_timeout=0,
        peer=peer,
        leg=cast(MediaLeg, leg),
    )


def answered(named: str, peer: str) -> Stream:
    """Answer an offer that names an address, from a peer; returns what the media engine is told."""
    leg = Leg()
    sound = leg_sound(leg, peer)
    description = sound.answer(offer(named))
    connection = description.connection_of(description.media[0])
    assert connection is not None
    assert connection.host == "192.0.2.200"
    return leg.streams[0]


@pytest.mark.parametrize(
    ("named", "peer", "expected"),
    [
        ("10.0.0.9", PHONE, PHONE),  # a phone behind a NAT
        ("100.64.3.9", PHONE, PHONE),
        (CARRIER, PHONE, CARRIER),  # sound and signalling on two machines
        ("10.0.0.9", "192.168.1.7", "10.0.0.9"),  # a network of many parts
        ("10.0.0.9", "", "10.0.0.9"),  # behind a proxy that tells nothing
        ("0.0.0.0", PHONE, "0.0.0.0"),  # on hold
    ],
)
def test_sound_from_behind_a_nat_is_expected_from_where_the_signalling_comes(
    named: str, peer: str, expected: str
) -> None:
    stream = answered(named, peer)
    assert (stream.host, stream.port) == (expected, 4000)


def test_nobody_is_listened_to_before_the_peer_may_speak() -> None:
    leg = Leg()
    sound = leg_sound(leg)
    sound.wait()
    sound.answer(offer(CARRIER))
    sound.answer(offer(PHONE))  # UPDATE while it rings
    assert sound.agreed is not None
    assert leg.streams == []
    for _ in range(2):  # 183, 200
        sound.begin()
    assert [stream.host for stream in leg.streams] == [PHONE]
    sound.answer(offer(CARRIER))
    assert [stream.host for stream in leg.streams] == [PHONE, CARRIER]


def request(*vias: str) -> Request:
    lines = ["INVITE sip:100@voipbin.test SIP/2.0", *(f"Via: SIP/2.0/UDP {via}" for via in vias)]
    lines += ["From: <sip:a@b>;tag=1", "To: <sip:100@voipbin.test>", "Call-ID: 1", "CSeq: 1 INVITE", "", ""]
    parsed = parse_message("\r\n".join(lines).encode())
    assert isinstance(parsed, Request)
    return parsed


@pytest.mark.parametrize(
    ("vias", "expected"),
    [
        (("10.0.0.9;branch=z9hG4bK1;rport",), PROXY),
        ((f"{PROXY};branch=z9hG4bK2", f"10.0.0.9;branch=z9hG4bK1;received={PHONE};rport=5060"), PHONE),
        ((f"{PROXY};branch=z9hG4bK2", "10.0.0.9;branch=z9hG4bK1"), ""),
        ((f"{PROXY};branch=z9hG4bK2", "10.0.0.9;branch=z9hG4bK1;received=nowhere"), ""),
    ],
)
def test_the_first_proxy_knows_where_a_phone_is(vias: tuple[str, ...], expected: str) -> None:
    assert peer_host(request(*vias), PROXY) == expected


@pytest.mark.parametrize(
    ("named", "remote", "expected"),
    [
        ("10.0.0.9", PHONE, SERVER),  # its own network is none of ours
        (PHONE, PHONE, SERVER),
        (CARRIER, PROXY, f"towards {CARRIER}"),
        ("10.0.0.9", "192.168.1.7", "towards 10.0.0.9"),
        ("0.0.0.0", PHONE, SERVER),
    ],
)
def test_sockets_are_bound_to_the_address_that_reaches_the_sound(
    named: str, remote: str, expected: str
) -> None:
    assert media_host(offer(named), SERVER, remote, lambda host: f"towards {host}") == expected
