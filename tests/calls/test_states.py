"""The life of a call: the table of allowed moves and the words for its end."""

import itertools

import pytest

from voipbin_sip.calls.call import Address, Call
from voipbin_sip.calls.states import CAUSES, STATUS_OF_CAUSE, Direction, Status, hangup_reason

MOVES = {
    (Status.DIALING, Status.RINGING),
    (Status.DIALING, Status.PROGRESSING),
    (Status.DIALING, Status.TERMINATING),
    (Status.DIALING, Status.CANCELING),
    (Status.DIALING, Status.HANGUP),
    (Status.RINGING, Status.PROGRESSING),
    (Status.RINGING, Status.TERMINATING),
    (Status.RINGING, Status.CANCELING),
    (Status.RINGING, Status.HANGUP),
    (Status.PROGRESSING, Status.TERMINATING),
    (Status.PROGRESSING, Status.HANGUP),
    (Status.TERMINATING, Status.HANGUP),
    (Status.CANCELING, Status.HANGUP),
}


def call() -> Call:
    return Call("leg", Address("tel", "+15550100"), Address("extension", "100"))


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Status, Status)))
def test_only_the_moves_of_the_table_happen(before: Status, after: Status) -> None:
    record = call()
    record.status = before
    assert record.move(after) is ((before, after) in MOVES)
    assert record.status is (after if (before, after) in MOVES else before)


def test_the_time_of_a_move_is_kept() -> None:
    record = call()
    record.move(Status.PROGRESSING)
    assert record.times[Status.PROGRESSING].tzinfo is not None


@pytest.mark.parametrize(
    ("direction", "last", "cause", "reason"),
    [
        (Direction.INCOMING, Status.RINGING, 19, "noanswer"),
        (Direction.INCOMING, Status.RINGING, 17, "busy"),
        (Direction.INCOMING, Status.RINGING, 16, "normal"),
        (Direction.INCOMING, Status.PROGRESSING, 16, "normal"),
        (Direction.INCOMING, Status.TERMINATING, 17, "normal"),
        (Direction.OUTGOING, Status.DIALING, 19, "noanswer"),
        (Direction.OUTGOING, Status.RINGING, 21, "noanswer"),
        (Direction.OUTGOING, Status.RINGING, 17, "busy"),
        (Direction.OUTGOING, Status.RINGING, 26, "normal"),
        (Direction.OUTGOING, Status.DIALING, 0, "dialout"),
        (Direction.OUTGOING, Status.DIALING, 34, "failed"),
        (Direction.OUTGOING, Status.CANCELING, 0, "cancel"),
        (Direction.OUTGOING, Status.PROGRESSING, 16, "normal"),
    ],
)
def test_hangup_reason(direction: Direction, last: Status, cause: int, reason: str) -> None:
    assert hangup_reason(direction, last, cause, duration_over=False) == reason


def test_a_call_that_was_too_long_ends_by_timeout() -> None:
    assert hangup_reason(Direction.INCOMING, Status.TERMINATING, 16, duration_over=True) == "timeout"


@pytest.mark.parametrize(
    ("reason", "status"), [("busy", 486), ("failed", 408), ("noanswer", 480), ("dialout", 480)]
)
def test_refusing_an_unanswered_call_for_a_reason_gives_its_sip_status(reason: str, status: int) -> None:
    assert STATUS_OF_CAUSE[CAUSES[reason]] == status


def test_variables_of_a_call() -> None:
    variables = call().variables()
    assert variables["voipbin.call.source.target"] == "+15550100"
    assert variables["voipbin.call.destination.type"] == "extension"
    assert variables["voipbin.call.direction"] == "incoming"
    assert variables["voipbin.call.digits"] == ""
