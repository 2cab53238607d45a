import pytest

from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.headers import Headers


def test_any_case_and_compact_names_are_the_same_header() -> None:
    headers = Headers([("v", "1"), ("VIA", "2"), ("Via", "3"), ("x", "90"), ("X-Custom", " y ")])
    assert headers.get_all("via") == ["1", "2", "3"]
    assert headers.get_all("V") == ["1", "2", "3"]
    assert headers.get("Session-Expires") == "90"
    assert headers.get("x-custom") == "y"
    assert headers.get("Subject") is None
    assert "session-expires" in headers
    assert "Supported" not in headers
    assert next(iter(headers)) == ("v", "1")


def test_values_are_split_at_commas_that_separate() -> None:
    headers = Headers(
        [("Contact", '"a, b" <sip:a,b@c>;x="1,2", <sip:d@e>'), ("m", "sip:f@g"), ("k", ""), ("k", "a,,b ")]
    )
    assert headers.values("contact") == ['"a, b" <sip:a,b@c>;x="1,2"', "<sip:d@e>", "sip:f@g"]
    assert headers.values("Supported") == ["a", "b"]
    assert headers.values("Require") == []
    with pytest.raises(RemoteProtocolError):
        Headers([("Contact", '"open, <sip:a@b>')]).values("Contact")


def test_changes() -> None:
    headers = Headers([("Via", "1"), ("From", "a"), ("v", "2"), ("To", "b")])
    headers.add("Max-Forwards", "70")
    assert headers.get("max-forwards") == "70"
    headers.insert(0, "Via", "0")
    assert headers.get_all("via") == ["0", "1", "2"]
    headers.replace("via", "9")
    assert list(headers) == [("via", "9"), ("From", "a"), ("To", "b"), ("Max-Forwards", "70")]
    headers.replace("Subject", "new")
    assert headers.get("s") == "new"
    headers.remove("t")
    assert "To" not in headers
    assert len(headers) == 4


@pytest.mark.parametrize("text", ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "\ud800"])
def test_nothing_that_breaks_a_line_is_written(text: str) -> None:
    for write in (
        lambda: Headers([("Subject", text)]),
        lambda: Headers([(text, "x")]),
        lambda: Headers().add("Subject", text),
        lambda: Headers().insert(0, text, "x"),
        lambda: Headers().replace("Subject", text),
    ):
        with pytest.raises(LocalProtocolError):
            write()


@pytest.mark.parametrize("name", ["", "a b", "a:", "é", "a\t"])
def test_names_are_tokens(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        Headers([(name, "x")])
