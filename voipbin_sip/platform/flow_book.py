"""The flows that calls use: those of YAML files and those that the API made, by name and by UUID.

A change compiles what has changed and swaps one reference; runs keep the set that they started with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import structlog

from flows import Action, Finding, Flow, FlowSet, Severity
from flows.actions.registry import ACTION_TYPES
from flows.model import NO_ID, RESERVED_IDS, as_uuid
from flows.outside import load_flow_data
from voipbin_sip.platform.times import declared_times
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.catalogue import Catalogue, Entries
from voipbin_sip.resources.kinds.flow import FlowResource

MAX_NAME = 255
_PASSED_OVER = "tm_execute"  # what VoIPBIN shows of an action and clients send back


class FlowRefused(Exception):  # noqa: N818 - reads as what happened
    """A flow has faults; each finding's message begins with the path of what it is about."""

    def __init__(self, findings: Sequence[Finding], *, unknown_type: bool) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.findings = findings
        self.unknown_type = unknown_type


@dataclass(frozen=True, slots=True)
class ShownFlows:
    """Flows with what the API shows of each. What it shows rests on the UUIDs of all of them."""

    ids: Mapping[str, UUID]  # by name
    made: Mapping[UUID, tuple[Flow, FlowResource]]

    @property
    def entries(self) -> Entries:
        """Each resource with its `file:line`."""
        return [(resource, _where(flow)) for flow, resource in self.made.values()]


class FlowBook:
    """All flows. `flows` is the set of now."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._declared = FlowSet()
        self._made: dict[UUID, tuple[FlowResource, Flow | None]] = {}
        self._log = structlog.get_logger("flows")
        self.flows = FlowSet()
        catalogue.watch(FlowResource, self._changed)

    def declare(self, flows: FlowSet, shown: ShownFlows | None = None) -> None:
        """Take the flows of YAML files, which the API shows and does not change.

        `shown` is what `shown_flows` has made of them, in a thread where they are many.
        """
        self._declared = flows
        shown = shown or shown_flows(flows)
        self._catalogue.declare_all([(FlowResource, shown.entries)])

    def find(self, id_: UUID) -> Flow | None:
        """Return a flow of now."""
        return self.flows.get(str(id_))

    def _changed(self) -> None:
        made = [
            resource
            for resource in self._catalogue.all(FlowResource)
            if not self._catalogue.where(resource.id)
        ]
        before, self._made = self._made, {}
        for resource in reversed(made):  # of two with one name the older one has it
            known, flow = before.get(resource.id, (None, None))
            self._made[resource.id] = (resource, flow if known is resource else self._compiled(resource))
        compiled = (flow for _, flow in self._made.values() if flow is not None)
        self.flows = FlowSet([*self._declared, *compiled])

    def _compiled(self, resource: FlowResource) -> Flow | None:
        try:
            return compile_flow(resource)
        except FlowRefused as error:  # what this version does not take any more
            self._log.error("a flow cannot be used", id=str(resource.id), name=resource.name, why=str(error))
            return None


def compile_flow(resource: FlowResource) -> Flow:
    """Return a flow of the API as calls run it. Raises FlowRefused."""
    document = {
        "id": str(resource.id),
        "name": resource.name[:MAX_NAME].strip() or str(resource.id),
        "on_complete_flow_id": str(resource.on_complete_flow_id) if resource.on_complete_flow_id.int else "",
        "actions": resource.actions or [{"type": "stop"}],  # a flow that is yet to be written ends at once
    }
    flow, findings = load_flow_data(document, Path(f"flow {resource.id}"))
    if flow is None:
        errors = [finding for finding in findings if finding.severity is Severity.ERROR]
        raise FlowRefused(errors, unknown_type=_has_unknown_type(resource.actions))
    return flow


def with_ids(actions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return actions as they are kept: ids made where there are none, `next_id` and `option` there."""
    kept = []
    for action in actions:
        whole = {"id": "", "next_id": NO_ID, "type": "", "option": {}}
        whole |= {key: value for key, value in action.items() if key != _PASSED_OVER and value is not None}
        whole["id"] = str(uuid4()) if whole["id"] in ("", NO_ID) else whole["id"]
        whole["next_id"] = whole["next_id"] or NO_ID
        inner, option = _inner_key(whole["type"]), whole["option"]
        if inner and isinstance(option, dict) and isinstance(option.get(inner), list):
            steps = [step for step in option[inner] if isinstance(step, dict)]
            if len(steps) == len(option[inner]):  # what is no step, the check tells of
                whole["option"] = {**option, inner: with_ids(steps)}
        kept.append(whole)
    return kept


