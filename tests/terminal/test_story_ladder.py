"""The ladder: columns, arrows, what was sent again, and what happens where it is narrow."""

from __future__ import annotations

from dataclasses import replace

from tests.terminal.stories import BEGAN, message
from voipbin_sip.terminal.ladder import columns, label, ladder_lines
from voipbin_sip.terminal.reading import read_messages

CARRIER = "192.0.2.44:5060"
SDP = "Content-Type: application/sdp\r\n"


def test_the_caller_stands_left_and_the_called_side_right() -> None:
    found = [
        message("INVITE sip:100@x SIP/2.0", more=SDP),
        message("SIP/2.0 100 Trying", incoming=False, at=0.001, more="CSeq: 1 INVITE\r\n"),
        message("INVITE sip:1@y SIP/2.0", incoming=False, remote=CARRIER, at=0.01),
        message("SIP/2.0 403 Forbidden", remote=CARRIER, at=1.5, more="CSeq: 1 INVITE\r\n"),
    ]
    assert columns(found) == ["192.0.2.9:5070", "this server", CARRIER]
    assert ladder_lines(found, BEGAN, 67) == [
        "           192.0.2.9:5070        this server       192.0.2.44:5060",
        "           |                          |                          |",
        "    +0.000 |-- INVITE + SDP --------->|                          |",
        "    +0.001 |<-- 100 Trying -----------|                          |",
        "    +0.010 |                          |-- INVITE --------------->|",
        "    +1.500 |                          |<-- 403 Forbidden --------|",
    ]


def test_a_call_that_we_place_begins_with_us() -> None:
    found = [message("INVITE sip:1@y SIP/2.0", incoming=False, remote=CARRIER)]
    assert columns(found) == ["this server", CARRIER]
    assert "|-- INVITE ---" in ladder_lines(found, BEGAN, 80)[2]


def test_arrows_cross_the_columns_between() -> None:
    found = [
        message("INVITE sip:100@x SIP/2.0"),
        message("INVITE sip:1@y SIP/2.0", incoming=False, remote="192.0.2.3:5060"),
        message("INVITE sip:1@y SIP/2.0", incoming=False, remote=CARRIER, at=0.25),
    ]
    line = ladder_lines(found, BEGAN, 120)[-1]
    assert line.count("|") == 3  # the third one is crossed
    assert line.endswith("->|")


def test_what_is_too_wide_is_listed() -> None:
    found = [
        message("INVITE sip:1@y SIP/2.0", incoming=False, remote=f"192.0.2.{n}:5060") for n in range(1, 9)
    ]
    lines = ladder_lines(found, BEGAN, 80)
    assert lines[0] == "    +0.000 this server -> 192.0.2.1:5060  INVITE"
    assert len(lines) == 8
    assert ladder_lines([], BEGAN, 80) == []


def test_no_line_is_wider_than_there_is_room() -> None:
    long = message("SIP/2.0 403 " + "no " * 60, more="CSeq: 1 INVITE\r\n")
    for width in (20, 40, 80, 200):
        assert max(map(len, ladder_lines([long], BEGAN, width))) <= width


def test_labels() -> None:
    assert label(message("BYE sip:x SIP/2.0")) == "BYE"
    assert label(message("SIP/2.0 200 OK", more="CSeq: 2 BYE\r\n")) == "200 OK (BYE)"
    assert label(message("SIP/2.0 200 OK", more=f"cseq : 2 INVITE\r\n{SDP}")) == "200 OK + SDP"
    again = replace(message("BYE sip:x SIP/2.0"), again=True)
    assert label(again) == "again: BYE"


def test_the_same_message_in_the_same_direction_was_sent_again() -> None:
    one = {
        "timestamp": "2026-01-02T03:04:05.000000Z", "method": "BYE", "raw": "BYE", "incoming": True,
        "src_ip": "2001:db8::9", "src_port": 5070, "dst_ip": "192.0.2.1", "dst_port": 5060,
    }  # fmt: skip
    found = read_messages([one, one, one | {"src_port": 5071}])
    assert [message.again for message in found] == [False, True, False]
    assert found[0].source == "[2001:db8::9]:5070"
