"""What the table of calls knows: the calls that go on, the last ones that are over, each as one row.

Rows come from two sources that may overlap in any order: the calls of the API (lists and events), of which the newer
one counts by its `tm_update`, and what is measured of running calls, asked for now and then. No I/O and no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

NOBODY = "00000000-0000-0000-0000-000000000000"
KEPT_ENDED = 200  # calls that are over
BAD_MOS = 3.6  # below it, many users are dissatisfied (ITU-T G.107 Annex B)
BAD_LOSS = 3.0  # % of packets

STATUS_WORDS = {
    "dialing": "dialling",
    "ringing": "ringing",
    "progressing": "talking",
    "terminating": "ending",
    "canceling": "ending",
    "hangup": "ended",
}


@dataclass(slots=True)
class Row:
    """One call."""

    id: str
    direction: str = "incoming"  # or outgoing
    source: str = ""
    destination: str = ""
    status: str = "dialing"  # VoIPBIN's word
    began: datetime | None = None
    answered: datetime | None = None
    ended: datetime | None = None
    flow_id: str = NOBODY
    flow: str = ""  # its name
    action_id: str = ""
    action: str = ""  # type of the step that goes on
    at: str = ""  # where that step is written: reception.yaml:12
    room: str = NOBODY  # the bridge that it is in
    codec: str = ""
    mos: float | None = None
    loss: float | None = None  # % of what we should have heard
    reason: str = ""  # hangup_reason
    why: str = ""  # who ended it and why, in words
    updated: str = ""  # tm_update

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return self.status == "hangup"

    @property
    def bad(self) -> bool:
        """Whether it sounds badly."""
        return (self.mos is not None and self.mos < BAD_MOS) or (
            self.loss is not None and self.loss >= BAD_LOSS
        )

    @property
    def party(self) -> str:
        """Whom the phone of this call belongs to: who called us, or whom we called."""
        return self.source if self.direction == "incoming" else self.destination

    @property
    def word(self) -> str:
        """Return its status in a word."""
        if self.over:
            return self.reason if self.reason not in ("", "normal") else "ended"
        return STATUS_WORDS.get(self.status, self.status)

    @property
    def step(self) -> str:
        """Return what goes on: `reception.yaml:12 talk`, or the flow's name where the line is not known."""
        return " ".join(part for part in (self.at or self.flow, self.action) if part)

    def seconds(self, now: datetime) -> float:
        """Return how long it has talked, or rung where it was not answered."""
        since = self.answered or self.began
        return max(0.0, ((self.ended or now) - since).total_seconds()) if since is not None else 0.0


@dataclass(slots=True)
class Board:
    """All rows, by id; the newest last. What is read of flows and steps is kept for the calls that come."""

    running: dict[str, Row] = field(default_factory=dict)
    ended: dict[str, Row] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)  # where steps are written, by the id of the action
    flows: dict[str, str] = field(default_factory=dict)  # names, by id
    _rooms: dict[str, set[str]] = field(default_factory=dict)  # ids of the calls in each bridge

    def get(self, id_: str) -> Row | None:
        """Return the row of a call."""
        return self.running.get(id_) or self.ended.get(id_)

    def take(self, call: Mapping[str, Any]) -> None:
        """Take a call as the API shows it, unless something newer is known of it."""
        id_ = str(call["id"])
        row = self.get(id_) or Row(id_)
        if row.updated > call["tm_update"] or (row.over and call["status"] != "hangup"):
            return
        before = row.room
        _fill(row, call)
        self._house(id_, before, row.room)
        row.flow = self.flows.get(row.flow_id, row.flow)
        row.at = self.places.get(row.action_id, "")
        if call["tm_delete"] is not None:
            self.drop(id_)
        elif row.over:
            self.running.pop(id_, None)
            self.ended[id_] = row
            while len(self.ended) > KEPT_ENDED:
                del self.ended[next(iter(self.ended))]
        else:
            self.running[id_] = row

    def drop(self, id_: str) -> None:
        """Forget a call."""
        row = self.running.pop(id_, None) or self.ended.pop(id_, None)
        if row is not None:
            self._house(id_, row.room, NOBODY)

    def keep_only(self, running: Set[str]) -> None:
        """Forget those that are said to go on and do not: nobody has told of their end."""
        for id_ in self.running.keys() - running:
            self.drop(id_)

    def partner(self, row: Row) -> str:
        """Return who is at the other end of a call's bridge; several are counted."""
        if row.room == NOBODY:
            return ""
        others = [
            self.running[id_].party
            for id_ in self._rooms.get(row.room, ())
            if id_ in self.running and id_ != row.id
        ]
        return f"room of {len(others) + 1}" if len(others) > 1 else "".join(others)

    def _house(self, id_: str, before: str, now: str) -> None:
        if before == now:
            return
        if calls := self._rooms.get(before):
            calls.discard(id_)
            if not calls:
                del self._rooms[before]
        if now != NOBODY:
            self._rooms.setdefault(now, set()).add(id_)


def _fill(row: Row, call: Mapping[str, Any]) -> None:
    action, quality = call["action"], call["quality"]
    row.direction, row.status = str(call["direction"]), str(call["status"])
    row.source, row.destination = address(call["source"]), address(call["destination"])
    row.began, row.ended = moment(call["tm_create"]), moment(call["tm_hangup"])
    row.answered = moment(call["tm_progressing"])
    row.flow_id = str(call["flow_id"])
    row.action_id, row.action = str(action.get("id", "")), str(action.get("type", ""))
    row.room = str(call["confbridge_id"])
    row.reason, row.why = str(call["hangup_reason"]), str(call["end_reason"])
    row.updated = str(call["tm_update"])
    if quality:
        row.codec = str(quality.get("codec") or row.codec)
        row.mos, row.loss = quality.get("heard_mos"), quality.get("heard_lost")


def address(told: Mapping[str, Any]) -> str:
    """Return an address of the API as people write it: the name of an extension, a number, user@host."""
    target = str(told.get("target", ""))
    if told.get("type") in ("extension", "agent", "conference"):
        return str(told.get("target_name", "")) or target
    return target or str(told.get("target_name", ""))


def moment(text: str | None) -> datetime | None:
    """Return a time of the API."""
    return datetime.fromisoformat(text) if text else None
