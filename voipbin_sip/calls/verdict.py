"""What the gate says of a call, and by which rule: read by the switchboard, and by those who explain calls."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from voipbin_sip.calls.call import Address
from voipbin_sip.calls.dialplan import Reading
from voipbin_sip.directory import NumberEntry
from voipbin_sip.guard import Outcome


class Ground(StrEnum):
    """As whom a caller is let in, or is not."""

    DOMAIN = "domain"  # nobody is asked: what is dialled is on another server
    TRUNK_ADDRESS = "trunk_address"
    TRUNK_PASSWORD = "trunk_password"
    PROVIDER = "provider"
    EXTENSION = "extension"  # by its password
    PUBLIC = "public"  # anybody may call the number
    DIRECT = "direct"  # anybody may call who knows the hash
    REPLACES = "replaces"  # a phone of ours takes another call over, by its password
    NOBODY = "nobody"  # there is no phone whose password could be asked for
    SERVER = "server"  # it has a fault
    DRAINING = "draining"  # the server ends, and takes no more calls
    NO_MEDIA = "no_media"  # the server has no port for the sound


@dataclass(frozen=True, slots=True)
class Rule:
    """By which rule the gate decided."""

    ground: Ground
    name: str = (
        ""  # of the trunk, provider or extension that the call is from; "" = it has not proved to be any
    )
    reading: Reading | None = None  # how what was dialled was understood; None: it was not, or nobody looked
    number: NumberEntry | None = None  # that was called


@dataclass(frozen=True, slots=True)
class Admitted:
    """The call is served: it runs a flow, or what was dialled stands in the place of one."""

    flow: str
    source: Address
    destination: Address
    connect: Address | None = None  # instead of a flow: whom to call
    conference: str = ""  # instead of a flow: which one to join
    payer: str = ""  # see call.Originator
    private: bool = False
    transfers: bool = False  # the caller may send the other side elsewhere (REFER)
    replaces: str = ""  # instead of a flow: the leg whose place the call takes
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Turned:
    """The call is refused."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    why: str = ""  # for the log
    rule: Rule | None = None
    outcome: Outcome | None = None  # where a password is asked for: what was judged before
