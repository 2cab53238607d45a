"""The phases of an INVITE session as callee, as one table (RFC 3261 sections 13.3, 9.2 and 15)."""

from __future__ import annotations

from enum import Enum, auto


class Phase(Enum):
    """Where a session stands."""

    PROCEEDING = auto()  # INVITE received, nothing but 100 sent
    EARLY = auto()  # 180 or 183 sent
    ACCEPTED = auto()  # 200 sent, no ACK yet
    CONFIRMED = auto()  # ACK received
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
DEPARTED = frozenset((Phase.LEAVING, Phase.LEFT, Phase.OVER))
