"""What the table of calls shows of what the API tells, and in which order; no screen, no server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from voipbin_sip.terminal.board import KEPT_ENDED, NOBODY, Board
from voipbin_sip.terminal.columns import BY_NAME, GAP, Sight, duration, lay_out
from voipbin_sip.terminal.lines import uptime
from voipbin_sip.terminal.listing import ENDED, Listing
from voipbin_sip.terminal.table import fitted

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def stamp(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def told(id_: str, second: float = 0, *, at: float | None = None, **fields: Any) -> dict[str, Any]:
    """Return a call as the API's lists and events have it; it began at `second` and was told of at `at`."""
    return {
        "id": id_, "direction": "incoming", "status": "progressing",
        "source": {"type": "sip", "target": f"{id_}@example.com"},
        "destination": {"type": "extension", "target": "100"},
        "tm_create": stamp(second), "tm_progressing": stamp(second), "tm_hangup": None, "tm_delete": None,
        "tm_update": stamp(second if at is None else at),
        "confbridge_id": NOBODY, "action": {"id": "a1", "type": "talk"}, "quality": {},
        "hangup_reason": "", "end_reason": "", "sip_status": 0,
        **fields,
    }  # fmt: skip


def over(id_: str, second: float = 0, *, at: float = 100, **fields: Any) -> dict[str, Any]:
    end = {
        "status": "hangup",
        "tm_hangup": stamp(at),
        "hangup_reason": "normal",
        "end_reason": "the caller hung up",
    }
    return told(id_, second, at=at, **{**end, **fields})


def live(id_: str, second: float = 0, **fields: Any) -> dict[str, Any]:
    """Return a call as `/timelines/calls-live` has it."""
    sound = {"heard": 250, "heard_lost": 0.0, "heard_mos": 4.4}
    return {
        "id": id_, "direction": "incoming", "status": "progressing",
        "source": {"type": "sip", "target": f"{id_}@example.com"},
        "destination": {"type": "extension", "target": "100"},
        "tm_create": stamp(second), "tm_progressing": stamp(second), "confbridge_id": None,
        "flow": "menu", "step": "", "type": "talk", "at": "menu.yaml:4", "action_id": "a1",
        "codec": "PCMU", "quality": sound, "recent": sound,
        **fields,
    }  # fmt: skip


def listing(board: Board, height: int = 5, **wishes: Any) -> Listing:
    made = Listing(height=height, **wishes)
    made.arrange(Sight(board, NOON))
    return made


def ids(made: Listing) -> list[str]:
    return [line if isinstance(line, str) else line.id for line in made.lines]


def test_the_newer_state_counts_however_it_comes() -> None:
    board = Board()
    board.take(told("a", at=5, action={"id": "a2", "type": "echo"}))
    board.take(told("a", at=3))
    assert board.running["a"].action == "echo"
    board.take(over("a", at=9))
    board.take(told("a", at=20))  # from a list that was read before the end
    assert (list(board.running), list(board.ended)) == ([], ["a"])


def test_a_step_is_known_by_its_line_once_it_was_seen() -> None:
    board = Board()
    board.take(told("a"))
    assert board.running["a"].step == "talk"
    board.measure([live("a")])
    assert board.running["a"].step == "menu.yaml:4 talk"
    board.take(told("b", 1))
    assert board.running["b"].step == "menu.yaml:4 talk", "another call at the same step"
    board.take(told("a", at=2, action={"id": "a2", "type": "echo"}))
    assert board.running["a"].step == "menu echo", "the line is not known yet, the flow is"


def test_a_call_that_is_gone_is_forgotten_at_the_second_look() -> None:
    board = Board()
    board.measure([live("a"), live("b")])
    assert not board.measure([live("b")])
    assert "a" in board.running, "the event of its end may be on its way"
    assert board.measure([live("b")])
    assert list(board.running) == ["b"]
    board.measure([], anew=True)
    assert not board.running, "nobody has listened: there is no such event"


def test_ended_calls_are_bounded() -> None:
    board = Board()
    for number in range(KEPT_ENDED + 10):
        board.take(over(f"c{number}", number, at=number + 1))
    assert len(board.ended) == KEPT_ENDED
    assert "c0" not in board.ended


def test_who_is_with_whom() -> None:
    board = Board()
    board.take(told("a", confbridge_id="room"))
    board.take(
        told(
            "b",
            1,
            direction="outgoing",
            destination={"type": "tel", "target": "+15550100"},
            confbridge_id="room",
        )
    )
    assert board.partner(board.running["a"]) == "+15550100"
    assert board.partner(board.running["b"]) == "a@example.com"
    board.take(told("c", 2, confbridge_id="room"))
    assert board.partner(board.running["a"]) == "room of 3"
    board.take(over("c", at=3))
    board.take(told("a", at=4))
    assert board.partner(board.running["a"]) == ""


