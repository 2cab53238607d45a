"""What the table of calls knows: the calls that go on, the last ones that are over, each as one row.

Rows come from two sources that may overlap in any order: the calls of the API (lists and events), of which the newer
one counts by its `tm_update`, and what is measured of running calls, asked for now and then. No I/O and no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

NOBODY = "00000000-0000-0000-0000-000000000000"
KEPT_ENDED = 200  # calls that are over
REFUSALS = 300  # SIP status codes from here on (RFC 3261 section 21)
MAX_BEFORE_STATUS = 5  # letters: as much as the column has room for
KEPT_PLACES = 10_000
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


class Written(NamedTuple):
    """Where a step is written."""

    at: str  # reception.yaml:12
    flow: str


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
    flow: str = ""  # its name
    action_id: str = ""
    action: str = ""  # type of the step that goes on
    at: str = ""  # where that step is written: reception.yaml:12
    room: str = NOBODY  # the bridge that it is in
    codec: str = ""
    mos: float | None = None
    loss: float | None = None  # % of what we should have heard
    silent: bool = False  # nothing at all came lately
    reason: str = ""  # hangup_reason
    refused: int = 0  # SIP status that it ended with, where it was refused
    why: str = ""  # who ended it and why, in words
    attempt: bool = False  # it was refused before it was a call
    updated: str = ""  # tm_update; "": it was never told of as a resource
    missing: bool = False  # it did not go on any more, when last looked at

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return self.status == "hangup"

    @property
    def bad(self) -> bool:
        """Whether it sounds badly."""
        bad_mos = self.mos is not None and self.mos < BAD_MOS
        return self.silent or bad_mos or (self.loss is not None and self.loss >= BAD_LOSS)

    @property
    def party(self) -> str:
        """Whom the phone of this call belongs to: who called us, or whom we called."""
        return self.source if self.direction == "incoming" else self.destination

    @property
    def word(self) -> str:
        """Return its status in a word."""
        if self.over:
            reason = self.reason if self.reason not in ("", "normal") else "ended"
            return f"{reason} {self.refused}" if self.refused and len(reason) <= MAX_BEFORE_STATUS else reason
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
    """All rows, by id. Where steps are written is kept for the calls that come to them next."""

    running: dict[str, Row] = field(default_factory=dict)
    ended: dict[str, Row] = field(default_factory=dict)
    refused: dict[str, Row] = field(default_factory=dict)  # attempts that became no call
    places: dict[str, Written] = field(default_factory=dict)  # of steps, by the id of the action
    _rooms: dict[str, set[str]] = field(default_factory=dict)  # ids of the calls in each bridge

    def get(self, id_: str) -> Row | None:
        """Return the row of a call."""
        return self.running.get(id_) or self.ended.get(id_) or self.refused.get(id_)

    @property
    def over(self) -> list[Row]:
        """All that does not go on: calls that are over, and attempts that were refused."""
        return [*self.ended.values(), *self.refused.values()]

    def take_refused(self, attempts: Sequence[Mapping[str, Any]]) -> bool:
        """Take the refused attempts, as `/timelines/refused` has them; returns whether anything has changed."""
        before = self.refused
        self.refused = {row.id: row for row in map(_attempt, attempts)}
        return self.refused != before

    def take(self, call: Mapping[str, Any]) -> None:
        """Take a call as the API shows it, unless something newer is known of it."""
        id_ = str(call["id"])
        row = self.get(id_) or Row(id_)
        if row.updated > call["tm_update"] or (row.over and call["status"] != "hangup"):
            return
        before = row.room
        _fill(row, call)
        self._house(id_, before, row.room)
        row.at, row.flow = self.places.get(row.action_id, ("", row.flow))
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

    def measure(self, calls: Sequence[Mapping[str, Any]], *, anew: bool = False) -> bool:
        """Take all calls that go on, as `/timelines/calls-live` has them. Others do not.

        A call that is missing is given the time until the next look: the event of its end may be on its way.
        `anew`: it is not, nobody has listened. Returns whether a call was forgotten, whose end is yet to be read.
        """
        for call in calls:
            id_ = str(call["id"])
            if id_ not in self.ended:
                self._measure(self.running.get(id_) or self.running.setdefault(id_, Row(id_)), call)
        gone = self.running.keys() - {str(call["id"]) for call in calls}
        forgotten = [id_ for id_ in gone if anew or self.running[id_].missing]
        for id_ in gone:
            self.running[id_].missing = True
        for id_ in forgotten:
            self.drop(id_)
        return bool(forgotten)

    def _measure(self, row: Row, call: Mapping[str, Any]) -> None:
        row.missing = False
        before = row.room
        _fill_known(row, call)
        self._house(row.id, before, row.room)
        action_id = str(call["action_id"] or "")
        if len(self.places) > KEPT_PLACES:
            self.places.clear()
        self.places[action_id] = Written(str(call["at"]), str(call["flow"]))
        if not row.updated:
            row.action_id, row.action = action_id, str(call["type"])
        row.at, row.flow = self.places.get(row.action_id, (row.at, row.flow))
        row.codec = str(call["codec"])
        sound = call["recent"] or call["quality"]
        if sound:
            row.silent = row.status == "progressing" and not sound["heard"]
            row.mos = sound["heard_mos"]
            row.loss = sound["heard_lost"] if sound["heard"] else None

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
    """Take what the API shows of a call."""
    _fill_known(row, call)
    action, quality = call["action"], call["quality"]
    row.ended = moment(call["tm_hangup"])
    row.action_id, row.action = str(action.get("id", "")), str(action.get("type", ""))
    row.reason, row.why = str(call["hangup_reason"]), str(call["end_reason"])
    row.refused = int(call["sip_status"]) if call["sip_status"] >= REFUSALS else 0
    row.updated = str(call["tm_update"])
    if quality:
        row.codec = str(quality.get("codec") or row.codec)
        row.mos, row.loss = quality.get("heard_mos"), quality.get("heard_lost")
        row.silent = False


def _fill_known(row: Row, call: Mapping[str, Any]) -> None:
    """Take what is in every answer about a call."""
    row.direction, row.status = str(call["direction"]), str(call["status"])
    row.source, row.destination = address(call["source"]), address(call["destination"])
    row.began, row.answered = moment(call["tm_create"]), moment(call["tm_progressing"])
    row.room = str(call["confbridge_id"] or NOBODY)


def _attempt(told: Mapping[str, Any]) -> Row:
    """Return the row of a refused attempt, or of several equal ones."""
    times = f" ({told['count']} times)" if told["count"] > 1 else ""
    at = moment(told["tm_update"])
    return Row(
        id=str(told["id"]),
        source=str(told["caller"] or told["source"]),
        destination="registers" if told["method"] == "REGISTER" else str(told["callee"]),
        status="hangup",
        began=at,
        ended=at,
        reason="refused",
        refused=int(told["sip_status"]),
        why=f"{told['why']}{times}",
        attempt=True,
    )


def address(told: Mapping[str, Any]) -> str:
    """Return an address of the API as people write it: the name of an extension, a number, user@host."""
    target = str(told.get("target", ""))
    if told.get("type") in ("extension", "agent", "conference"):
        return str(told.get("target_name", "")) or target
    return target or str(told.get("target_name", ""))


def moment(text: str | None) -> datetime | None:
    """Return a time of the API."""
    return datetime.fromisoformat(text) if text else None
