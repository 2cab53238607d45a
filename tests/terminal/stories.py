"""Stories made by hand, for the words and pictures that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from voipbin_sip.terminal.story import CallStory, Leg, Message, Sound, Step

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GOOD = Sound(500, 0.0, 1.0, 4.4, 500, 0.0, 1.0, 4.4, 20.0, 0, 0)
INCOMING = Leg(
    "11111111-0000-4000-8000-000000000000",
    "",
    "incoming",
    "hangup",
    "+15550123",
    "+15550100",
    BEGAN,
    None,
    BEGAN + timedelta(seconds=1),
    BEGAN + timedelta(seconds=11),
    "remote",
    "the caller hung up",
    200,
    "PCMU",
    GOOD,
)
REFUSED = replace(
    INCOMING,
    id="22222222-0000-4000-8000-000000000000",
    relation="placed for it",
    direction="outgoing",
    source="+15550100",
    destination="+493012345",
    answered=None,
    end_reason="the trunk office refused: 403 from 127.0.0.9, caller id not owned",
    sip_status=403,
    sound=None,
)


def story(call: Leg = INCOMING, legs: Sequence[Leg] = (), steps: Sequence[Step] = ()) -> CallStory:
    return CallStory(call, "reception", legs, steps, 0, [], [])


def ended_by_us(reason: str = "this server hung up") -> Leg:
    return replace(INCOMING, hangup_by="local", end_reason=reason)


def step(type_: str, line: int, detail: str = "", outcome: str = "done", **values: str) -> Step:
    names = {name.replace("__", "."): value for name, value in values.items()}
    return Step(
        "reception", f"{type_}#{line}", type_, f"reception.yaml:{line}", BEGAN, 0.1, outcome, detail, names
    )


def message(
    start: str, *, incoming: bool = True, remote: str = "192.0.2.9:5070", at: float = 0.0, more: str = ""
) -> Message:
    """Return a message between a far side and the server; `more` are header lines."""
    here = "192.0.2.1:5060"
    source, destination = (remote, here) if incoming else (here, remote)
    text = f"{start}\r\n{more}\r\n"
    return Message(BEGAN + timedelta(seconds=at), incoming, source, destination, text, again=False)
