"""What comes of a question: the outcome, and the decisions that lead to it, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Result = Literal["flow", "phones", "conference", "outside", "asked", "refused", "ignored"]
"""What a call comes to: it runs a flow, rings phones, joins a conference, leaves the server, is asked for a password
that nobody named has, is refused, or is not even answered."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision: the conclusion first, then its reason."""

    topic: str  # "source", "caller", "number", "flow", "phones", "allowed", "limits", "routes", "shown", "provider" …
    text: str
    where: tuple[str, ...] = ()  # file:line of the rules, or "made by the API"
    lines: tuple[str, ...] = ()  # particulars, one below the other


@dataclass(frozen=True, slots=True)
class Invitation:
    """One INVITE that would be sent. Of several, each is sent where the one before it fails; phones ring together."""

    to: str  # "extension:1000", "provider:carrier" or "" for a SIP address elsewhere
    request_uri: str
    from_: str  # name-addr
    headers: tuple[tuple[str, str], ...]  # P-Asserted-Identity, Privacy, those of the provider
    route: tuple[str, ...]
    codecs: tuple[str, ...]  # offered, the preferred one first
    transport: str
    places: tuple[str, ...]  # where it goes, as far as that is known without asking DNS
    usable: bool  # as far as is known
    refused: str = ""  # why it is not sent


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole answer."""

    call: str  # "1000 calls +493012345678"
    result: Result
    summary: str  # "is refused with 404: …"
    status: int = 0  # SIP status of a refusal
    target: str = ""  # the flow, extension or conference, or the number outside
    sent: tuple[Invitation, ...] = ()
    decisions: tuple[Decision, ...] = ()
    live: bool = False  # a running server was asked; else the files
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Story:
    """Decisions as they are gathered."""

    decisions: list[Decision] = field(default_factory=list)
    sent: list[Invitation] = field(default_factory=list)

    def tell(self, topic: str, text: str, *where: str, lines: Sequence[str] = ()) -> None:
        """Add one decision."""
        self.decisions.append(Decision(topic, text, tuple(dict.fromkeys(filter(None, where))), tuple(lines)))


@dataclass(frozen=True, slots=True)
class End:
    """How it ends for the caller; `status` 0: no refusal."""

    result: Result
    summary: str
    status: int = 0
    target: str = ""
