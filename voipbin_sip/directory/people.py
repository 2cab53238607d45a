"""Who is called here: numbers that run flows, phones, conferences, people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from voipbin_sip.directory.fields import Entry, Name, Number, Password
from voipbin_sip.toll.limits import CallLimitsEntry

VIRTUAL = "+899"  # begins numbers that mean something on this server only; no country has this code


class NumberEntry(Entry):
    """A number that runs a flow."""

    number: Number
    flow: str  # "" = none: it is ours, but cannot be called
    public: bool = False
    name: str = ""
    detail: str = ""


class ExtensionEntry(Entry):
    """A phone."""

    extension: Name
    name: str = ""
    detail: str = ""
    password: Password | None = None
    password_file: Path | None = None
    limits: CallLimitsEntry = CallLimitsEntry()  # of the calls that go out for it


class ConferenceEntry(Entry):
    """A room that flows lead callers into."""

    id: Name
    name: str = ""
    detail: str = ""
    pre_flow_id: str = ""  # each caller goes through it first
    post_flow_id: str = ""  # and through this one who is still there afterwards


@dataclass(frozen=True, slots=True)
class Reach:
    """Where somebody can be called: one of VoIPBIN's addresses without its names."""

    type: str  # "extension", "tel", "sip", "conference", "agent"; of a direct hash also "flow"
    target: str
