"""RFC 3264 with one audio stream, from both sides."""

from dataclasses import replace

import pytest

from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.offer_answer import (
    WARNINGS,
    Agreement,
    LocalMedia,
    OtherCodec,
    answer_offer,
    apply_answer,
    make_offer,
)
from voipbin_sip.sip.payload_types import RtpMap
from voipbin_sip.sip.sdp import SessionDescription, parse_sdp

LOCAL = LocalMedia("192.0.2.10", 10000, session_id=77, version=3)


def offer_of(
    *media: str, host: str = "192.0.2.1", family: str = "IP4", session: str = ""
) -> SessionDescription:
    """Return an offer; each of `media` is an m= line with its lines, separated by blanks and bars."""
    lines = ["v=0", f"o=- 1 1 IN {family} {host}", "s=-", f"c=IN {family} {host}", "t=0 0"]
    lines += [session] if session else []
    lines += [line.strip() for stream in media for line in stream.split("|")]
    return parse_sdp("\r\n".join(lines).encode())


def agree(*media: str, host: str = "192.0.2.1", session: str = "") -> Agreement:
    return answer_offer(offer_of(*media, host=host, session=session), LOCAL)[1]


def answer_text(*media: str, host: str = "192.0.2.1") -> list[str]:
    return answer_offer(offer_of(*media, host=host), LOCAL)[0].to_bytes().decode().splitlines()


def test_usual_answer() -> None:
    offer = offer_of("m=audio 4000 RTP/AVP 8 0 101 | a=rtpmap:101 telephone-event/8000 | a=ptime:30")
    answer, agreement = answer_offer(offer, LOCAL)
    assert answer.to_bytes().decode().splitlines() == [
        "v=0",
        "o=- 77 3 IN IP4 192.0.2.10",
        "s=-",
        "c=IN IP4 192.0.2.10",
        "t=0 0",
        "m=audio 10000 RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:30",
        "a=sendrecv",
    ]
    assert agreement == Agreement(
        codec="PCMA",
        send_payload_type=8,
        receive_payload_type=8,
        host="192.0.2.1",
        port=4000,
        rtcp_port=4001,
        ptime=30,
        send_digit_payload_type=101,
        receive_digit_payload_type=101,
        digit_clock=8000,
        send=True,
        receive=True,
    )


def test_the_offerers_order_decides() -> None:
    assert agree("m=audio 4000 RTP/AVP 18 9 0 8").codec == "G722"
    assert agree("m=audio 4000 RTP/AVP 0 8").codec == "PCMU"
    only = replace(LOCAL, codecs=("PCMA",))
    assert answer_offer(offer_of("m=audio 4000 RTP/AVP 0 9 8"), only)[1].codec == "PCMA"


def test_payload_types_as_offered() -> None:
    agreement = agree("m=audio 4000 RTP/AVP 97 98 | a=rtpmap:97 pcma/8000 | a=rtpmap:98 Telephone-Event/8000")
    assert (agreement.codec, agreement.send_payload_type, agreement.receive_payload_type) == ("PCMA", 97, 97)
    assert (agreement.send_digit_payload_type, agreement.receive_digit_payload_type) == (98, 98)
    assert "m=audio 10000 RTP/AVP 97 98" in answer_text(
        "m=audio 4000 RTP/AVP 97 98 | a=rtpmap:97 pcma/8000 | a=rtpmap:98 Telephone-Event/8000"
    )


