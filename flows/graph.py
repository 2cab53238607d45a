"""Where the steps of a flow lead, and which flows fetch which: what `flows.lint` asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from functools import cached_property
from typing import TypeAlias

from flows.actions.jumping import Goto
from flows.draft import Draft, Step
from flows.model import FINISH_ID, NEXT_ID, NO_ID, START_ID, key_of

END = -1  # as a successor: the run or the flow is over

Entries: TypeAlias = tuple[frozenset[str], ...]
"""For each flow that a flow fetches, the step ids that it looks for in its callers."""


class CallGraph:
    """Which flows run which flows by `fetch_flow`."""

    def __init__(self, drafts: Iterable[Draft], known: Mapping[str, Draft]) -> None:
        self._drafts = {draft.name: draft for draft in drafts}
        self._known = {**{str(draft.uuid): draft for draft in self._drafts.values()}, **self._drafts, **known}
        self._callees = {name: self._fetched(draft) for name, draft in self._drafts.items()}
        self._reached: dict[str, set[str]] = {}  # by all ways, as far as somebody asked
        self._callers: dict[str, set[str]] = {}
        for name, callees in self._callees.items():
            for callee in callees:
                self._callers.setdefault(callee, set()).add(name)
        self._outward: dict[str, frozenset[str]] = {}

    def find(self, name: str) -> Draft | None:
        """Return the flow with this name or UUID, if it is among those read."""
        return self._known.get(key_of(name))

    def callers(self, draft: Draft) -> list[Draft]:
        """Return all flows that run this one, directly or through others."""
        return [self._drafts[name] for name in _closure(draft.name, self._callers)]

    def comes_back(self, inner: Draft, outer: Draft) -> bool:
        """Tell whether running `inner` can run `outer`."""
        return inner.name == outer.name or outer.name in self._run_by(inner.name)

    def outward(self, draft: Draft) -> frozenset[str]:
        """Return the targets of a flow, and of those that it runs, that it must find in its callers."""
        if draft.name not in self._outward:
            found: set[str] = set()
            for name in {draft.name} | self._run_by(draft.name):
                inner = self._drafts.get(name)
                if inner is not None:
                    found.update(target for _, _, target in inner.outward)
            self._outward[draft.name] = frozenset(found)
        return self._outward[draft.name]

    def entries(self, draft: Draft) -> Entries:
        """Return where the flows that a flow runs may come back into it: of each, the targets it looks for."""
        flows = (self.find(name) for _, _, name in draft.fetched)
        return tuple(frozenset() if flow is None else self.outward(flow) for flow in flows)

    def graph(self, draft: Draft) -> FlowGraph:
        """Return the steps of a flow with those that may follow each."""
        return FlowGraph(draft, self.entries(draft))

    def endless(self, graphs: Mapping[str, FlowGraph]) -> set[str]:
        """Return the flows that never end because every way through them runs them again."""
        ends: set[str] = set()
        grows = True
        while grows:
            more = {
                name
                for name, graph in graphs.items()
                if name not in ends and graph.can_end(self._stuck(graph.draft, ends, graphs))
            }
            grows = bool(more)
            ends |= more
        return {name for name, graph in graphs.items() if name not in ends and graph.can_end(frozenset())}

    def _stuck(self, draft: Draft, ends: Set[str], graphs: Mapping[str, FlowGraph]) -> frozenset[int]:
        """Return the steps of a flow that run one of `graphs` that does not come to its end."""
        found = ((index, self.find(name)) for index, _, name in draft.fetched)
        return frozenset(i for i, flow in found if flow and flow.name in graphs and flow.name not in ends)

    def _fetched(self, draft: Draft) -> set[str]:
        found = (self.find(name) for _, _, name in draft.fetched)
        return {flow.name for flow in found if flow is not None}

    def _run_by(self, name: str) -> set[str]:
        """Return the flows that one runs, directly or through others."""
        if name not in self._reached:
            self._reached[name] = _closure(name, self._callees)
        return self._reached[name]


def _closure(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    """Return what can be reached from `start`; itself only by way of others."""
    found: set[str] = set()
    todo = [start]
    while todo:
        for name in edges.get(todo.pop(), ()):
            if name not in found:
                found.add(name)
                todo.append(name)
    return found


class FlowGraph:
    """The steps of one flow by index, with the steps that may follow each.

    Args:
        entries: where the flows that it runs may come back into it, as `CallGraph.entries` tells.
    """

    def __init__(self, draft: Draft, entries: Entries) -> None:
        self.size = len(draft.steps)
        self.draft = draft
        self._ids = draft.ids
        self._after = [self._successors(step) for step in draft.steps]
        for (index, _, _), targets in zip(draft.fetched, entries, strict=True):
            for target in targets:
                self._after[index] |= self._resolve(draft.steps[index], target) - {END}
        self._can_end: dict[frozenset[int], bool] = {}

    @cached_property
    def reached(self) -> set[int]:
        """Return the steps that can be reached from the first one."""
        return self._reach(frozenset())

    def can_end(self, stuck: frozenset[int]) -> bool:
        """Tell whether an end can be reached when these steps are not passed."""
        if stuck not in self._can_end:
            self._can_end[stuck] = END in self._reach(stuck)
        return self._can_end[stuck]

    def closed(self) -> list[int]:
        """Return the first step of each part that has a way in and no way to an end."""
        return _firsts(self.endless, self._after)

    @cached_property
    def endless(self) -> set[int]:
        """Return the steps that are reached and from which no way leads to an end."""
        before: dict[int, set[int]] = {}
        for index, successors in enumerate(self._after):
            for successor in successors:
                before.setdefault(successor, set()).add(index)
        open_steps, todo = {END}, [END]
        while todo:
            for index in before.get(todo.pop(), ()):
                if index not in open_steps:
                    open_steps.add(index)
                    todo.append(index)
        return {i for i in range(self.size) if i in self.reached and i not in open_steps}

    def spinning(self) -> list[int]:
        """Return the first step of each loop in which no step waits and no goto counts."""
        return _firsts(self.restless, self._after_counting)

    @cached_property
    def restless(self) -> set[int]:
        """Return the steps of loops in which no step waits and no goto counts."""
        busy = {
            step.index
            for step in self.draft.steps
            if step.index in self.reached
            and step.kind is not None
            and not step.kind.waits
            and not step.kind.flow_keys
        }
        after = self._after_counting
        # Steps without a successor or without a predecessor among the rest are on no loop: peel them off.
        while True:
            targets = {t for index in busy for t in after[index]}
            kept = {index for index in busy if index in targets and after[index] & busy}
            if kept == busy:
                return busy
            busy = kept

    @cached_property
    def _after_counting(self) -> list[set[int]]:
        """Return the steps that may follow each when every goto has jumped often enough."""
        return [
            {self._following(step)} if step.kind is Goto else self._after[step.index]
            for step in self.draft.steps
        ]

    def _reach(self, stuck: Set[int]) -> set[int]:
        found: set[int] = {0} if self.size else {END}
        todo = list(found - {END})
        while todo:
            index = todo.pop()
            if index in stuck:
                continue
            for successor in self._after[index] - found:
                found.add(successor)
                if successor != END:
                    todo.append(successor)
        return found

    def _successors(self, step: Step) -> set[int]:
        kind = step.kind
        found: set[int] = set()
        if kind is None or kind.goes_on:
            found.add(self._following(step))
        if kind is None:
            return found
        jumps = not (isinstance(step.body, Goto) and step.body.loop_count <= 0)
        for _, target in kind.targets(step.option) if jumps else ():
            found |= self._resolve(step, target)
        if kind.opens:
            found.update(self._ids.values())
        if kind.ends or any(key not in step.option for key in kind.target_keys if key != "target_id"):
            found.add(END)  # also without the target that catches all other cases
        return found

    def _following(self, step: Step) -> int:
        if step.next_id:
            return min(self._resolve(step, step.next_id))
        return step.index + 1 if step.index + 1 < self.size else END

    def _resolve(self, step: Step, target: str) -> set[int]:
        if "${" in target:
            return set(self._ids.values())
        if target in (NEXT_ID, NO_ID):
            return {step.index + 1 if step.index + 1 < self.size else END}
        if target == START_ID:
            return {0}
        if target == FINISH_ID:
            return {END}
        return {self._ids.get(key_of(target), END)}


def _firsts(steps: set[int], after: list[set[int]]) -> list[int]:
    """Return the lowest step of each connected part of `steps`."""
    beside: dict[int, set[int]] = {index: set() for index in steps}
    for index in steps:
        for successor in after[index] & steps:
            beside[index].add(successor)
            beside[successor].add(index)
    firsts: list[int] = []
    seen: set[int] = set()
    for index in sorted(steps):
        if index not in seen:
            firsts.append(index)
            seen |= {index} | _connected(index, beside)
    return firsts


def _connected(start: int, beside: Mapping[int, set[int]]) -> set[int]:
    found, todo = {start}, [start]
    while todo:
        fresh = beside[todo.pop()] - found
        found |= fresh
        todo.extend(fresh)
    return found