def test_bad_sound() -> None:
    board = Board()
    good = {"heard": 250, "heard_lost": 0.0, "heard_mos": 4.4}
    none = {"heard": 0, "heard_lost": 0.0, "heard_mos": None}
    board.measure([
        live("good", 5),
        live("lossy", 4, recent={**good, "heard_lost": 9.0, "heard_mos": 3.0}),
        live("was-good", 3, recent=none),
        live("ringing", 2, status="ringing", recent=none),
        live("new", 1, recent=None, quality=None),
    ])  # fmt: skip
    assert ids(listing(board, words=("bad",))) == ["lossy", "was-good"]
    assert ids(listing(board, sorted_by=BY_NAME["mos"]))[:2] == ["was-good", "lossy"], "the worst first"


def test_the_selected_call_stays_where_it_is_while_others_come_and_go() -> None:
    board = Board()
    for number in range(20):
        board.take(told(f"c{number:02}", number))
    made = listing(board, height=5)
    assert made.selected == "c19", "the newest, until somebody moves"
    board.take(told("c20", 20))
    made.arrange(Sight(board, NOON))
    assert (made.selected, made.top) == ("c20", 0)
    for _ in range(7):
        made.move(1)
    assert made.selected == "c13"
    at = 7 - made.top
    board.take(told("c21", 21))
    board.take(told("c22", 22))
    board.take(over("c01", 1))
    made.arrange(Sight(board, NOON))
    assert made.selected == "c13"
    assert ids(made).index("c13") - made.top == at
    made.first()
    board.take(told("c23", 23))
    made.arrange(Sight(board, NOON))
    assert made.selected == "c23", "back at the first line it follows new calls"


def test_a_selected_call_that_ends_is_still_selected_or_its_neighbour() -> None:
    board = Board()
    for number in range(4):
        board.take(told(f"c{number}", number))
    shown, hidden = listing(board), listing(board, show_ended=False)
    for made in (shown, hidden):
        made.move(1)
        assert made.selected == "c2"
    board.take(over("c2", 2))
    for made in (shown, hidden):
        made.arrange(Sight(board, NOON))
    assert (ids(shown), shown.selected) == (["c3", "c1", "c0", ENDED, "c2"], "c2")
    assert (ids(hidden), hidden.selected) == (["c3", "c1", "c0"], "c1")


def test_moving_passes_the_heading() -> None:
    board = Board()
    board.take(told("a"))
    board.take(over("b"))
    made = listing(board)
    made.move(1)
    assert made.selected == "b"
    made.move(1)
    assert made.selected == "b"
    made.move(-1)
    assert made.selected == "a"


@pytest.mark.parametrize(("column", "turned", "expected"), [
    ("time", False, "a b c"), ("time", True, "c b a"), ("from", False, "a b c"), ("from", True, "c b a"),
])  # fmt: skip
def test_orders(column: str, turned: bool, expected: str) -> None:
    board = Board()
    for number, id_ in enumerate("abc"):
        board.take(told(id_, number - 10))
    assert ids(listing(board, sorted_by=BY_NAME[column], turned=turned)) == expected.split()


@pytest.mark.parametrize("width", [60, 79, 80, 100, 120, 200, 300])
def test_columns_fit_into_the_terminal(width: int) -> None:
    places = lay_out(width)
    assert [place.at for place in places] == [
        sum(other.width + GAP for other in places[:number]) for number in range(len(places))
    ]
    names = {place.column.name for place in places}
    assert {"from", "to", "status", "time", "step", "mos"} <= names
    if width >= 80:
        assert places[-1].at + places[-1].width <= width
    assert ("codec" in names) == (width >= 110)


def test_texts() -> None:
    assert [duration(seconds) for seconds in (0, 7.9, 760, 3753)] == ["0:00", "0:07", "12:40", "1:02:33"]
    assert [uptime(seconds) for seconds in (59, 4 * 3600 + 60, 100_000)] == ["0 min", "4 h 1 min", "1 d 3 h"]
    assert fitted("menu.yaml:12 talk", 8) == "menu.ya…"
    assert fitted("日本語", 5) == "日本…"
    assert fitted("4.4", 5, right=True) == "  4.4"
    assert fitted("a\x1b[31m\x07b", 10) == "a·[31m·b  ", "callers choose their names"
