import pytest

from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.payload_types import RtpMap
from voipbin_sip.sip.sdp import Connection, MediaDescription, Origin, SessionDescription, parse_sdp

USUAL = b"""v=0
o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1
s=Call to John Smith
i=SDP Offer #1
u=http://www.jdoe.example.com/home.html
e=Jane Doe <jane@jdoe.example.com>
p=+1 617 555-6011
c=IN IP4 198.51.100.1
b=AS:128
t=0 0
r=7d 1h 0 25h
k=prompt
a=tool:x
a=recvonly
m=audio 49170/2 RTP/AVP 0 96 101
i=speech
c=IN IP6 2001:db8::2
c=IN IP6 2001:db8::3
b=AS:64
a=rtpmap:96 opus/48000/2
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:30
a=maxptime:60
a=sendonly
a=rtcp:53020 IN IP4 126.16.64.4
m=video 51372 UDP/TLS/RTP/SAVPF 99
a=rtpmap:99 h263-1998/90000
m=image 0 udptl t38
""".replace(b"\n", b"\r\n")


def test_all_parts() -> None:
    sdp = parse_sdp(USUAL)
    assert sdp.origin == Origin("jdoe", "3724394400", "3724394405", "198.51.100.1")
    assert (sdp.name, sdp.connection) == ("Call to John Smith", Connection("198.51.100.1"))
    assert sdp.attributes == (("tool", "x"), ("recvonly", None))
    audio, video, image = sdp.media
    assert (audio.kind, audio.port, audio.port_count, audio.proto) == ("audio", 49170, 2, "RTP/AVP")
    assert audio.formats == ("0", "96", "101")
    assert audio.rtpmaps == {
        0: RtpMap("PCMU", 8000),
        96: RtpMap("opus", 48000, 2),
        101: RtpMap("telephone-event", 8000),
    }
    assert audio.fmtps == {101: "0-16"}
    assert (audio.ptime, audio.maxptime, audio.rtcp_port) == (30, 60, 53020)
    assert sdp.direction_of(audio) == "sendonly"
    assert sdp.direction_of(video) == "recvonly"
    assert sdp.connection_of(audio) == Connection("2001:db8::2", "IP6")
    assert sdp.connection_of(video) == Connection("198.51.100.1")
    assert (video.proto, video.ptime, video.rtcp_port) == ("UDP/TLS/RTP/SAVPF", None, 51373)
    assert (image.port, image.formats, image.rtpmaps) == (0, ("t38",), {})
    assert sdp.to_bytes() == USUAL


def test_line_ends_and_missing_lines() -> None:
    assert parse_sdp(USUAL.replace(b"\r\n", b"\n")) == parse_sdp(USUAL)
    sdp = parse_sdp(b"v=0\no=- 1 1 IN IP4 h\nm=audio 9 RTP/AVP 0")
    assert (sdp.name, sdp.connection, sdp.lines) == ("-", None, ())
    assert sdp.connection_of(sdp.media[0]) is None
    assert sdp.direction_of(sdp.media[0]) == "sendrecv"


def test_unknown_lines_are_kept_in_order() -> None:
    body = b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nx=1\r\ny=2\r\nm=audio 9 RTP/AVP 0\r\nq=a\r\nz=b\r\n"
    sdp = parse_sdp(body)
    assert ("x", "1") in sdp.lines
    again = parse_sdp(sdp.to_bytes())
    assert again == sdp
    assert {line[0] for line in sdp.media[0].lines} == {"q", "z"}


def test_values_that_make_no_sense_are_not_there() -> None:
    body = (
        b"v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 65535 RTP/AVP 0 x 200\r\na=ptime:soon\r\na=maxptime:-1\r\n"
        b"a=rtpmap:x PCMU/8000\r\na=rtpmap:97 nothing\r\na=fmtp:97\r\na=rtcp:many\r\na=ptime\r\n"
    )
    media = parse_sdp(body).media[0]
    assert (media.ptime, media.maxptime, media.fmtps, media.rtcp_port) == (None, None, {}, 0)
    assert media.rtpmaps == {0: RtpMap("PCMU", 8000)}
    assert parse_sdp(body.replace(b"soon", b"20.5")).media[0].ptime == 20


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"v=1\r\n",
        b"v=0\r\n",
        b"v=0\r\ns=-\r\n",
        b"o=- 1 1 IN IP4 h\r\nv=0\r\n",
        b"v=0\r\no=- 1 1 IN IP4\r\n",
        b"v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP5 h\r\n",
        b"v=0\r\no=- 1 1 IN IP4 h\r\nc=h\r\n",
        b"v=0\r\no=- 1 1 IN IP4 h\r\nm=audio\r\n",
        b"v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 9 RTP/AVP\r\n",
        b"v=0\r\no=- 1 1 IN IP4 h\r\nm=audio -9 RTP/AVP 0\r\n",
        b"v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 65536 RTP/AVP 0\r\n",
        b"v=0\r\no=- 1 1 IN IP4 h\r\nm =audio 9 RTP/AVP 0\r\n",
        b"v=0\r\no=- 1 1 IN IP4 h\r\nnonsense\r\n",
        b"v=0\r\no=- 1 1 IN IP4 h\r\na=x\ry\r\n",
        b"v=0\r\no=- 1 1 IN IP4 h\r\na=x\0y\r\n",
    ],
)
def test_refused(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_sdp(body)
    assert caught.value.status == 400


@pytest.mark.parametrize("bad", ["a\r\nb", "a\nb", "a\rb", "a\0"])
def test_nothing_that_breaks_a_line_is_written(bad: str) -> None:
    origin = Origin("-", "1", "1", "h")
    audio = MediaDescription("audio", 9, "RTP/AVP", ("0",))
    for sdp in (
        SessionDescription(origin, name=bad),
        SessionDescription(Origin("-", "1", "1", bad)),
        SessionDescription(origin, attributes=((bad, None),)),
        SessionDescription(origin, media=(audio, MediaDescription("audio", 9, "RTP/AVP", (bad,)))),
    ):
        with pytest.raises(LocalProtocolError):
            sdp.to_bytes()
