"""The steps of a flow that a call would walk through, up to the first whose outcome nobody knows before the call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from flows import Flow, FlowSet, RunLimits, StepBegun
from flows.actions.web import WebhookSend
from flows.simulate import Caller, Happening, Kind, Simulation, Usual
from voipbin_sip.explain.places import MADE

MAX_STEPS = 30
MAX_SECONDS = 3600.0  # of virtual time
MAX_TEXT = 60
LIMITS = RunLimits(steps=500, steps_without_waiting=200)

# What comes of these is up to the caller, to those who are called, and to web servers.
OPEN = {
    "digits_receive": "waits for the caller's digits",
    "connect": "calls somebody",
    "conference_join": "the caller is in a conference",
    "confbridge_join": "the caller is in a room",
    "block": "waits until somebody lets it go on",
    "echo": "the caller hears itself",
    "stream_echo": "the caller hears itself",
    "fetch": "asks a web server what to do",
    "webhook_send": "asks a web server",
}
_SHOWN = (Kind.SAID, Kind.PLAYED, Kind.CALLED, Kind.ASKED, Kind.MAILED)


@dataclass(frozen=True, slots=True)
class Walked:
    """How far a flow goes by itself."""

    lines: tuple[str, ...]  # one for each step
    stop: StepBegun | None  # the step from which on it depends on others; None: the flow ends before
    ended: str = ""  # how the flow ends by itself


async def walk(flows: FlowSet, flow: Flow, caller: Caller, now: datetime) -> Walked:
    """Walk through a flow at a time of day, in virtual time."""
    simulation = Simulation(flows, flow, caller=caller, begin=now, answers=Usual(), limits=LIMITS)
    entries = simulation.journal.entries
    simulation.start()
    try:
        while not await simulation.settled() and not simulation.call_is_over:
            too_long = simulation.clock.now() > MAX_SECONDS or _steps(entries) > MAX_STEPS
            if _stop(entries) is not None or too_long or not simulation.advance():
                break
    finally:
        await simulation.close()
    stop, result = _stop(entries), simulation.result
    if stop is not None:
        return Walked(tuple(_lines(_up_to(entries, stop))), stop.begun)
    if result is None:
        return Walked((*_lines(entries), "and so on"), None)
    return Walked(tuple(_lines(entries)), None, f"{result.ended.value} {result.reason}".strip())


def _stop(entries: Sequence[Happening]) -> Happening | None:
    """Return the first step that depends on others."""
    begun = (entry for entry in entries if entry.kind is Kind.BEGUN)
    return next((entry for entry in begun if entry.begun is not None and _is_open(entry.begun)), None)


def _is_open(begun: StepBegun) -> bool:
    if isinstance(begun.body, WebhookSend):
        return begun.body.sync
    return begun.action.type in OPEN


def _up_to(entries: Sequence[Happening], stop: Happening) -> Iterator[Happening]:
    """Yield what happened up to a step, and what the step asked for."""
    for entry in entries:
        if entry.begun is not None and stop.begun is not None and entry.begun.number <= stop.begun.number:
            yield entry


def _lines(entries: Sequence[Happening] | Iterator[Happening]) -> Iterator[str]:
    """Yield a line for each step: its place, its type and id, what it says or whom it calls."""
    line = ""
    for entry in entries:
        if entry.kind is Kind.BEGUN and entry.begun is not None:
            yield from filter(None, [line])
            line = _step(entry.begun)
        elif entry.kind in _SHOWN:
            line += f" {_short(entry)}"
        elif (
            entry.kind is Kind.DONE
            and entry.record is not None
            and entry.record.outcome in ("failed", "skipped")
        ):
            line += f" ({entry.record.outcome}: {entry.record.detail})"
    yield from filter(None, [line])


def _step(begun: StepBegun) -> str:
    action = begun.action
    name = f"{action.type} {action.id}" if action.named else action.type
    open_ = f", {OPEN[action.type]}" if _is_open(begun) else ""
    return f"{str(action.origin) if begun.flow.trusted else MADE}  {name}{open_}"


def _short(entry: Happening) -> str:
    text = " ".join(entry.text.split())
    text = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
    return f"“{text}”" if entry.kind is Kind.SAID else text


def _steps(entries: Sequence[Happening]) -> int:
    return sum(entry.kind is Kind.BEGUN for entry in entries)
