"""Flows as the interpreter runs them: immutable, with every option checked.

A flow is a list of actions. Ids are words for people; each flow and action also has a stable UUID made of them,
for interfaces that want one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID, uuid5

from pydantic import ValidationError

from flows.ports import Address, Origin, StepFailed
from flows.validation import AT_RUN_TIME
from flows.variables import substitute_all
from flows.yamlnodes import Plain

if TYPE_CHECKING:
    from flows.actions.base import ActionType

ActionClass: TypeAlias = "type[ActionType]"

FLOW_NAMESPACE = UUID("6c1f8f0e-5d0b-5a53-9d35-0f1a6f1f2b5e")

# Reserved ids of VoIPBIN.
NO_ID = "00000000-0000-0000-0000-000000000000"
START_ID = "00000000-0000-0000-0000-000000000001"
FINISH_ID = "00000000-0000-0000-0000-000000000002"
NEXT_ID = "00000000-0000-0000-0000-000000000003"
RESERVED_IDS = frozenset({NO_ID, START_ID, FINISH_ID, NEXT_ID})


@dataclass(frozen=True, slots=True)
class Action:
    """One step of a flow."""

    id: str  # as written, or type and position ("talk#2"), which no target can name
    uuid: UUID
    kind: ActionClass
    option: Mapping[str, Plain]  # as written
    body: ActionType | None  # the options with their types; None where variables must be filled in first
    next_id: str  # empty: the following action
    origin: Origin
    named: bool  # the id was given, not made
    inner: Flow | None = None  # the steps that its options hold, for another call

    @property
    def type(self) -> str:
        """Return the name of the action type."""
        return self.kind.type

    def filled(self, variables: Mapping[str, str]) -> ActionType:
        """Return the action with its options filled in. Raises StepFailed where they do not fit then."""
        if self.body is not None:
            return self.body
        option: dict[str, Any] = {key: substitute_all(value, variables) for key, value in self.option.items()}
        try:
            return self.kind.model_validate(option, context=AT_RUN_TIME)
        except ValidationError as fault:
            first = fault.errors(include_url=False, include_input=False, include_context=False)[0]
            name = ".".join(str(part) for part in first["loc"]) or "options"
            # The kind of fault only: the value may be what a caller typed or said.
            raise StepFailed(
                f"{name} does not fit once its variables are filled in ({first['type'].replace('_', ' ')})"
            ) from None


@dataclass(frozen=True, slots=True)
class Flow:
    """A checked flow."""

    name: str
    uuid: UUID
    detail: str
    actions: tuple[Action, ...]
    on_complete_flow_id: str  # name or UUID of the flow that runs after this one; empty: none
    origin: Origin
    trusted: bool = True  # written by the operator in a file, not given by a client
    positions: Mapping[str, int] = field(default_factory=dict)  # by id, of named actions, and by UUID
    destinations: tuple[tuple[Address, Origin], ...] = ()  # that its steps name without variables
    given: Mapping[str, str] = field(default_factory=dict)  # variables of the run that gave it to this one

    def position(self, target: str) -> int | None:
        """Return the index of the action with this id or UUID."""
        return self.positions.get(key_of(target))

    def every_action(self) -> Iterator[Action]:
        """Yield the actions, and those inside of them."""
        for action in self.actions:
            yield action
            if action.inner is not None:
                yield from action.inner.every_action()


def flow_uuid(name: str) -> UUID:
    """Return the stable UUID of a flow."""
    return uuid5(FLOW_NAMESPACE, name)


def action_uuid(flow: UUID, action_id: str) -> UUID:
    """Return the stable UUID of an action: the id itself where it is one."""
    return as_uuid(action_id) or uuid5(flow, action_id)


def as_uuid(text: str) -> UUID | None:
    """Return the UUID that a text is in the usual 36 characters, else None."""
    if len(text) != 36:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None


def key_of(name: str) -> str:
    """Return a name as it is looked up: words as written, UUIDs in small letters."""
    uuid = as_uuid(name)
    return name if uuid is None else str(uuid)


def positions_of(actions: Iterable[Action]) -> Mapping[str, int]:
    """Return the index of each action by its id, if it has one of its own, and by its UUID."""
    positions: dict[str, int] = {}
    for index, action in enumerate(actions):
        if action.named:
            positions.setdefault(key_of(action.id), index)
        positions.setdefault(str(action.uuid), index)
    return MappingProxyType(positions)


class FlowSet:
    """All flows of one load. A run keeps the set that it started with; a reload makes a new set.

    Of flows with one name the first has it, and no flow is found by a name that is the UUID of another.
    """

    def __init__(self, flows: Iterable[Flow] = ()) -> None:
        self._flows = tuple(flows)
        named = {flow.name: flow for flow in reversed(self._flows)}
        self._by_key = named | {str(flow.uuid): flow for flow in self._flows}

    def get(self, name_or_id: str) -> Flow | None:
        """Return the flow with this name or UUID."""
        return self._by_key.get(key_of(name_or_id))

    def names(self) -> tuple[str, ...]:
        """Return the names of all flows."""
        return tuple(flow.name for flow in self._flows)

    def destinations(self) -> Iterator[tuple[Address, Origin]]:
        """Yield whom the flows call and which conferences they join, as far as no variable is in it, with the place.

        Whoever knows the extensions and conferences can tell which of them do not exist.
        """
        for flow in self._flows:
            yield from flow.destinations

    def __iter__(self) -> Iterator[Flow]:
        return iter(self._flows)

    def __len__(self) -> int:
        return len(self._flows)

    def __contains__(self, name_or_id: object) -> bool:
        return isinstance(name_or_id, str) and self.get(name_or_id) is not None
