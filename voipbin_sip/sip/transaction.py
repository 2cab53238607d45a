"""The four transaction state machines of RFC 3261 section 17 with RFC 6026, as tables.

Each table maps (state, input) to (next state, acts in order); a pair that is not listed changes nothing. A timer
belongs to the state that started it: leaving a state stops its timers. `server_transaction` and
`client_transaction` carry out the acts.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import TypeAlias


class State(Enum):
    """States of RFC 3261 figures 5 to 8 and RFC 6026 section 7."""

    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    CANCELLING = (
        auto()
    )  # INVITE client: a CANCEL is due or sent, the final response may still come (section 9.1)
    ACCEPTED = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()

    __hash__ = (
        object.__hash__
    )  # identity; the hash of Enum runs in Python and tables are looked up per message


class Input(Enum):
    """What a transaction reacts to."""

    REQUEST = auto()  # the request came again (server)
    ACK = auto()
    PROVISIONAL = auto()  # 1xx: from the user on a server, from the wire on a client
    SUCCESS = auto()  # 2xx
    FAILURE = auto()  # 300 to 699
    CHALLENGE = auto()  # 401 or 407 of ours
    CANCEL = auto()  # the user gives up its INVITE
    UNREACHABLE = auto()  # the transport cannot deliver
    TIMER_A = auto()
    TIMER_B = auto()
    TIMER_C = auto()
    TIMER_D = auto()
    TIMER_E = auto()
    TIMER_F = auto()
    TIMER_G = auto()
    TIMER_H = auto()
    TIMER_I = auto()
    TIMER_J = auto()
    TIMER_K = auto()
    TIMER_L = auto()
    TIMER_M = auto()
    TIMER_CANCEL = auto()  # 64*T1 after a CANCEL (section 9.1); the RFC gives it no letter

    __hash__ = object.__hash__


class Act(Enum):
    """What a transition does. START_x starts timer x, NEXT_x starts it anew at its grown interval."""

    SEND = auto()  # the response that the user gave
    RESEND = auto()  # what was sent last
    PASS = auto()  # to the user
    SEND_ACK = auto()  # for a failure response, within the transaction (RFC 3261 17.1.1.3)
    REPORT_TIMEOUT = auto()
    REPORT_UNREACHABLE = auto()
    START_A = auto()
    NEXT_A = auto()
    START_B = auto()
    START_C = auto()
    START_D = auto()
    START_E = auto()
    NEXT_E = auto()
    SLOW_E = auto()  # at T2 after a provisional response (RFC 3261 17.1.2.2)
    START_F = auto()
    START_G = auto()
    NEXT_G = auto()
    START_H = auto()
    START_I = auto()
    START_J = auto()
    START_K = auto()
    START_L = auto()
    START_M = auto()
    START_CANCEL = auto()

    __hash__ = object.__hash__


Table: TypeAlias = Mapping[tuple[State, Input], tuple[State, tuple[Act, ...]]]

# RFC 3261 17.2.1 and RFC 6026 7.1. In Accepted the user repeats its 2xx itself (13.3.1.4) and sees every ACK.
INVITE_SERVER: Table = {
    (State.PROCEEDING, Input.REQUEST): (State.PROCEEDING, (Act.RESEND,)),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Act.SEND,)),
    (State.PROCEEDING, Input.SUCCESS): (State.ACCEPTED, (Act.SEND, Act.START_L)),
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Act.SEND, Act.START_G, Act.START_H)),
    # RFC 3261 8.2.7: a challenge keeps no state. Repeated, the INVITE is challenged anew; its ACK means nothing.
    (State.PROCEEDING, Input.CHALLENGE): (State.TERMINATED, (Act.SEND,)),
    (State.ACCEPTED, Input.SUCCESS): (State.ACCEPTED, (Act.SEND,)),
    (State.ACCEPTED, Input.ACK): (State.ACCEPTED, (Act.PASS,)),
    (State.ACCEPTED, Input.TIMER_L): (State.TERMINATED, ()),
    (State.COMPLETED, Input.REQUEST): (State.COMPLETED, (Act.RESEND,)),
    (State.COMPLETED, Input.TIMER_G): (State.COMPLETED, (Act.RESEND, Act.NEXT_G)),
    (State.COMPLETED, Input.TIMER_H): (State.TERMINATED, ()),
    (State.COMPLETED, Input.ACK): (State.CONFIRMED, (Act.START_I,)),
    (State.CONFIRMED, Input.TIMER_I): (State.TERMINATED, ()),
}

# RFC 3261 17.2.2
NON_INVITE_SERVER: Table = {
    (State.TRYING, Input.PROVISIONAL): (State.PROCEEDING, (Act.SEND,)),
    (State.TRYING, Input.CHALLENGE): (State.TERMINATED, (Act.SEND,)),  # as for INVITE
    (State.PROCEEDING, Input.CHALLENGE): (State.TERMINATED, (Act.SEND,)),
    (State.TRYING, Input.SUCCESS): (State.COMPLETED, (Act.SEND, Act.START_J)),
    (State.TRYING, Input.FAILURE): (State.COMPLETED, (Act.SEND, Act.START_J)),
    (State.PROCEEDING, Input.REQUEST): (State.PROCEEDING, (Act.RESEND,)),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Act.SEND,)),
    (State.PROCEEDING, Input.SUCCESS): (State.COMPLETED, (Act.SEND, Act.START_J)),
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Act.SEND, Act.START_J)),
    (State.COMPLETED, Input.REQUEST): (State.COMPLETED, (Act.RESEND,)),
    (State.COMPLETED, Input.TIMER_J): (State.TERMINATED, ()),
}

# RFC 3261 17.1.1 and RFC 6026 7.2. Timer B runs only while Calling. Timer C (16.6 step 11) bounds the wait for
# a final response, so that a peer that says 100 and vanishes cannot keep a transaction for ever; when it fires, the
# user should send a CANCEL. After that nothing is waited for longer than 64*T1.
INVITE_CLIENT: Table = {
    (State.CALLING, Input.TIMER_A): (State.CALLING, (Act.RESEND, Act.NEXT_A)),
    (State.CALLING, Input.TIMER_B): (State.TERMINATED, (Act.REPORT_TIMEOUT,)),
    (State.CALLING, Input.PROVISIONAL): (State.PROCEEDING, (Act.START_C, Act.PASS)),
    (State.CALLING, Input.SUCCESS): (State.ACCEPTED, (Act.START_M, Act.PASS)),
    (State.CALLING, Input.FAILURE): (State.COMPLETED, (Act.SEND_ACK, Act.START_D, Act.PASS)),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Act.START_C, Act.PASS)),
    (State.PROCEEDING, Input.SUCCESS): (State.ACCEPTED, (Act.START_M, Act.PASS)),
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Act.SEND_ACK, Act.START_D, Act.PASS)),
    (State.CALLING, Input.UNREACHABLE): (State.TERMINATED, (Act.REPORT_UNREACHABLE,)),
    (State.PROCEEDING, Input.TIMER_C): (State.CANCELLING, (Act.START_CANCEL, Act.REPORT_TIMEOUT)),
    (State.PROCEEDING, Input.CANCEL): (State.CANCELLING, (Act.START_CANCEL,)),
    (State.CANCELLING, Input.SUCCESS): (State.ACCEPTED, (Act.START_M, Act.PASS)),
    (State.CANCELLING, Input.FAILURE): (State.COMPLETED, (Act.SEND_ACK, Act.START_D, Act.PASS)),
    (State.CANCELLING, Input.TIMER_CANCEL): (State.TERMINATED, (Act.REPORT_TIMEOUT,)),
    (State.ACCEPTED, Input.SUCCESS): (State.ACCEPTED, (Act.PASS,)),
    (State.ACCEPTED, Input.TIMER_M): (State.TERMINATED, ()),
    (State.COMPLETED, Input.FAILURE): (State.COMPLETED, (Act.SEND_ACK,)),
    (State.COMPLETED, Input.TIMER_D): (State.TERMINATED, ()),
}

# RFC 3261 17.1.2
NON_INVITE_CLIENT: Table = {
    (State.TRYING, Input.TIMER_E): (State.TRYING, (Act.RESEND, Act.NEXT_E)),
    (State.TRYING, Input.TIMER_F): (State.TERMINATED, (Act.REPORT_TIMEOUT,)),
    (State.TRYING, Input.UNREACHABLE): (State.TERMINATED, (Act.REPORT_UNREACHABLE,)),
    (State.TRYING, Input.PROVISIONAL): (State.PROCEEDING, (Act.SLOW_E, Act.START_F, Act.PASS)),
    (State.TRYING, Input.SUCCESS): (State.COMPLETED, (Act.START_K, Act.PASS)),
    (State.TRYING, Input.FAILURE): (State.COMPLETED, (Act.START_K, Act.PASS)),
    (State.PROCEEDING, Input.TIMER_E): (State.PROCEEDING, (Act.RESEND, Act.SLOW_E)),
    (State.PROCEEDING, Input.TIMER_F): (State.TERMINATED, (Act.REPORT_TIMEOUT,)),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Act.PASS,)),
    (State.PROCEEDING, Input.SUCCESS): (State.COMPLETED, (Act.START_K, Act.PASS)),
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Act.START_K, Act.PASS)),
    (State.COMPLETED, Input.TIMER_K): (State.TERMINATED, ()),
}


def input_of(status: int) -> Input:
    """Return the input that a response of this status is."""
    if status < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if status < 300 else Input.FAILURE
