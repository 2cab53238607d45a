from dataclasses import replace

import pytest

from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.uri import Uri, parse_uri, party_uri, same_uri


def test_all_parts() -> None:
    uri = parse_uri("SIPS:alice:secret%21@[2001:db8::10]:5061;transport=tcp;lr?Subject=x%20y&Priority=urgent")
    assert uri == Uri(
        "sips",
        "alice",
        "secret!",
        "2001:db8::10",
        5061,
        (("transport", "tcp"), ("lr", None)),
        (("Subject", "x y"), ("Priority", "urgent")),
    )
    assert uri.param("TRANSPORT") == "tcp"
    assert uri.param("lr") == ""
    assert uri.param("maddr") is None


@pytest.mark.parametrize(
    "text",
    [
        "sip:example.com",
        "sip:%2B15550100@example.com;user=phone",
        "sip:a;b=c?d@host_with_underscore:65535;x",
        "sip:*72#@10.0.0.1",
        "sip:höhe@example.com",
        "tel:+1-201-555-0123;phone-context=example.com",
        "urn:service:sos",
        "soap.beep://192.0.2.103:3002",
    ],
)
def test_what_was_parsed_is_written_as_it_was(text: str) -> None:
    assert str(parse_uri(text)) == text


def test_a_changed_uri_is_escaped_anew() -> None:
    uri = replace(parse_uri("sip:%2B1%20x@example.com;a=%20"), port=5080, user="+1 x@y:z")
    assert str(uri) == "sip:+1%20x%40y%3Az@example.com:5080;a=%20"
    assert parse_uri(str(uri)) == uri
    assert str(Uri("sip", "1000", host="::1", port=5060)) == "sip:1000@[::1]:5060"


def test_escapes_in_numbers() -> None:
    uri = parse_uri("sip:%2B1-555-0100@example.com")
    assert uri.user == "+1-555-0100"
    assert uri.number == "+15550100"
    assert parse_uri("sip:alice@example.com").number is None
    assert parse_uri("sip:1000;phone-context=x@example.com").number == "1000"


def test_tel() -> None:
    uri = parse_uri("tel:7042;phone-context=example.com")
    assert (uri.scheme, uri.user, uri.host, uri.phone_context) == ("tel", "7042", "", "example.com")
    assert parse_uri("TEL:+1(201)555-0123").user == "+12015550123"
    assert str(Uri("tel", "+12015550123", params=(("phone-context", "a b"),))) == (
        "tel:+12015550123;phone-context=a%20b"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        "sip:@example.com",
        "sip:user@",
        "sip:user@@example.com",
        "sip:2001:db8::10",
        "sip:user@2001:db8::10",
        "sip:user@example.com:65536",
        "sip:user@example.com:",
        "sip:us er@example.com",
        "sip:user@exa mple.com",
        "sip:user@example.com;=x",
        "sip:user%4@example.com",
        "sip:user@example.com\r\nX: y",
        "<sip:user@example.com>",
        'sip:"user"@example.com',
        "tel:alice",
        "tel:",
        "1a:x",
        "sip:\udc80@example.com",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_uri(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "uri",
    [
        Uri("sip", "a", host="evil.example>;tag=1"),
        Uri("sip", "a", host="h\r\nX: y"),
        Uri("sip", "a"),
        Uri("tel", "1\r\n2"),
        Uri("urn", text="a b"),
    ],
)
def test_nothing_unescapable_is_written(uri: Uri) -> None:
    with pytest.raises(LocalProtocolError):
        str(uri)


# RFC 3261 section 19.1.4
@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("tel:+1-201-555-0123", "TEL:+12015550123"),
        ("urn:a", "URN:a"),
    ],
)
def test_same(a: str, b: str) -> None:
    assert same_uri(parse_uri(a), parse_uri(b))
    assert same_uri(parse_uri(b), parse_uri(a))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;newparam=6"),
        ("sip:a%3Bb@h", "sip:a;b@h"),
        ("sip:a@h", "sips:a@h"),
        ("sip:h", "sip:a@h"),
        ("tel:7042;phone-context=a", "tel:7042;phone-context=b"),
        ("urn:a", "urn:b"),
    ],
)
def test_not_the_same(a: str, b: str) -> None:
    assert not same_uri(parse_uri(a), parse_uri(b))
    assert not same_uri(parse_uri(b), parse_uri(a))


@pytest.mark.parametrize(
    ("uri", "party"),
    [
        ("sip:+15550100@carrier.example:5070;transport=tcp", "sip:+15550100@carrier.example"),
        ("sip:bob@192.0.2.1:5062;ob;user=phone;Maddr=192.0.2.2?subject=x", "sip:bob@192.0.2.1;user=phone"),
        ("sips:[2001:db8::1]:5061;lr", "sips:[2001:db8::1]"),
    ],
)
def test_from_and_to_do_not_say_how_to_get_there(uri: str, party: str) -> None:
    assert str(party_uri(parse_uri(uri))) == party
