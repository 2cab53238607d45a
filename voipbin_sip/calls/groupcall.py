"""Groupcalls: several calls placed for one purpose, of which one is to be answered.

The record is VoIPBIN's. Who rings keeps it: begins it, adds each call that it places, and says when no more will
come. It is over when its last call is, the answered one too.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from voipbin_sip.calls.call import Address, Call

MAX_ENDED = 1000  # groupcalls that can be looked up after their end


class RingMethod(StrEnum):
    """In which order the destinations ring."""

    RING_ALL = "ring_all"
    LINEAR = "linear"


class AnswerMethod(StrEnum):
    """What becomes of the others when one answers."""

    NONE = ""
    HANGUP_OTHERS = "hangup_others"


class GroupStatus(StrEnum):
    """How far it is."""

    PROGRESSING = "progressing"
    HANGINGUP = "hangingup"
    HANGUP = "hangup"


class GroupEvent(StrEnum):
    """What is told of it: `groupcall_created` and so on."""

    CREATED = "created"
    PROGRESSING = "progressing"  # one has answered
    HANGUP = "hangup"


class Member(Protocol):
    """A call as a group sees it; CallSession is one."""

    call: Call
    finished: asyncio.Event

    def hang_up(self, reason: str, why: str = "") -> None:
        """End the call."""
        ...


@dataclass(slots=True, eq=False)
class Groupcall:
    """One groupcall's state."""

    source: Address
    destinations: tuple[Address, ...]
    ring_method: RingMethod = RingMethod.RING_ALL
    answer_method: AnswerMethod = AnswerMethod.HANGUP_OTHERS
    master_call_id: uuid.UUID | None = None  # of the call for which they are placed
    flow_id: uuid.UUID | None = None  # of the flow for who answers
    owner_id: uuid.UUID | None = None  # of the agent who is called
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    status: GroupStatus = GroupStatus.PROGRESSING
    dial_index: int = 0  # of destinations, the one that rings; of use for linear only
    call_ids: list[uuid.UUID] = field(default_factory=list)
    call_count: int = 0  # calls that are not over
    answer_call_id: uuid.UUID | None = None
    times: dict[GroupEvent, datetime] = field(default_factory=dict)


class Groupcalls:
    """All groupcalls that go on, and the last ones that are over."""

    def __init__(self) -> None:
        self._members: dict[Groupcall, set[Member]] = {}  # those that are not over
        self._known: dict[uuid.UUID, Groupcall] = {}
        self._ended: list[Groupcall] = []  # oldest first
        self._ringing: set[Groupcall] = set()  # more calls may come
        self._watches: set[asyncio.Task[object]] = set()
        self._listeners: list[Callable[[GroupEvent, Groupcall], None]] = []

    def __iter__(self) -> Iterator[Groupcall]:
        """Go through all that are known, oldest first."""
        return iter(list(self._known.values()))

    def get(self, group_id: uuid.UUID) -> Groupcall | None:
        """Return a groupcall, None where it is unknown or long over."""
        return self._known.get(group_id)

    def subscribe(self, listener: Callable[[GroupEvent, Groupcall], None]) -> None:
        """Have every event told to a listener, which must not raise."""
        self._listeners.append(listener)

    def begin(
        self,
        source: Address,
        destinations: Sequence[Address],
        *,
        ring_method: RingMethod = RingMethod.RING_ALL,
        answer_method: AnswerMethod = AnswerMethod.HANGUP_OTHERS,
        master: Call | None = None,
        flow_id: uuid.UUID | None = None,
        owner_id: uuid.UUID | None = None,
    ) -> Groupcall:
        """Make a groupcall; `settle` must follow when no more calls are added."""
        master_id = master.id if master is not None else None
        group = Groupcall(
            source, tuple(destinations), ring_method, answer_method, master_id, flow_id, owner_id
        )
        self._known[group.id] = group
        self._members[group] = set()
        self._ringing.add(group)
        self._tell(GroupEvent.CREATED, group)
        return group

    def add(self, group: Groupcall, member: Member) -> None:
        """Take in a call that is placed; one that comes after the group was hung up is hung up too."""
        member.call.groupcall_id = group.id
        group.call_ids.append(member.call.id)
        group.call_count += 1
        self._members[group].add(member)
        watch = asyncio.get_running_loop().create_task(member.finished.wait())
        self._watches.add(watch)

        def over(task: asyncio.Task[object]) -> None:
            self._watches.discard(task)
            self._over(group, member)

        watch.add_done_callback(over)
        if group.status is not GroupStatus.PROGRESSING:
            member.hang_up("cancel")

    def answered(self, group: Groupcall, member: Member) -> None:
        """Note who has answered; only the first one counts. With HANGUP_OTHERS the others are hung up."""
        if group.answer_call_id is not None:
            return
        group.answer_call_id = member.call.id
        if group.answer_method is AnswerMethod.HANGUP_OTHERS:
            for other in self._members[group] - {member}:
                other.hang_up("cancel", "Call completed elsewhere")
        self._tell(GroupEvent.PROGRESSING, group)

    def settle(self, group: Groupcall) -> None:
        """No more calls will be added."""
        self._ringing.discard(group)
        self._end_if_over(group)

    def hang_up(self, group: Groupcall) -> bool:
        """End all calls of a groupcall, and keep further ones from being placed; False if that is done already."""
        if group.status is not GroupStatus.PROGRESSING:
            return False
        group.status = GroupStatus.HANGINGUP
        for member in list(self._members[group]):
            member.hang_up("normal" if member.call.id == group.answer_call_id else "cancel")
        self._end_if_over(group)
        return True

    def _over(self, group: Groupcall, member: Member) -> None:
        self._members[group].discard(member)
        group.call_count -= 1
        self._end_if_over(group)

    def _end_if_over(self, group: Groupcall) -> None:
        if group in self._ringing or self._members.get(group, True):
            return
        del self._members[group]
        group.status = GroupStatus.HANGUP
        self._ended.append(group)
        if len(self._ended) > MAX_ENDED:
            del self._known[self._ended.pop(0).id]
        self._tell(GroupEvent.HANGUP, group)

    def _tell(self, event: GroupEvent, group: Groupcall) -> None:
        group.times[event] = datetime.now(UTC)
        for listener in self._listeners:
            listener(event, group)
