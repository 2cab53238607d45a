"""A flow file half way between nodes and a `Flow`: steps with their places, each checked by its own type.

Faults are collected, not raised, so that the checks over the whole flow (`flows.lint`) still see its sound parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from flows import reasons
from flows.actions.base import ActionType, Option
from flows.actions.prompts import is_url
from flows.actions.registry import ACTION_TYPES, GONE, NOT_YET
from flows.findings import Finding, did_you_mean, error
from flows.model import (
    RESERVED_IDS,
    Action,
    Flow,
    action_uuid,
    as_uuid,
    flow_uuid,
    key_of,
    positions_of,
)
from flows.ports import Address, Origin
from flows.validation import Strict, validate
from flows.variables import refers_to_variables
from flows.yamlnodes import ListNode, MapNode, Node, ScalarNode, plain

_ID = re.compile(r"\w[\w.:@-]*")


def _step_id(word: str) -> str:
    if not _ID.fullmatch(word):
        raise ValueError("must be a word: letters, digits, '_', '-', '.', ':' or '@'")
    if word in RESERVED_IDS:
        raise ValueError("is a reserved id")
    return word


def _uuid(text: str) -> str:
    if as_uuid(text) is None:
        raise ValueError("is not a UUID such as 5b1f0a52-0000-4000-8000-00000000000a")
    return text


class FlowDocument(Strict):
    """The keys of a flow file."""

    name: str | None = Field(
        default=None, min_length=1, max_length=255, description="Empty: the name of the file"
    )
    id: Annotated[str, AfterValidator(_uuid)] | None = Field(
        default=None, description="UUID; empty: a stable one made of the name"
    )
    detail: str = ""
    type: Literal["flow"] = "flow"
    on_complete_flow_id: str = Field(default="", description="Name or UUID of the flow that runs afterwards")
    actions: list[Any] = Field(min_length=1, max_length=5000)


class ActionDocument(Strict):
    """The keys of an action; its options are checked by its type."""

    id: Annotated[str, AfterValidator(_step_id)] | None = Field(
        default=None, max_length=100, description="Needed only where another step names this one"
    )
    next_id: str = Field(default="", description="Step to go on with instead of the following one")
    type: str
    option: dict[str, Any] = Field(default_factory=dict)


@dataclass(slots=True)
class Step:
    """One action with its places. `kind` is None where the type is unknown."""

    index: int
    node: MapNode
    kind: type[ActionType] | None = None
    id: str = ""
    named: bool = False
    next_id: str = ""
    option: Option = field(default_factory=dict)
    body: ActionType | None = None
    inner: Draft | None = None  # the steps that its options hold, for another call

    def place(self, path: tuple[str, ...] = ()) -> Node:
        """Return the node of an option, or the nearest one above it."""
        node: Node = self.node.entries.get("option", self.node) if path else self.node
        for part in path:
            if isinstance(node, MapNode) and part in node.entries:
                node = node.entries[part]
            elif isinstance(node, ListNode) and part.isdecimal():
                node = node.items[int(part)]
            else:
                break
        return node

    def targets(self) -> Iterator[tuple[Node, str]]:
        """Yield each step id that this step names, with its place."""
        if self.next_id:
            yield self.node.entries["next_id"], self.next_id
        if self.kind is not None:
            for path, target in self.kind.targets(self.option):
                yield self.place(path), target

    def fetches(self) -> Iterator[tuple[Node, str]]:
        """Yield each flow whose steps this step runs, with its place."""
        yield from self._flows(self.kind.flow_keys if self.kind is not None else ())

    def starts(self) -> Iterator[tuple[Node, str]]:
        """Yield each flow that this step runs on another call, with its place."""
        yield from self._flows(self.kind.other_flow_keys if self.kind is not None else ())

    def _flows(self, keys: tuple[str, ...]) -> Iterator[tuple[Node, str]]:
        for key in keys:
            name = self.option.get(key)
            if isinstance(name, str) and name:
                yield self.place((key,)), name

    def sounds(self) -> Iterator[ScalarNode]:
        """Yield each file that this step plays, as far as no variable is in its name."""
        sources = self.place(("stream_urls",)) if self.kind is not None and self.kind.type == "play" else None
        for item in sources.items if isinstance(sources, ListNode) else ():
            text = item.text if isinstance(item, ScalarNode) else ""
            if isinstance(item, ScalarNode) and text.strip() and "${" not in text and not is_url(text):
                yield item

    def destinations(self) -> Iterator[tuple[Address, Origin]]:
        """Yield whom this step and those inside it name, with the place."""
        for path, address in self.kind.addresses(self.option) if self.kind is not None else ():
            yield address, _origin(self.place(path))
        for step in self.inner.steps if self.inner is not None else ():
            yield from step.destinations()


@dataclass(eq=False)  # each is itself, also where two say the same
class Draft:
    """A flow as read. Nothing of it changes once it is read: what is asked of it is found out once."""

    file: Path
    node: MapNode
    name: str
    uuid: UUID
    steps: list[Step]
    detail: str = ""
    on_complete_flow_id: str = ""

    @classmethod
    def unreadable(cls, file: Path) -> Draft:
        """Return a stand-in for a file that could not be read, known by the name of the file."""
        return cls(file, MapNode(file, 1, 1, {}, {}), file.stem, flow_uuid(file.stem), [])

    @cached_property
    def ids(self) -> Mapping[str, int]:
        """The index of each named step, by id and by UUID."""
        found: dict[str, int] = {}
        for step in self.steps:
            if step.named:
                found.setdefault(key_of(step.id), step.index)
                found.setdefault(str(action_uuid(self.uuid, step.id)), step.index)
        return found

    @cached_property
    def fetched(self) -> Sequence[tuple[int, Node, str]]:
        """The flows whose steps its own run: index of the step, place and name of the flow."""
        return [(step.index, place, name) for step in self.steps for place, name in step.fetches()]

    @cached_property
    def started(self) -> Sequence[tuple[Node, str]]:
        """The flows that its steps run on other calls: place and name."""
        return [found for step in self.steps for found in step.starts()]

    @cached_property
    def outward(self) -> Sequence[tuple[Step, Node, str]]:
        """The step ids that its steps name and that none of them has: step, place and id."""
        return [
            (step, place, target)
            for step in self.steps
            for place, target in step.targets()
            if target not in RESERVED_IDS and key_of(target) not in self.ids
        ]

    @cached_property
    def sounds(self) -> Sequence[ScalarNode]:
        """The files that its steps play, as far as no variable is in their names."""
        return [sound for step in self.steps for sound in step.sounds()]

    def build(self) -> Flow:
        """Return the flow; only for a draft without errors."""
        actions = tuple(
            Action(
                id=step.id,
                uuid=action_uuid(self.uuid, step.id),
                kind=step.kind,
                option=step.option,
                body=step.body,
                next_id=step.next_id,
                origin=_origin(step.node),
                named=step.named,
                inner=step.inner.build() if step.inner is not None else None,
            )
            for step in self.steps
            if step.kind is not None
        )
        return Flow(
            name=self.name,
            uuid=self.uuid,
            detail=self.detail,
            actions=actions,
            on_complete_flow_id=self.on_complete_flow_id,
            origin=Origin(self.file, self.node.line, self.node.column),
            positions=positions_of(actions),
            destinations=tuple(found for step in self.steps for found in step.destinations()),
        )

    def every_draft(self) -> Iterator[Draft]:
        """Yield the flow, and those that its steps hold for other calls."""
        yield self
        for step in self.steps:
            if step.inner is not None:
                yield from step.inner.every_draft()


def _origin(node: Node) -> Origin:
    return Origin(node.file, node.line, node.column)


def read_draft(node: Node, findings: list[Finding]) -> Draft | None:
    """Read one flow and report all faults of its keys, types and options."""
    if not isinstance(node, MapNode):
        findings.append(error(node, "a flow must be a mapping with the key 'actions'", reasons.NO_ACTION))
        return None
    validate(node, FlowDocument, findings)
    # Names are taken from the nodes, so that one fault does not make every reference dangle.
    name = _text(node, "name") or node.file.stem
    draft = Draft(
        file=node.file,
        node=node,
        name=name,
        uuid=as_uuid(_text(node, "id")) or flow_uuid(name),
        steps=[],
        detail=_text(node, "detail"),
        on_complete_flow_id=_text(node, "on_complete_flow_id"),
    )
    _read_steps(draft, node.entries.get("actions"), findings)
    return draft


def _read_steps(draft: Draft, actions: Node | None, findings: list[Finding]) -> None:
    for item in actions.items if isinstance(actions, ListNode) else ():
        if isinstance(item, MapNode):
            draft.steps.append(_read_step(draft, item, findings))
        else:
            findings.append(
                error(item, "an action must be a mapping that begins with 'type:'", reasons.NO_ACTION)
            )
    _refuse_equal_ids(draft, findings)


def _text(node: MapNode, key: str) -> str:
    value = node.entries.get(key)
    return value.text if isinstance(value, ScalarNode) and not value.null else ""


def _read_step(draft: Draft, node: MapNode, findings: list[Finding]) -> Step:
    step = Step(len(draft.steps), node)
    step.kind = _kind(node, findings)
    faults: list[Finding] = []
    validate(node, ActionDocument, faults)
    findings.extend(_with_advice(faults, step))
    step.id, step.next_id = _text(node, "id"), _text(node, "next_id")
    step.named = bool(step.id)
    if not step.named:
        step.id = f"{step.kind.type if step.kind is not None else 'step'}#{step.index + 1}"
    option = node.entries.get("option")
    if isinstance(option, ScalarNode) and option.null:
        option = None
    if step.kind is not None and (option is None or isinstance(option, MapNode)):
        _read_option(step, step.kind, option or MapNode(node.file, node.line, node.column, {}, {}), findings)
        _read_inner(draft, step, step.kind, findings)
    return step


def _read_inner(draft: Draft, step: Step, kind: type[ActionType], findings: list[Finding]) -> None:
    actions = step.place((kind.inner_key,)) if kind.inner_key else None
    if isinstance(actions, ListNode) and actions.items:
        name = f"{draft.name}/{step.id}"
        node = MapNode(actions.file, actions.line, actions.column, {}, {})
        step.inner = Draft(draft.file, node, name, flow_uuid(name), [])
        _read_steps(step.inner, actions, findings)


def _kind(node: MapNode, findings: list[Finding]) -> type[ActionType] | None:
    written = node.entries.get("type")
    if not isinstance(written, ScalarNode) or written.null:
        return None
    name = written.text
    if name in NOT_YET:
        findings.append(error(written, f"action type '{name}' is not available yet", reasons.NOT_YET))
    elif name in GONE:
        text = f"action type '{name}' does not exist any more; {GONE[name]}"
        findings.append(error(written, text, reasons.UNKNOWN_TYPE))
    elif name not in ACTION_TYPES:
        guess = did_you_mean(name, [*ACTION_TYPES, *NOT_YET])
        text = f"'{name}' is an unknown action type{guess}"
        findings.append(error(written, text, reasons.UNKNOWN_TYPE))
    return ACTION_TYPES.get(name)


def _with_advice(faults: list[Finding], step: Step) -> Iterator[Finding]:
    """Say of an option that stands one level too high where it belongs."""
    options = (
        {f.alias or name for name, f in step.kind.model_fields.items()} if step.kind is not None else set()
    )
    misplaced = {
        (key.line, key.column): name
        for name, key in step.node.keys.items()
        if name in options and name not in ActionDocument.model_fields
    }
    for fault in faults:
        name = misplaced.get((fault.line, fault.column))
        if name is None:
            yield fault
        else:
            yield error(fault, f"'{name}' belongs under 'option'", reasons.MISPLACED)


def _read_option(step: Step, kind: type[ActionType], node: MapNode, findings: list[Finding]) -> None:
    faults: list[Finding] = []
    body = validate(node, kind, faults)
    variable = {(scalar.line, scalar.column) for scalar in scalars(node) if refers_to_variables(scalar.text)}
    findings.extend(fault for fault in faults if (fault.line, fault.column) not in variable)
    written = plain(node)
    assert isinstance(written, dict)
    step.option = kind.prepare({key: value for key, value in written.items() if value is not None})
    if not refers_to_variables(dict(step.option)):
        step.body = body if step.option == written else _prepared(kind, step.option, body)


def _prepared(kind: type[ActionType], option: Option, body: ActionType | None) -> ActionType | None:
    return kind.model_validate(option) if body is not None else None


def scalars(node: Node) -> Iterator[ScalarNode]:
    """Yield every scalar below a node that is no key."""
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from scalars(item)
    else:
        for value in node.entries.values():
            yield from scalars(value)


def _refuse_equal_ids(draft: Draft, findings: list[Finding]) -> None:
    seen: dict[str, Step] = {}
    for step in draft.steps:
        if not step.named:
            continue
        key = key_of(step.id)
        if key in seen:
            first = seen[key].node.entries["id"]
            text = f"id '{step.id}' stands already at line {first.line}"
            findings.append(error(step.node.entries["id"], text, reasons.SAME_ID))
        seen.setdefault(key, step)
