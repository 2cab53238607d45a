"""The border of the SIP core: where bytes came from, what to send, what happened.

Callers give bytes and the time in (`SipCore.receive`, `SipCore.tick`) and take `Output` values out
(`SipCore.take`). A leg is named by an opaque string for its whole life.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from voipbin_sip.sip.message import Headers, Request
from voipbin_sip.sip.replaces import Replaces
from voipbin_sip.sip.sdp import SessionDescription


@dataclass(frozen=True, slots=True)
class Hop:
    """One direction of transport: where a message came in, which is also how an answer leaves."""

    transport: str  # "UDP", "TCP" or "TLS", as in Via
    local: tuple[str, int]  # the socket's own address (a concrete one: Via, Contact and SDP are made of it)
    remote: tuple[str, int]
    connection: int = 0  # of a stream transport; 0 = UDP, or "open one to remote"
    name: str = (
        ""  # the domain that a TLS server's certificate must be for (RFC 5922); "" = the address itself
    )


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes to write to a hop."""

    hop: Hop
    data: bytes


@dataclass(frozen=True, slots=True)
class Incoming:
    """A new INVITE wants a call. 100 Trying has been sent; answer with ring, progress, answer or reject."""

    leg: str
    request: Request
    hop: Hop
    offer: SessionDescription | None  # None: the offer is ours to make, in the 200
    replaces: str = ""  # the leg whose place it takes; who answers it hangs that one up (RFC 3891)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The ACK for our 200 arrived, with the answer if the offer was ours."""

    leg: str
    answer: SessionDescription | None


@dataclass(frozen=True, slots=True)
class Progress:
    """A provisional response from 180 up to an INVITE of ours; `sdp` is where early media come from.

    A proxy may ring several phones: `fork` tells them apart (the To tag, "" where the peer gave none).
    """

    leg: str
    status: int
    reason: str
    sdp: SessionDescription | None
    fork: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """An INVITE of ours was answered, and acknowledged.

    `sdp` is the answer (that of an earlier `Progress` if the 200 did not repeat it), or the peer's offer if ours was
    without: then the ACK waits for `SipCore.accept_offer`.
    """

    leg: str
    sdp: SessionDescription
    fork: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A re-INVITE or UPDATE in a confirmed dialog; settle it with accept_offer or refuse_offer.

    `offer` None: an offerless re-INVITE, our 200 makes the offer and `OfferAnswered` brings the answer.
    """

    leg: str
    request: Request
    offer: SessionDescription | None


@dataclass(frozen=True, slots=True)
class OfferAnswered:
    """The peer's answer to an offer of ours: in the ACK of an offerless re-INVITE, or in the 200 to `SipCore.offer`."""

    leg: str
    answer: SessionDescription


@dataclass(frozen=True, slots=True)
class OfferRefused:
    """Our own re-INVITE failed; the session goes on as it was."""

    leg: str
    status: int


@dataclass(frozen=True, slots=True)
class InfoDigit:
    """A digit by SIP INFO (application/dtmf-relay or application/dtmf); already answered 200."""

    leg: str
    digit: str
    duration: int  # ms


@dataclass(frozen=True, slots=True)
class Transfer:
    """The peer sends its other side elsewhere (REFER). Accepted already; `SipCore.notify_transfer` tells how it goes.

    With `replaces` the call to `refer_to` takes the place of another one; `SipCore.leg_of` knows if that is ours.
    """

    leg: str
    refer_to: str  # URI, without headers
    replaces: Replaces | None
    referred_by: str  # the Referred-By header, "" for none; anyone can write anything there


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """How a transfer goes that we have asked the peer for; `final`: no more will follow."""

    leg: str
    status: int
    reason: str
    final: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The leg is over. Comes exactly once for each Incoming and each outgoing leg, whoever ended it."""

    leg: str
    by: str  # "remote" or "local"
    status: int  # SIP status of the end: 200 for a BYE, 487 for a CANCEL, 408 for a lost ACK, ours for a reject, theirs
    reason: str  # in words, for logs: "BYE", "CANCEL", "no ACK", "rejected", the phrase of a failure …
    cause: int = 0  # Q.850 cause of a Reason header (RFC 3326), 0 = none
    contacts: tuple[str, ...] = ()  # of a 3xx: where to try instead, URIs in order of preference
    silent: bool = field(default=False, compare=False)  # nothing at all had come back to our INVITE


@dataclass(frozen=True, slots=True)
class Asked:
    """A request outside of any dialog that our user answers, with `SipCore.respond`: a REGISTER for example."""

    token: str
    request: Request
    hop: Hop


@dataclass(frozen=True, slots=True)
class Response:
    """The final answer to a `SipCore.request`; 408 if none came in time, 503 if it could not be sent."""

    token: str
    status: int
    reason: str
    headers: Headers  # empty where no answer came
    cseq: int  # of the request that was answered: higher than asked for if credentials were wanted
    hop: Hop  # how the answer came in; where the request went if none came


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that is no part of any leg was dropped or answered with an error: for counters and logs."""

    hop: Hop
    status: int  # the answer sent, 0 = none
    why: str
    request: Request | None = field(default=None, compare=False, repr=False)  # where it could be read as one


Event: TypeAlias = (
    Incoming
    | Progress
    | Answered
    | Confirmed
    | Offer
    | OfferAnswered
    | OfferRefused
    | InfoDigit
    | Transfer
    | TransferProgress
    | Ended
    | Asked
    | Response
    | Refused
)
Output: TypeAlias = Send | Event


@dataclass(frozen=True, slots=True)
class Limits:
    """Timers and caps of the core; seconds."""

    t1: float = 0.5  # RFC 3261 17.1.1.1: round trip estimate
    t2: float = 4.0  # longest interval between retransmissions
    t4: float = 5.0  # longest time that a message stays in the network
    remind: float = (
        60.0  # RFC 3261 13.3.1.1: an unanswered INVITE gets its 180 or 183 again, for proxies' Timer C
    )
    timer_c: float = 180.0  # RFC 3261 16.6 step 11: patience with a ringing peer, anew with each 1xx
    session_expires: int = 1800  # RFC 4028 4.1: what we ask for; 0 = timers only where the peer wants them
    min_se: int = 90  # RFC 4028 section 5: the shortest that we take
    tcp_for_long: bool = True  # RFC 3261 18.1.1: requests above 1300 bytes go over TCP, UDP if that fails
    max_message: int = 65_535  # bytes
    max_legs: int = 10_000
    max_transactions: int = 60_000
    allow: tuple[str, ...] = field(
        default=("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY")
    )
