"""All that is known of one call, as plain values: made by `reading`, shown by `page`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Sound:
    """How a call sounded, as a whole or for a while. Losses in per cent, times in ms; None: nobody knows."""

    heard: int  # packets that came from its phone, those too that were lost
    heard_lost: float | None
    heard_jitter: float | None
    heard_mos: float | None
    sent: int  # packets that went to its phone
    sent_lost: float | None  # as the phone reports
    sent_jitter: float | None
    sent_mos: float | None
    round_trip: float | None
    late: int  # packets that came too late to be played
    foreign: int  # packets from elsewhere, which were not played


@dataclass(frozen=True, slots=True)
class SoundPoint:
    """One stretch of it."""

    seconds: float  # its end, since the call began
    sound: Sound


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message."""

    at: datetime
    incoming: bool  # it came to the server
    source: str  # "127.0.0.1:5060"
    destination: str
    text: str
    again: bool  # the same was sent before


@dataclass(frozen=True, slots=True)
class Leg:
    """One call leg: the call itself, or another one that belongs to it."""

    id: str
    relation: str  # "" is the call itself; "placed for it" …
    direction: str  # "incoming" or "outgoing"
    status: str  # VoIPBIN's word
    source: str
    destination: str
    began: datetime
    rang: datetime | None
    answered: datetime | None
    ended: datetime | None
    hangup_by: str
    end_reason: str  # in words; empty while it goes on
    sip_status: int
    codec: str
    sound: Sound | None
    points: Sequence[SoundPoint] = ()
    step_seconds: float = 5.0
    messages: Sequence[Message] = ()
    known: bool = True  # the server has not restarted since
    step: str = ""  # that runs on it now: "reception.yaml:12 talk menu"

    @property
    def goes_on(self) -> bool:
        """Whether it is not over."""
        return self.status != "hangup"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a flow, done, failed or skipped."""

    flow: str
    name: str  # its id
    type: str
    at: str  # "reception.yaml:12"
    began: datetime
    seconds: float
    outcome: str  # "done", "skipped", "failed", "ended"
    detail: str  # the branch taken, the error …
    values: Mapping[str, str]  # the variables that it changed; those of secrets are masked


@dataclass(frozen=True, slots=True)
class Digit:
    """One digit of the phone. Who types a PIN types digits: they are masked when shown."""

    at: datetime
    digit: str


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording."""

    id: str
    status: str
    seconds: float
    end_reason: str
    files: Sequence[str]
    lost: float  # seconds that the disk was too slow for


@dataclass(frozen=True, slots=True)
class CallStory:
    """One call with all that belongs to it."""

    call: Leg
    flow: str
    legs: Sequence[Leg]  # others
    steps: Sequence[Step]
    steps_left_out: int
    digits: Sequence[Digit]
    recordings: Sequence[Recording]
    notes: Sequence[str] = ()  # what went wrong beside its steps

    @property
    def all_legs(self) -> Sequence[Leg]:
        """The call, then the others."""
        return [self.call, *self.legs]
