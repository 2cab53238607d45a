"""The phases of an INVITE session, as one table (RFC 3261 sections 9, 13.2, 13.3 and 15).

What is said for the callee holds mirrored for the caller, who has one phase more: its CANCEL is under way.
"""

from __future__ import annotations

from enum import Enum, auto


class Phase(Enum):
    """Where a session stands."""

    PROCEEDING = auto()  # INVITE received, nothing but 100 sent
    EARLY = auto()  # 180 or 183 sent
    ACCEPTED = auto()  # 200 sent, no ACK yet
    CONFIRMED = auto()  # ACK received
    CANCELLING = (
        auto()
    )  # our INVITE is to be given up: its CANCEL is sent or must wait for a provisional response
    LEAVING = auto()  # to be ended by us, but our BYE must wait for an ACK (RFC 3261 section 15)
    LEFT = auto()  # our BYE is on its way
    OVER = auto()

    __hash__ = object.__hash__


class Move(Enum):
    """What brings a session from one phase to another."""

    PROVISIONAL = auto()
    ANSWER = auto()
    REJECT = auto()
    CANCEL = auto()
    ACK = auto()
    HANG_UP = auto()
    BYE_SENT = auto()
    BYE_DONE = auto()
    PEER_BYE = auto()
    GIVE_UP = auto()  # the caller's user, or its patience with a ringing peer
    FAILURE = auto()  # final, from the callee

    __hash__ = object.__hash__


PHASES: dict[tuple[Phase, Move], Phase] = {
    (Phase.PROCEEDING, Move.PROVISIONAL): Phase.EARLY,
    (Phase.PROCEEDING, Move.ANSWER): Phase.ACCEPTED,
    (Phase.PROCEEDING, Move.REJECT): Phase.OVER,
    (Phase.PROCEEDING, Move.CANCEL): Phase.OVER,
    (Phase.PROCEEDING, Move.PEER_BYE): Phase.OVER,
    (Phase.EARLY, Move.PROVISIONAL): Phase.EARLY,
    (Phase.EARLY, Move.ANSWER): Phase.ACCEPTED,
    (Phase.EARLY, Move.REJECT): Phase.OVER,
    (Phase.EARLY, Move.CANCEL): Phase.OVER,
    (Phase.EARLY, Move.PEER_BYE): Phase.OVER,
    (Phase.PROCEEDING, Move.GIVE_UP): Phase.CANCELLING,
    (Phase.PROCEEDING, Move.FAILURE): Phase.OVER,
    (Phase.EARLY, Move.GIVE_UP): Phase.CANCELLING,
    (Phase.EARLY, Move.FAILURE): Phase.OVER,
    (Phase.CANCELLING, Move.ANSWER): Phase.LEAVING,  # the 200 crossed our CANCEL
    (Phase.CANCELLING, Move.FAILURE): Phase.OVER,
    (Phase.CANCELLING, Move.PEER_BYE): Phase.CANCELLING,
    (Phase.ACCEPTED, Move.ACK): Phase.CONFIRMED,
    (Phase.ACCEPTED, Move.HANG_UP): Phase.LEAVING,
    (Phase.ACCEPTED, Move.PEER_BYE): Phase.OVER,
    (Phase.CONFIRMED, Move.HANG_UP): Phase.LEAVING,
    (Phase.CONFIRMED, Move.PEER_BYE): Phase.OVER,
    (Phase.LEAVING, Move.BYE_SENT): Phase.LEFT,
    (Phase.LEAVING, Move.PEER_BYE): Phase.OVER,
    (Phase.LEFT, Move.PEER_BYE): Phase.LEFT,  # both hung up at once: both BYEs get their 200
    (Phase.LEFT, Move.BYE_DONE): Phase.OVER,
}

UNANSWERED = frozenset((Phase.PROCEEDING, Phase.EARLY))
UNDECIDED = frozenset(
    (Phase.PROCEEDING, Phase.EARLY, Phase.CANCELLING)
)  # as caller: several dialogs may open
DEPARTED = frozenset((Phase.CANCELLING, Phase.LEAVING, Phase.LEFT, Phase.OVER))