@pytest.mark.parametrize(
    "rtpmap", ["PCMU/16000", "PCMU/8000/2", "opus/48000/2", "telephone-event/8000", "CN/8000"]
)
def test_what_only_looks_like_ours_is_not_taken(rtpmap: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        agree(f"m=audio 4000 RTP/AVP 96 | a=rtpmap:96 {rtpmap}")
    assert (caught.value.status, caught.value.reason) == (488, "Incompatible media format")


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        ("96 | a=rtpmap:96 telephone-event/8000", (96, 8000)),
        ("110 | a=rtpmap:110 telephone-event/48000", (110, 48000)),
        ("110 101 | a=rtpmap:110 telephone-event/48000 | a=rtpmap:101 telephone-event/8000", (101, 8000)),
        ("101", (-1, 8000)),
        ("13 | a=rtpmap:13 CN/8000", (-1, 8000)),
    ],
)
def test_digit_events(formats: str, expected: tuple[int, int]) -> None:
    agreement = agree("m=audio 4000 RTP/AVP 0 " + formats)
    assert (agreement.send_digit_payload_type, agreement.digit_clock) == expected
    assert agreement.receive_digit_payload_type == expected[0]


def test_digit_events_can_be_off() -> None:
    offer = offer_of("m=audio 4000 RTP/AVP 0 101 | a=rtpmap:101 telephone-event/8000")
    answer, agreement = answer_offer(offer, replace(LOCAL, digit_events=False))
    assert agreement.send_digit_payload_type == -1
    assert answer.media[0].formats == ("0",)


@pytest.mark.parametrize(
    ("lines", "ptime"),
    [
        ("", 20),
        ("| a=ptime:10", 10),
        ("| a=ptime:20", 20),
        ("| a=ptime:30", 30),
        ("| a=ptime:40", 40),
        ("| a=ptime:60", 60),
        ("| a=ptime:25", 20),
        ("| a=ptime:5", 10),
        ("| a=ptime:200", 60),
        ("| a=ptime:0", 20),
        ("| a=maxptime:20 | a=ptime:60", 20),
        ("| a=maxptime:15", 10),
        ("| a=maxptime:100", 20),
    ],
)
def test_packet_length(lines: str, ptime: int) -> None:
    assert agree(f"m=audio 4000 RTP/AVP 0 {lines}").ptime == ptime
    assert f"a=ptime:{ptime}" in answer_text(f"m=audio 4000 RTP/AVP 0 {lines}")


@pytest.mark.parametrize(
    ("direction", "host", "answered", "send", "receive"),
    [
        ("sendrecv", "192.0.2.1", "sendrecv", True, True),
        ("sendonly", "192.0.2.1", "recvonly", False, True),
        ("recvonly", "192.0.2.1", "sendonly", True, False),
        ("inactive", "192.0.2.1", "inactive", False, False),
        ("sendrecv", "0.0.0.0", "recvonly", False, True),
        ("sendonly", "0.0.0.0", "recvonly", False, True),
        ("recvonly", "0.0.0.0", "inactive", False, False),
        ("inactive", "0.0.0.0", "inactive", False, False),
    ],
)
def test_hold_and_directions(direction: str, host: str, answered: str, send: bool, receive: bool) -> None:
    answer, agreement = answer_offer(offer_of(f"m=audio 4000 RTP/AVP 0 | a={direction}", host=host), LOCAL)
    assert answer.direction_of(answer.media[0]) == answered
    assert (agreement.send, agreement.receive) == (send, receive)
    for_all = agree("m=audio 4000 RTP/AVP 0", host=host, session=f"a={direction}")
    assert (for_all.send, for_all.receive) == (send, receive)


def test_every_stream_is_answered_in_its_place() -> None:
    lines = answer_text(
        "m=video 5000 RTP/AVP 96 97 | a=rtpmap:96 VP8/90000",
        "m=audio 6000 RTP/SAVP 0 | a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x",
        "m=audio 0 RTP/AVP 0",
        "m=audio 4000 RTP/AVP 0 | c=IN IP4 192.0.2.5",
        "m=audio 4002 RTP/AVP 0",
        "m=application 7000 TCP/BFCP *",
    )
    assert [line for line in lines if line.startswith("m=")] == [
        "m=video 0 RTP/AVP 96 97",
        "m=audio 0 RTP/SAVP 0",
        "m=audio 0 RTP/AVP 0",
        "m=audio 10000 RTP/AVP 0",
        "m=audio 0 RTP/AVP 0",
        "m=application 0 TCP/BFCP *",
    ]


