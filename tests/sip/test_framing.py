"""Cutting a stream: the same messages come out however the bytes arrive."""

import random

import pytest

from tests.sip.test_message import build
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.framing import KeepAlive, StreamFramer, is_keepalive
from voipbin_sip.sip.message import parse_message
from voipbin_sip.sip.parse import MAX_MESSAGE

ONE = build()
TWO = build(change={"Content-Length": None}, add=["l :\r\n 9"], body=b"a\r\n\r\nb\n\nc")
LF = build(change={"Content-Length": "3"}, body=b"x\r\n").replace(b"\r\nVia", b"\nVia")
BARE = build(change={"Content-Length": "4"}).replace(b"\r\n", b"\n") + b"body"


def messages(items: list[bytes | KeepAlive]) -> list[bytes]:
    return [item for item in items if isinstance(item, bytes)]


def test_messages_in_one_piece() -> None:
    items = StreamFramer().feed(ONE + TWO + LF + BARE + ONE)
    assert items == [ONE, TWO, LF, BARE, ONE]
    for item in messages(items):
        parse_message(item, stream=True)


def test_messages_byte_by_byte() -> None:
    framer = StreamFramer()
    data = ONE + TWO + BARE + LF
    found = [item for position in range(len(data)) for item in framer.feed(data[position : position + 1])]
    assert found == [ONE, TWO, BARE, LF]


def test_messages_in_random_pieces() -> None:
    rng = random.Random(5)
    data = (ONE + TWO + BARE + LF) * 5
    for _ in range(20):
        framer = StreamFramer()
        found: list[bytes | KeepAlive] = []
        position = 0
        while position < len(data):
            size = rng.randint(1, 700)
            found += framer.feed(data[position : position + size])
            position += size
        assert found == [ONE, TWO, BARE, LF] * 5


def test_a_message_comes_as_soon_as_it_is_complete() -> None:
    framer = StreamFramer()
    pending = [framer.pending]
    assert framer.feed(TWO[:-1]) == []
    pending.append(framer.pending)
    assert framer.feed(TWO[-1:]) == [TWO]
    pending.append(framer.pending)
    assert pending == [False, True, False]


def test_keepalives() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n\r\n") == [KeepAlive.PING]
    assert framer.feed(b"\r\n") == [KeepAlive.PONG]
    assert framer.feed(ONE) == [ONE]
    assert framer.feed(b"\r\n\r\n" + ONE + b"\r\n\r\n") == [KeepAlive.PING, ONE, KeepAlive.PING]
    assert framer.feed(b"\r") == []
    assert framer.feed(b"\n") == [KeepAlive.PONG]
    assert framer.feed(b"\r") == []
    assert framer.feed(b"\n") == [KeepAlive.PING]  # both halves


@pytest.mark.parametrize("length", [None, "x", "-1", "99999999999", str(MAX_MESSAGE)])
def test_a_length_that_cannot_be_followed(length: str | None) -> None:
    framer = StreamFramer()
    with pytest.raises(RemoteProtocolError) as caught:
        framer.feed(build(change={"Content-Length": length}))
    assert caught.value.status in (400, 513)
    assert caught.value.request is not None
    with pytest.raises(RemoteProtocolError):
        framer.feed(ONE)


def test_two_lengths() -> None:
    assert StreamFramer().feed(build(add=["l: 0"])) == [build(add=["l: 0"])]
    with pytest.raises(RemoteProtocolError):
        StreamFramer().feed(build(add=["l: 5"], body=b"abcde"))


def test_what_was_complete_before_the_fault_is_not_lost() -> None:
    framer = StreamFramer()
    assert framer.feed(ONE + build(change={"Content-Length": "x"})) == [ONE]
    assert framer.pending
    with pytest.raises(RemoteProtocolError):
        framer.feed(b"")


def test_headers_without_end() -> None:
    framer = StreamFramer()
    with pytest.raises(RemoteProtocolError) as caught:
        for _ in range(MAX_MESSAGE):
            framer.feed(b"X: " + b"y" * 1000 + b"\r\n")
    assert caught.value.status == 513


def test_a_length_in_a_folded_line_or_a_body_does_not_count() -> None:
    data = build(
        change={"Content-Length": "20"},
        add=["Subject: x\r\n Content-Length: 5"],
        body=b"l: 3\r\n\r\nl: 4\r\n\r\n1234",
    )
    assert StreamFramer().feed(data + ONE) == [data, ONE]


def test_keepalive_datagrams() -> None:
    assert all(is_keepalive(data) for data in (b"", b"\r\n", b"\r\n\r\n", b"\0\0\0\0", b" \r\n"))
    assert not is_keepalive(ONE)
