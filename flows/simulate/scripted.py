"""The answers of a world that a scenario describes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from flows.ports import Address, Conference, StepFailed, WebAnswer
from flows.simulate.answers import Dialled
from flows.simulate.call import named
from flows.simulate.document import World

T = TypeVar("T")


class Scripted:
    """Implements `flows.simulate.Answers`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._used: set[int] = set()

    def dial(self, destinations: Sequence[Address], dial_timeout: float) -> Dialled:
        """Return the entry for one of the destinations; without one, somebody answers."""
        targets = {name for address in destinations for name in (address.target, named(address))}
        found = self._next(self._world.connect, lambda entry: not entry.to or entry.to in targets)
        if found is None:
            return Dialled()
        return Dialled(found.result, found.reason, found.status, found.after, found.talks)

    def web(self, method: str, url: str, body: str) -> WebAnswer:
        """Return the entry for the address. Raises StepFailed without one."""
        found = self._next(
            self._world.web,
            lambda entry: url.startswith(entry.url) and entry.method in ("", method),
        )
        if found is None:
            raise StepFailed(f"the scenario has no answer to {method} {url} (answers: web:)")
        if found.fails:
            raise StepFailed(found.fails)
        text = found.body if isinstance(found.body, str) else json.dumps(found.body, ensure_ascii=False)
        return WebAnswer(found.status, text)

    def room(self, room: str) -> float:
        """Return the entry for the room, else a minute."""
        found = self._next(self._world.rooms, lambda entry: entry.room in ("", room))
        return found.stays if found is not None else 60.0

    def conference(self, name: str) -> Conference:
        """Return the conference; where the scenario names none, all exist."""
        for entry in self._world.conferences:
            if entry.name == name:
                return Conference(name, entry.pre_flow, entry.post_flow)
        if self._world.conferences:
            raise StepFailed(f"there is no conference '{name}'")
        return Conference(name)

    def _next(self, entries: Sequence[T], fits: Callable[[T], bool]) -> T | None:
        """Return the first entry that fits and was not used, else the last one that fits."""
        fitting = [entry for entry in entries if fits(entry)]
        fresh = [entry for entry in fitting if id(entry) not in self._used]
        found = fresh[0] if fresh else (fitting[-1] if fitting else None)
        if found is not None:
            self._used.add(id(found))
        return found
