import pytest

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.name_addr import NameAddr, parse_name_addr, parse_name_addr_list
from voipbin_sip.sip.uri import Uri, parse_uri


@pytest.mark.parametrize(
    ("text", "display", "uri", "tag"),
    [
        ('"A. G. Bell" <sip:agb@bell.example>;tag=a48s', "A. G. Bell", "sip:agb@bell.example", "a48s"),
        (
            "Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8",
            "Anonymous",
            "sip:c8oqz84zk7z@privacy.org",
            "hyh8",
        ),
        ("sip:+12125551212@phone2net.com;tag=887s", "", "sip:+12125551212@phone2net.com", "887s"),
        ("<sip:a@b;lr>", "", "sip:a@b;lr", None),
        ("caller<sip:a@b>;tag=1", "caller", "sip:a@b", "1"),
        (
            '"say \\"hi\\" \\\\ <sip:x@y>" < sip:a@b > ; x="a;b\\"," ; tag = 2',
            'say "hi" \\ <sip:x@y>',
            "sip:a@b",
            "2",
        ),
        ("Bell, Alexander <sip:a@b>;tag=43", "Bell, Alexander", "sip:a@b", "43"),
        ('"" <sip:a@b>;TAG=Qx', "", "sip:a@b", "Qx"),
        ("<sip:a@b>;tag=", "", "sip:a@b", None),
        ('"J\udcfcrgen" <sip:a@b>', "J�rgen", "sip:a@b", None),
        ('"Jürgen" <sip:a@b>', "Jürgen", "sip:a@b", None),
    ],
)
def test_parse(text: str, display: str, uri: str, tag: str | None) -> None:
    address = parse_name_addr(text)
    assert (address.display, str(address.uri), address.tag) == (display, uri, tag)
    assert parse_name_addr(str(address)) == address


def test_parameters_of_a_bare_uri_are_the_headers() -> None:
    address = parse_name_addr("sip:a@b;tag=1;x")
    assert address.uri.params == ()
    assert address.params == (("tag", "1"), ("x", None))
    assert str(address) == "<sip:a@b>;tag=1;x"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<>",
        "alice",
        '"open <sip:a@b>',
        "<sip:a@b",
        "<sip:a@b>x",
        "<sip:a@b>;;",
        "<sip:a@b>;",
        '<sip:a@b>;x="open',
        "sip:a@b?Route=x",
        "<sip:a@b><sip:c@d>",
        "<sip:a@b>;tag=1, <sip:c@d>",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_name_addr(text)


def test_list_over_lines_and_commas() -> None:
    lines = ['"a, b" <sip:a@b;x=1,2>;q=0.5, sip:c@d', "<sip:e@f>"]
    assert [address.display for address in parse_name_addr_list(lines)] == ["a, b", "", ""]
    assert [address.uri.host for address in parse_name_addr_list(lines)] == ["b", "d", "f"]
    with pytest.raises(RemoteProtocolError):
        parse_name_addr_list(["<sip:a@b>,,<sip:c@d>"])


def test_written_names_are_quoted() -> None:
    address = NameAddr('a "b" \\', parse_uri("sip:a@b"), (("tag", "1"),))
    assert str(address) == '"a \\"b\\" \\\\" <sip:a@b>;tag=1'
    assert str(NameAddr("", Uri("sip", host="h"))) == "<sip:h>"