def test_the_streams_own_address_and_rtcp_port() -> None:
    agreement = agree("m=audio 4000 RTP/AVP 0 | c=IN IP4 192.0.2.5 | a=rtcp:4711")
    assert (agreement.host, agreement.rtcp_port) == ("192.0.2.5", 4711)


def test_times_are_as_offered() -> None:
    body = offer_of("m=audio 4000 RTP/AVP 0").to_bytes().replace(b"t=0 0", b"t=3338481189 3370017201")
    answer, _ = answer_offer(parse_sdp(body), LOCAL)
    assert b"\r\nt=3338481189 3370017201\r\n" in answer.to_bytes()


def test_avpf_without_encryption_is_fine() -> None:
    assert "m=audio 10000 RTP/AVPF 0" in answer_text("m=audio 4000 RTP/AVPF 0")


@pytest.mark.parametrize(
    ("media", "host", "reason"),
    [
        ("m=video 4000 RTP/AVP 96", "192.0.2.1", "Media type not available"),
        ("m=audio 0 RTP/AVP 0", "192.0.2.1", "Media type not available"),
        ("m=audio 4000 RTP/SAVP 0", "192.0.2.1", "Incompatible transport protocol"),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 0", "192.0.2.1", "Incompatible transport protocol"),
        ("m=audio 4000 RTP/AVP 18 96", "192.0.2.1", "Incompatible media format"),
        ("m=audio 4000 RTP/AVP x", "192.0.2.1", "Incompatible media format"),
        ("m=audio 4000 RTP/AVP 0", "phone.example", "Incompatible network address formats"),
        ("m=audio 4000 RTP/AVP 0", "224.0.1.75", "Incompatible network address formats"),
        ("m=audio 4000 RTP/AVP 0", "255.255.255.255", "Incompatible network address formats"),
        (
            "m=audio 4000 RTP/AVP 0 | c=IN IP6 2001:db8::1",
            "192.0.2.1",
            "Incompatible network address formats",
        ),
        ("m=audio 4000 RTP/AVP 0 | c=IN IP4 ::1", "192.0.2.1", "Incompatible network address formats"),
    ],
)
def test_nothing_fits(media: str, host: str, reason: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        agree(media, host=host)
    assert (caught.value.status, caught.value.reason) == (488, reason)
    assert reason in WARNINGS


def test_no_stream_and_no_address() -> None:
    with pytest.raises(RemoteProtocolError):
        agree()
    body = b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    with pytest.raises(RemoteProtocolError):
        answer_offer(parse_sdp(body), LOCAL)


def test_ipv6() -> None:
    local = replace(LOCAL, host="2001:db8::10")
    answer, agreement = answer_offer(
        offer_of("m=audio 4000 RTP/AVP 0", host="2001:db8::1", family="IP6"), local
    )
    assert agreement.host == "2001:db8::1"
    assert b"c=IN IP6 2001:db8::10\r\n" in answer.to_bytes()
    held = offer_of("m=audio 4000 RTP/AVP 0", host="::", family="IP6")
    assert not answer_offer(held, local)[1].send


def test_our_offer() -> None:
    assert make_offer(LOCAL, direction="sendonly").to_bytes().decode().splitlines()[4:] == [
        "t=0 0",
        "m=audio 10000 RTP/AVP 0 8 9 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendonly",
    ]
    with pytest.raises(LocalProtocolError):
        make_offer(LOCAL, direction="both")
    with pytest.raises(LocalProtocolError):
        make_offer(replace(LOCAL, codecs=("opus",)))


def test_our_offer_within_a_session_keeps_the_streams_places() -> None:
    before, _ = answer_offer(
        offer_of("m=video 5000 RTP/AVP 96", "m=audio 4000 RTP/AVPF 8", "m=text 6000 RTP/AVP 98"), LOCAL
    )
    again = make_offer(replace(LOCAL, version=4), previous=before)
    assert [(media.kind, media.port, media.proto) for media in again.media] == [
        ("video", 0, "RTP/AVP"),
        ("audio", 10000, "RTP/AVPF"),
        ("text", 0, "RTP/AVP"),
    ]
    assert again.media[1].formats == ("0", "8", "9", "101")
    assert again.origin.version == "4"


def test_their_answer() -> None:
    offer = make_offer(LOCAL)
    answer = offer_of("m=audio 4000 RTP/AVP 8 97 | a=rtpmap:97 telephone-event/8000 | a=ptime:40")
    assert apply_answer(offer, answer) == Agreement(
        codec="PCMA",
        send_payload_type=8,
        receive_payload_type=8,
        host="192.0.2.1",
        port=4000,
        rtcp_port=4001,
        ptime=40,
        send_digit_payload_type=97,
        receive_digit_payload_type=101,
        others=(OtherCodec("PCMU", -1, 0), OtherCodec("G722", -1, 9)),
    )


def test_their_answer_with_several_codecs() -> None:
    local = replace(LOCAL, codecs=("PCMU", "PCMA", "L16/16000"))
    answer = offer_of(
        "m=audio 4000 RTP/AVP 8 0 98 101 | a=rtpmap:98 L16/16000 | a=rtpmap:101 telephone-event/8000"
    )
    agreement = apply_answer(make_offer(local), answer)
    assert (agreement.codec, agreement.receive_payload_type) == ("PCMA", 8)
    assert agreement.others == (OtherCodec("PCMU", 0, 0), OtherCodec("L16/16000", 98, 97))
    assert (agreement.receive_digit_payload_type, agreement.other_digits) == (101, ((102, 16000),))


def test_our_answer_lists_one_codec_and_expects_no_other() -> None:
    agreement = agree("m=audio 4000 RTP/AVP 0 8 9 101 | a=rtpmap:101 telephone-event/8000")
    assert (agreement.codec, agreement.others, agreement.other_digits) == ("PCMU", (), ())


def test_their_answer_with_other_numbers_for_each_direction() -> None:
    answer = offer_of(
        "m=audio 4000 RTP/AVP 100 96 | a=rtpmap:100 G722/8000 | a=rtpmap:96 telephone-event/8000"
    )
    agreement = apply_answer(make_offer(LOCAL), answer)
    assert (agreement.send_payload_type, agreement.receive_payload_type) == (100, 9)
    assert (agreement.send_digit_payload_type, agreement.receive_digit_payload_type) == (96, 101)


def test_their_answer_without_rtpmap_means_our_numbers() -> None:
    agreement = apply_answer(make_offer(LOCAL), offer_of("m=audio 4000 RTP/AVP 0 101"))
    assert (agreement.codec, agreement.send_digit_payload_type) == ("PCMU", 101)
    without = apply_answer(make_offer(LOCAL), offer_of("m=audio 4000 RTP/AVP 0"))
    assert (without.send_digit_payload_type, without.receive_digit_payload_type) == (-1, -1)


@pytest.mark.parametrize(
    ("ours", "theirs", "send", "receive"),
    [
        ("sendrecv", "sendrecv", True, True),
        ("sendrecv", "recvonly", True, False),
        ("sendrecv", "sendonly", False, True),
        ("sendrecv", "inactive", False, False),
        ("sendonly", "recvonly", True, False),
        ("sendonly", "sendrecv", True, False),
        ("inactive", "sendrecv", False, False),
    ],
)
def test_directions_of_an_answer(ours: str, theirs: str, send: bool, receive: bool) -> None:
    agreement = apply_answer(
        make_offer(LOCAL, direction=ours), offer_of(f"m=audio 4000 RTP/AVP 0 | a={theirs}")
    )
    assert (agreement.send, agreement.receive) == (send, receive)


@pytest.mark.parametrize(
    "media",
    [
        "m=audio 0 RTP/AVP 0",
        "m=video 4000 RTP/AVP 0",
        "m=audio 4000 RTP/AVP 18",
        "m=audio 4000 RTP/SAVP 0",
        "",
    ],
)
def test_answers_that_cannot_be_used(media: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        apply_answer(make_offer(LOCAL), offer_of(*([media] if media else [])))
    assert caught.value.status == 488


def test_an_answer_that_holds_by_address() -> None:
    agreement = apply_answer(make_offer(LOCAL), offer_of("m=audio 4000 RTP/AVP 0", host="0.0.0.0"))
    assert (agreement.send, agreement.receive) == (False, True)


def test_an_answer_without_the_refused_streams_is_tolerated() -> None:
    before, _ = answer_offer(offer_of("m=audio 4000 RTP/AVP 8", "m=video 5000 RTP/AVP 96"), LOCAL)
    offer = make_offer(LOCAL, previous=before)
    assert len(offer.media) == 2
    assert apply_answer(offer, offer_of("m=audio 4000 RTP/AVP 8")).codec == "PCMA"


def test_a_codec_that_we_did_not_offer_is_not_taken() -> None:
    offer = make_offer(replace(LOCAL, codecs=("PCMA",)))
    with pytest.raises(RemoteProtocolError):
        apply_answer(offer, offer_of("m=audio 4000 RTP/AVP 0"))


def test_both_sides_understand_each_other() -> None:
    ours = make_offer(LOCAL)
    other = LocalMedia("192.0.2.20", 20000, session_id=1, version=1, codecs=("G722",))
    answer, theirs = answer_offer(parse_sdp(ours.to_bytes()), other)
    agreement = apply_answer(ours, parse_sdp(answer.to_bytes()))
    assert (agreement.codec, theirs.codec) == ("G722", "G722")
    assert (agreement.host, agreement.port) == ("192.0.2.20", 20000)
    assert (theirs.host, theirs.port) == ("192.0.2.10", 10000)


LINEAR = "m=audio 4000 RTP/AVP 110 0 101 102 | a=rtpmap:110 L16/{clock} | a=rtpmap:101 telephone-event/8000"
UNASKED = ("L16/8000", "L16/16000")


@pytest.mark.parametrize(("clock", "events"), [(8000, 101), (16000, 102)])
def test_l16_is_taken_where_a_peer_offers_it(clock: int, events: int) -> None:
    offer = offer_of(LINEAR.format(clock=clock) + " | a=rtpmap:102 telephone-event/16000 | a=ptime:60")
    answer, agreement = answer_offer(offer, replace(LOCAL, unasked=UNASKED))
    assert (agreement.codec, agreement.digit_clock) == (f"L16/{clock}", clock)
    assert agreement.ptime == (60 if clock == 8000 else 40)  # more would not fit into a packet
    assert answer.media[0].formats == ("110", str(events))
    assert answer.media[0].rtpmaps[110] == RtpMap("L16", clock)


@pytest.mark.parametrize("clock", ["8000/2", "44100", "16000/2", "11025"])
def test_other_kinds_of_l16_are_passed_over(clock: str) -> None:
    offer = offer_of(LINEAR.format(clock=clock))
    assert answer_offer(offer, replace(LOCAL, unasked=UNASKED))[1].codec == "PCMU"


def test_l16_is_offered_where_it_is_configured_only() -> None:
    assert "97" not in make_offer(replace(LOCAL, unasked=UNASKED)).media[0].formats
    offer = make_offer(replace(LOCAL, codecs=("L16/16000", "PCMA")))
    assert offer.media[0].formats == ("97", "8", "101", "102")
    answer = "m=audio 4000 RTP/AVP 99 98 | a=rtpmap:99 L16/16000 | a=rtpmap:98 telephone-event/16000"
    agreement = apply_answer(offer, offer_of(answer))
    assert (agreement.codec, agreement.send_payload_type, agreement.receive_payload_type) == (
        "L16/16000",
        99,
        97,
    )
    assert (agreement.send_digit_payload_type, agreement.receive_digit_payload_type) == (98, 102)
    assert agreement.digit_clock == 16000
