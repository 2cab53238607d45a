"""The record of one call: who, where it is, when it got there. What it does lies in the modules beside this one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from voipbin_sip.calls.quality import Quality
from voipbin_sip.calls.states import ALLOWED, Direction, Status


@dataclass(frozen=True, slots=True)
class Address:
    """One side of a call, with VoIPBIN's fields."""

    type: str  # "tel", "sip", "extension" …
    target: str
    target_name: str = ""
    name: str = ""
    detail: str = ""

    def variables(self, prefix: str) -> dict[str, str]:
        """Return the five variables of an address, `voipbin.call.source.target` and so on."""
        return {
            f"{prefix}.name": self.name,
            f"{prefix}.detail": self.detail,
            f"{prefix}.target": self.target,
            f"{prefix}.target_name": self.target_name,
            f"{prefix}.type": self.type,
        }


@dataclass(frozen=True, slots=True)
class Originator:
    """Who a new call is placed for: whom it shows, who answers for what it costs, whether it may go further."""

    address: Address
    payer: str = ""  # "extension:1000", "trunk:office", "provider:carrier"; "" = nobody that we know
    private: bool = False  # the caller is not to be shown (RFC 3323)
    max_forwards: int = 70


class Change(StrEnum):
    """What is new of a call's record."""

    STATUS = "status"
    CHAIN = "chain"  # another call was placed for it
    PLACE = "place"  # it has entered a bridge or a room, or left it
    MUTE = "mute"
    QUALITY = "quality"  # how it sounded, after its end


@dataclass(slots=True, eq=False)
class Call:
    """One call leg's state."""

    leg: str  # its name in the SIP core
    source: Address
    destination: Address
    direction: Direction = Direction.INCOMING
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    sip_call_id: str = ""
    groupcall_id: uuid.UUID | None = None  # of the groupcall that placed it
    master_call_id: uuid.UUID | None = None  # of the call that it was placed for
    chained_call_ids: list[uuid.UUID] = field(default_factory=list)  # placed for this one
    confbridge_id: uuid.UUID | None = None  # of the bridge or room that it is in
    mute_direction: str = ""  # "in": what it says is left out; "out": what it would hear; "both"
    status: Status = Status.RINGING  # an incoming call begins ringing
    payer: str = ""  # see Originator
    private: bool = False
    max_forwards: int = 70
    transfers: bool = False  # its phone may send the other side elsewhere (REFER)
    hangup_by: str = ""
    hangup_reason: str = ""
    sip_status: int = 0  # that it ended with
    sip_reason: str = ""
    run_id: str = ""  # of the run that it is on, or was at its end
    why: str = ""  # we have ended it, where that needs words
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    codec: str = ""  # of its sound, once it is over
    peer: str = ""  # who is at the other end, as a payer is written; "" = nobody that we know
    peer_host: str = ""  # the address that we speak SIP with
    sip_call_ids: list[str] = field(default_factory=list)  # of all attempts, oldest first
    quality: Quality | None = None  # of its sound, once it is over
    times: dict[Status, datetime] = field(default_factory=dict)
    watch: Callable[[Call, Change], None] = field(default=lambda call, change: None, repr=False)

    def move(self, status: Status) -> bool:
        """Go to a status if the table allows it, and say whether it did."""
        if status not in ALLOWED[self.status]:
            return False
        self.status = status
        self.times[status] = datetime.now(UTC)
        self.tell(Change.STATUS)
        return True

    def tell(self, change: Change) -> None:
        """Tell whoever keeps the record of calls that this one has changed."""
        self.watch(self, change)

    def originator(self, address: Address | None = None, *, private: bool | None = None) -> Originator:
        """Return for whom calls are placed that this one causes.

        `address` is shown instead of its caller; `private` None: hidden if the caller wished so.
        """
        hidden = self.private if private is None else private
        return Originator(address or self.source, self.payer, hidden, self.max_forwards - 1)

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.status is Status.HANGUP

    def variables(self) -> dict[str, str]:
        """Return the system variables that a run on this call starts with."""
        return {
            "voipbin.call.id": str(self.id),
            "voipbin.call.direction": str(self.direction),
            "voipbin.call.master_call_id": str(self.master_call_id or uuid.UUID(int=0)),
            "voipbin.call.digits": "",
            **self.source.variables("voipbin.call.source"),
            **self.destination.variables("voipbin.call.destination"),
        }
