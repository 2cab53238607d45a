import pytest

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.via import Via, parse_via


def test_parts() -> None:
    via = parse_via(
        "SIP/2.0/udp first.example.com:4000;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1;rport"
    )
    assert (via.transport, via.host, via.port) == ("UDP", "first.example.com", 4000)
    assert (via.branch, via.rport, via.received, via.param("TTL")) == ("z9hG4bKa7c6a8dlze.1", 0, None, "16")


def test_blanks_and_ipv6() -> None:
    via = parse_via("sip / 2.0 / TLS  [2001:db8::9:1] : 5061 ; received = [::2] ; rport=99;branch = x")
    assert (via.transport, via.host, via.port) == ("TLS", "2001:db8::9:1", 5061)
    assert (via.received, via.rport, via.branch) == ("::2", 99, "x")
    assert str(via) == "SIP/2.0/TLS [2001:db8::9:1]:5061;received=[::2];rport=99;branch=x"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 UDP h",
        "SIP/3.0/UDP h",
        "SIP/2.0/UDP h:65536",
        "SIP/2.0/UDP h:123456",
        "SIP/2.0/UDP h x",
        "SIP/2.0/UDP 2001:db8::1",
        "SIP/2.0/UDP 192.0.2.15;;,;,,",
        "SIP/2.0/UDPh;branch=x",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_via(text)


# RFC 3261 section 18.2.1 and RFC 3581 section 4
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SIP/2.0/UDP 192.0.2.1:5060;branch=a", "SIP/2.0/UDP 192.0.2.1:5060;branch=a"),
        ("SIP/2.0/UDP 10.0.0.9;branch=a", "SIP/2.0/UDP 10.0.0.9;branch=a;received=192.0.2.1"),
        ("SIP/2.0/UDP phone.local;branch=a", "SIP/2.0/UDP phone.local;branch=a;received=192.0.2.1"),
        (
            "SIP/2.0/UDP 192.0.2.1;rport;branch=a",
            "SIP/2.0/UDP 192.0.2.1;rport=4711;branch=a;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP 10.0.0.9;received=6.6.6.6;rport=1",
            "SIP/2.0/UDP 10.0.0.9;received=192.0.2.1;rport=4711",
        ),
    ],
)
def test_source_is_noted(text: str, expected: str) -> None:
    assert str(parse_via(text).with_source("192.0.2.1", 4711)) == expected


def test_written() -> None:
    assert str(Via("UDP", "h", None, (("branch", "z9hG4bK1"), ("rport", None)))) == (
        "SIP/2.0/UDP h;branch=z9hG4bK1;rport"
    )
    assert parse_via("SIP/2.0/UDP h;rport=x").rport == 0
    assert parse_via("SIP/2.0/UDP h;branch").branch is None
