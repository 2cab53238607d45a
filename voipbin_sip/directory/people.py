"""Who is called here: numbers that run flows, phones, conferences, people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from voipbin_sip.directory.fields import Entry, Name, Number, Password
from voipbin_sip.toll.limits import CallLimitsEntry

VIRTUAL = "+899"  # begins numbers that mean something on this server only; no country has this code


class NumberEntry(Entry):
    """A number that runs a flow."""

    number: Number = Field(description="E.164 with +, or a short code of digits")
    flow: str = Field(description="Flow that calls to it run; empty: it is ours, but cannot be called")
    public: bool = Field(default=False, description="Whether callers without a password reach it")
    name: str = Field(default="", description="For people")
    detail: str = Field(default="", description="For people")


class ExtensionEntry(Entry):
    """A phone."""

    extension: Name = Field(description="User name of the phones, and what is dialled to reach them")
    name: str = Field(default="", description="For people; shown by calls from it")
    detail: str = Field(default="", description="For people")
    password: Password | None = Field(
        default=None,
        description="Of the phones; without it and password_file one is made and kept in data_dir",
    )
    password_file: Path | None = Field(
        default=None, description="File that holds the password, in place of it"
    )
    limits: CallLimitsEntry = Field(
        default=CallLimitsEntry(),
        description="Of calls outside that it pays for, each in the place of the one in outbound.limits",
    )


class ConferenceEntry(Entry):
    """A room that flows lead callers into."""

    id: Name = Field(description="Name, for conference_join and for dialling conference:NAME")
    name: str = Field(default="", description="For people")
    detail: str = Field(default="", description="For people")
    pre_flow_id: str = Field(default="", description="Flow that each caller goes through first")
    post_flow_id: str = Field(default="", description="Flow for who is still there when the conference ends")


@dataclass(frozen=True, slots=True)
class Reach:
    """Where somebody can be called: one of VoIPBIN's addresses without its names."""

    type: str  # "extension", "tel", "sip", "conference", "agent"; of a direct hash also "flow"
    target: str
