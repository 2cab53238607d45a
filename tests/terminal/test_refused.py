"""Refused attempts in the table of calls and on their page, made of what the API tells."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from tests.terminal.test_app_listing import NOON, ids, listing, over, stamp, told
from voipbin_sip.terminal.board import Board
from voipbin_sip.terminal.columns import BY_NAME, DIM, REFUSED, Sight
from voipbin_sip.terminal.listing import ENDED
from voipbin_sip.terminal.reading import read_messages
from voipbin_sip.terminal.refused import RefusedStory, read_attempt
from voipbin_sip.terminal.refused_page import refused_page, verdict


def attempt(id_: str, at: float = 0, **fields: Any) -> dict[str, Any]:
    """Return one as `/timelines/refused` has it."""
    return {
        "id": id_, "tm_create": stamp(at), "tm_update": stamp(at), "count": 1, "method": "INVITE",
        "source": "192.0.2.7:5060", "transport": "UDP", "caller": "1000", "callee": "555", "user_agent": "Desk",
        "sip_status": 404, "sip_reason": "Number not found", "cause": "no_such_number",
        "why": "555 is no number", "sip_call_ids": ["one", "two"],
        **fields,
    }  # fmt: skip


def page(story: RefusedStory, before: str = "") -> list[str]:
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(refused_page(story, before=before, show_sip=True))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_they_stand_among_what_is_over_by_their_time() -> None:
    board = Board()
    board.take(told("goes on"))
    board.take(over("early", at=10))
    board.take(over("late", at=30))
    assert board.take_refused([attempt("refused", 20)])
    assert ids(listing(board)) == ["goes on", ENDED, "late", "refused", "early"]
    assert ids(listing(board, show_ended=False)) == ["goes on"]
    assert ids(listing(board, words=("refused",))) == [ENDED, "refused"]


def test_a_row_says_who_what_and_why_and_differs_from_calls() -> None:
    board = Board()
    board.take(over("call"))
    board.take_refused([
        attempt("many", count=12),
        attempt("desk", method="REGISTER", caller="", why="the password of 1000 is wrong"),
    ])  # fmt: skip
    sight = Sight(board, NOON)
    many, desk = board.refused["many"], board.refused["desk"]
    cells = {name: column.cell(many, sight) for name, column in BY_NAME.items()}
    assert (cells["from"].text, cells["to"].text, cells["status"].text) == ("1000", "555", "refused")
    assert cells["step"].text == "555 is no number (12 times)"
    assert cells["status"].style == REFUSED
    assert BY_NAME["status"].cell(board.ended["call"], sight).style == DIM
    assert (desk.source, desk.destination, desk.step or desk.why) == (
        "192.0.2.7:5060",
        "registers",
        "the password of 1000 is wrong",
    )
    assert many.over and board.get("many") is many


def test_the_table_is_drawn_again_only_where_something_has_changed() -> None:
    board = Board()
    assert board.take_refused([attempt("a")])
    assert not board.take_refused([attempt("a")])
    assert board.take_refused([attempt("a", count=2)])
    assert board.take_refused([])
    assert board.get("a") is None


def test_the_page_answers_first() -> None:
    message = {
        "timestamp": stamp(0), "incoming": True, "src_ip": "192.0.2.7", "src_port": 5060,
        "dst_ip": "192.0.2.1", "dst_port": 5060, "raw": "INVITE sip:555@x SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n",
    }  # fmt: skip
    story = RefusedStory(
        read_attempt(attempt("11112222", count=3, tm_create=stamp(-60))),
        "there is no number '555'; did you mean '100'?",
        ["Do this."],
        read_messages([message]),
    )
    lines = page(story, "1000 → 100, voipbin-sip call 3333")
    assert lines[0] == "Refused with 404: there is no number '555'; did you mean '100'?"
    assert lines[1] == "1000 → 555"
    assert ", 3 times since " in lines[2] and lines[2].endswith(", from 192.0.2.7:5060 by UDP (Desk)")
    assert lines[3] == "no call: refused attempt 11112222, SIP Call-ID two"
    assert lines[4] == "the last call before it: 1000 → 100, voipbin-sip call 3333"
    assert lines[5:8] == ["", "What to do", "  Do this."]
    assert any("-- INVITE --" in line for line in lines)
    assert "    INVITE sip:555@x SIP/2.0" in lines


def test_the_page_of_a_registration_and_of_forgotten_messages() -> None:
    story = RefusedStory(
        read_attempt(attempt("1", method="REGISTER", callee="1000", caller="\x1b[31m", user_agent="")),
        "the password of 1000 is wrong",
        [],
        [],
    )
    assert verdict(story) == "Registration refused with 404: the password of 1000 is wrong"
    lines = page(story)
    assert lines[1] == "·[31m registers for 1000"
    assert "What to do" not in lines
    assert any("not kept any more" in line for line in lines)
