"""Plays a scenario in virtual time and says what of it does not hold."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from flows.result import RunResult
from flows.simulate.document import Deed
from flows.simulate.journal import Happening, Kind
from flows.simulate.scenarios import Scenario
from flows.simulate.scripted import Scripted
from flows.simulate.simulation import Caller, Simulation
from flows.simulate.texts import clock_text, moment_in
from flows.yamlnodes import Node


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that does not hold; `difference` sets both sides against each other, line by line."""

    file: Path
    line: int
    column: int
    message: str
    difference: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


def failure(place: Node, message: str, difference: tuple[str, ...] = ()) -> Failure:
    """Return a failure at a place of the scenario."""
    return Failure(place.file, place.line, place.column, message, difference)


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario that was played, before anybody has compared."""

    scenario: Scenario
    happenings: tuple[Happening, ...]
    seconds: float  # of virtual time
    result: RunResult | None  # None: it waits for ever
    hung_up: bool  # by the caller
    missed: tuple[Failure, ...] = field(default=())  # deeds that never came to their turn


async def play(scenario: Scenario) -> Played:
    """Play a scenario to its end."""
    entry = scenario.entry
    caller = Caller(entry.caller, entry.dialled, entry.caller_name, entry.call, entry.variables)
    begin = moment_in(entry.begins, entry.timezone)
    simulation = Simulation(
        scenario.flows, scenario.flow, caller=caller, begin=begin, answers=Scripted(entry.answers)
    )
    actor = _Actor(simulation, entry.caller_does)
    simulation.start()
    try:
        while not await simulation.settled():
            if not simulation.advance():
                break
    finally:
        missed = tuple(_missed(scenario, index, simulation) for index in actor.close())
        await simulation.close()
    return Played(
        scenario,
        tuple(simulation.journal.entries),
        simulation.clock.now(),
        simulation.result,
        simulation.hung_up,
        missed,
    )


def _missed(scenario: Scenario, index: int, simulation: Simulation) -> Failure:
    deed = scenario.entry.caller_does[index]
    what = f"step '{deed.after}' never began" if deed.after else "the call was over before"
    if deed.after and any(deed.after in keys_of(entry) for entry in simulation.journal.of(Kind.BEGUN)):
        what = f"step '{deed.after}' did not begin once more, or the call was over before"
    place = scenario.place("caller_does", index)
    return failure(place, f"this did not happen: {what} (it ended at {clock_text(simulation.clock.now())})")


def keys_of(happening: Happening) -> tuple[str, ...]:
    """Return the names by which a scenario may know the step of a happening."""
    begun = happening.begun
    if begun is None:
        return ()
    return begun.action.id, begun.action.type, f"{begun.flow.name}:{begun.action.id}"


class _Actor:
    """Does what the caller does, each deed in its turn."""

    def __init__(self, simulation: Simulation, deeds: tuple[Deed, ...]) -> None:
        self._simulation = simulation
        self._deeds = deeds
        self._left = set(range(len(deeds)))
        self._claimed: set[int] = set()
        self._seen: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        for index, deed in enumerate(deeds):
            if deed.at is not None:
                self._tasks.append(asyncio.ensure_future(self._do(index, deed.at + deed.wait)))
        simulation.journal.watch(self._watch)

    def close(self) -> list[int]:
        """Stop, and return the deeds that were not done."""
        for task in self._tasks:
            task.cancel()
        return sorted(self._left)

    def _watch(self, happening: Happening) -> None:
        if happening.kind is not Kind.BEGUN:
            return
        claimed: set[str] = set()
        for index, deed in enumerate(self._deeds):
            is_free = index not in self._claimed and deed.after not in claimed
            if deed.after and is_free and deed.after in keys_of(happening):
                claimed.add(deed.after)
                self._claimed.add(index)
                self._tasks.append(asyncio.ensure_future(self._do(index, deed.wait)))

    async def _do(self, index: int, seconds: float) -> None:
        deed, simulation = self._deeds[index], self._simulation
        await simulation.clock.sleep(seconds)
        if simulation.call_is_over:
            return
        is_done = True
        if deed.hangs_up:
            simulation.hang_up()
        elif deed.proceeds:
            is_done = simulation.proceed()
        elif deed.says:
            simulation.speak(deed.says)
        else:
            is_done = await self._type(deed)
        if is_done:
            self._left.discard(index)

    async def _type(self, deed: Deed) -> bool:
        """Type digits; returns whether the call lasted that long."""
        for number, digit in enumerate(deed.digits):
            if number and deed.pause:
                await self._simulation.clock.sleep(deed.pause)
            if self._simulation.call_is_over:
                return False
            self._simulation.press(digit)
        return True