def shown_flows(
    flows: FlowSet, before: ShownFlows | None = None, pause: Callable[[], None] = lambda: None
) -> ShownFlows:
    """Return the flows of YAML files as the API shows them, each with its `file:line`.

    Of those `before` that are the same, nothing is made anew. `pause` is called now and then by whom others wait for.
    """
    ids = {flow.name: flow.uuid for flow in flows}
    known = before.made if before is not None and before.ids == ids else {}
    times = declared_times(flow.origin.file for flow in flows)
    made: dict[UUID, tuple[Flow, FlowResource]] = {}
    for flow, time in zip(flows, times, strict=True):
        old, resource = known.get(flow.uuid, (None, None))
        if old is not flow or resource is None:
            resource = shown_flow(flow, flows)
            pause()
        if resource.tm_create != time:
            resource = resource.changed(tm_create=time, tm_update=time)
        made[flow.uuid] = flow, resource
    return ShownFlows(ids, made)


def shown_flow(flow: Flow, flows: FlowSet) -> FlowResource:
    """Return a flow of a YAML file as the API shows it: with UUIDs in the place of names."""
    next_name = flow.on_complete_flow_id
    on_complete = flows.get(next_name) if next_name else None
    return FlowResource(
        id=flow.uuid,
        name=flow.name,
        detail=flow.detail,
        actions=[_shown_action(action, flow, flows) for action in flow.actions],
        on_complete_flow_id=on_complete.uuid if on_complete is not None else as_uuid(next_name) or NO_UUID,
    )


def _shown_action(action: Action, flow: Flow, flows: FlowSet) -> dict[str, Any]:
    option = _copy(action.option)
    for path, target in action.kind.targets(action.option):
        _replace(option, path, _step_uuid(target, flow))
    for key in (*action.kind.flow_keys, *action.kind.other_flow_keys):
        named = flows.get(str(option.get(key, "")))
        if named is not None:
            option[key] = str(named.uuid)
    if action.inner is not None:
        option[action.kind.inner_key] = [
            _shown_action(inner, action.inner, flows) for inner in action.inner.actions
        ]
    return {
        "id": str(action.uuid),
        "next_id": _step_uuid(action.next_id, flow) if action.next_id else NO_ID,
        "type": action.type,
        "option": option,
    }


def _step_uuid(target: str, flow: Flow) -> str:
    position = None if target in RESERVED_IDS else flow.position(target)
    return target if position is None else str(flow.actions[position].uuid)


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list | tuple) else value


def _replace(option: Any, path: tuple[str, ...], value: str) -> None:
    for part in path[:-1]:
        option = option[int(part)] if isinstance(option, list) else option[part]
    if isinstance(option, list):
        option[int(path[-1])] = value
    else:
        option[path[-1]] = value


def _where(flow: Flow) -> str:
    return f"{flow.origin.file.name}:{flow.origin.line}"


def _has_unknown_type(actions: Iterable[Mapping[str, Any]]) -> bool:
    return any(kind not in ACTION_TYPES for kind in _types(actions))


def _types(actions: Any) -> Iterator[str]:
    """Yield the types of actions, and of those inside of them."""
    for action in actions if isinstance(actions, list) else ():
        if isinstance(action, Mapping) and isinstance(kind := action.get("type"), str):
            yield kind
            option = action.get("option")
            yield from _types(option.get(_inner_key(kind)) if isinstance(option, Mapping) else None)


def _inner_key(kind: object) -> str:
    """Return the option of an action type that holds steps, "" where there is none."""
    known = ACTION_TYPES.get(kind) if isinstance(kind, str) else None
    return known.inner_key if known is not None else ""
