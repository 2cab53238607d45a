"""The keys of scenario files; the checks that need the flows are `flows.simulate.scenarios`'."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from flows.simulate.answers import Result
from flows.simulate.texts import Seconds, moment_in, zone_of
from flows.validation import Strict

MONDAY = "2026-01-05 10:00"
Word = Annotated[str, Field(min_length=1)]


def _words(value: object) -> object:
    """Let one word stand for a list of one."""
    return [value] if isinstance(value, str) else value


Words = Annotated[
    tuple[Word, ...],
    BeforeValidator(_words),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "number", "boolean"]},
                {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
            ]
        }
    ),
]


def _zone(name: str) -> str:
    zone_of(name)
    return name


class Deed(Strict):
    """One thing that the caller does, at a time or when the flow comes to a step."""

    at: Seconds | None = Field(default=None, description="Time since the call began")
    after: str = Field(
        default="", description="Step: as soon as it begins; named twice: when it begins again"
    )
    wait: Seconds = Field(default=0.0, description="And so much later")
    digits: Annotated[str, Field(pattern=r"^[0-9A-D*#]*$")] = Field(default="", description="Typed")
    pause: Seconds = Field(default=0.25, description="Between two digits")
    says: str = Field(default="", description="Spoken")
    hangs_up: bool = Field(default=False, description="The caller hangs up")
    proceeds: bool = Field(default=False, description="Somebody lets a `block` go on")

    @model_validator(mode="after")
    def _is_one_deed(self) -> Self:
        if (self.at is None) is (not self.after):
            raise ValueError("needs 'at' (a time) or 'after' (a step), and not both")
        if sum((bool(self.digits), bool(self.says), self.hangs_up, self.proceeds)) != 1:
            raise ValueError("needs one of 'digits', 'says', 'hangs_up: true', 'proceeds: true'")
        return self


class DialAnswer(Strict):
    """What becomes of a `connect`."""

    to: str = Field(default="", description="Only of one that calls this target; empty: of any")
    result: Result = "answered"
    after: Seconds | None = Field(
        default=None, description="Until that is known; empty: 3 s, or its time-out"
    )
    talks: Seconds = Field(default=30.0, description="How long people talk, where answered")
    reason: str = Field(default="", description="For voipbin.connect.reason; empty: the usual one")
    status: int = Field(default=0, ge=0, le=699, description="SIP status; 0: the usual one")


class WebReply(Strict):
    """What a web server answers."""

    url: str = Field(default="", description="Only to this address (or one that begins with it); empty: any")
    method: Literal["", "GET", "POST", "PUT", "DELETE"] = ""
    status: int = Field(default=200, ge=100, le=599)
    body: Any = Field(default="", description="Text, or a list or mapping that is sent as JSON")
    fails: str = Field(default="", description="No answer comes: why")


class RoomStay(Strict):
    """How long the caller stays in a room."""

    room: str = Field(default="", description="Only in this one; empty: in any")
    stays: Seconds = 60.0


class ConferenceEntry(Strict):
    """A conference of the directory."""

    name: Word
    pre_flow: str = ""
    post_flow: str = ""


class World(Strict):
    """What the world answers; of several entries that fit, the first not yet used, at last the last one."""

    connect: tuple[DialAnswer, ...] = ()
    web: tuple[WebReply, ...] = ()
    rooms: tuple[RoomStay, ...] = ()
    conferences: tuple[ConferenceEntry, ...] = ()


class Sent(Strict):
    """A request to a web server that is expected."""

    url: str = Field(default="", description="The address, or its beginning")
    method: Literal["", "GET", "POST", "PUT", "DELETE"] = ""
    body: Words = Field(default=(), description="Texts that are in the body")


class Mailed(Strict):
    """A mail that is expected."""

    to: str = Field(default="", description="One of those who get it")
    subject: str = Field(default="", description="A text in the subject")
    content: Words = Field(default=(), description="Texts in it")


End = Literal["finished", "stopped", "hung up", "failed", "caller hung up"]


class Expect(Strict):
    """What must have happened when the call is over."""

    steps: Words = Field(default=(), description="Steps in this order; others may come between")
    exactly: Words = Field(default=(), description="All steps, in this order")
    never: Words = Field(default=(), description="Steps that must not come")
    said: Words = Field(default=(), description="Texts in prompts (or files played), in this order")
    never_said: Words = Field(default=(), description="Texts that no prompt may have")
    called: Words = Field(
        default=(), description="All that were called, in this order: target or type:target"
    )
    sent: tuple[Sent, ...] = Field(default=(), description="Requests to web servers, in this order")
    mailed: tuple[Mailed, ...] = Field(default=(), description="Mails, in this order")
    variables: dict[str, str] = Field(default_factory=dict, description="Their values at the end")
    variables_after: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="Their values after a step (its last time)"
    )
    failures: Words = Field(default=(), description="Steps that are meant to fail; any other must not")
    end: End | None = Field(default=None, description="How the flow ends")
    reason: str = Field(default="", description="A text in the reason of the end")
    at_least: Seconds | None = Field(default=None, description="Shortest time that the call may last")
    at_most: Seconds | None = Field(default=None, description="Longest time that the call may last")


class ScenarioEntry(Strict):
    """One call and what must come of it."""

    name: Word = Field(description="What is tested, in words")
    flow: str = Field(default="", description="Flow; empty: that of the file")
    caller: str = Field(default="+15550199", description="Number, extension or user@domain")
    caller_name: str = ""
    dialled: str = "100"
    begins: str = Field(default=MONDAY, description="Date and time, as 2026-01-05 10:00")
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="", description="Of `begins`, as Europe/Berlin; empty: UTC"
    )
    call: bool = Field(default=True, description="false: a run without a call, as one that the API starts")
    variables: dict[str, str] = Field(default_factory=dict, description="Set before the flow begins")
    caller_does: tuple[Deed, ...] = ()
    answers: World = World()
    expect: Expect

    @model_validator(mode="after")
    def _begins_some_time(self) -> Self:
        moment_in(self.begins, self.timezone)
        return self


class ScenarioDocument(Strict):
    """The keys of a scenario file."""

    flow: str = Field(default="", description="Flow that is called, by name")
    flows: str = Field(default="", description="Folder of the flows, from this file on; empty: ../flows")
    detail: str = ""
    scenarios: tuple[ScenarioEntry, ...] = Field(min_length=1, max_length=1000)
