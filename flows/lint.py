"""Checks over whole flows: where steps lead, which are never reached, which flows exist."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from flows import reasons
from flows.actions.accepted import Accepted
from flows.actions.base import Media
from flows.actions.jumping import Goto
from flows.draft import Draft, Step, scalars
from flows.findings import Finding, Place, did_you_mean, error, warning
from flows.graph import CallGraph, Entries, FlowGraph
from flows.model import as_uuid, key_of
from flows.system_variables import SYSTEM_VARIABLES
from flows.variables import RESERVED_PREFIX, names_in


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found about one flow, as long as the flows that it runs come back into it by the same steps."""

    entries: Entries
    graph: FlowGraph
    findings: tuple[Finding, ...]


def check_drafts(
    drafts: list[Draft],
    known: Mapping[str, Draft] | None,
    *,
    base: Path | None,
    outer: Collection[str] = (),
    lenient: bool = False,
    checked: MutableMapping[Draft, Checked] | None = None,
    pause: Callable[[], None] = lambda: None,
) -> Iterator[Finding]:
    """Check flows, with each other where `known` names all flows (by name and by UUID).

    Args:
        base: folder that file names in `play` start from; None: they are not checked.
        outer: ids and UUIDs of steps elsewhere that steps may name.
        lenient: only warn of steps that are never reached.
        checked: what was found at the last time, and is kept for the next; always with the same `lenient`.
        pause: called now and then by whom others wait for.
    """
    drafts = [inner for draft in drafts for inner in draft.every_draft()]
    calls = CallGraph(drafts, known or {})
    before = checked if checked is not None else {}
    graphs: dict[str, FlowGraph] = {}
    for draft in drafts:
        entries, found = calls.entries(draft), before.get(draft)
        if found is None or found.entries != entries:
            found = before[draft] = _by_itself(draft, entries, warning if lenient else error)
        pause()
        graphs[draft.name] = found.graph
        yield from found.findings
        yield from _targets(draft, calls, outer)
        if base is not None:
            yield from _sounds(draft, base)
        if known is not None:
            yield from _flows(draft, known)
    pause()
    yield from _recursion(drafts, calls, calls.endless(graphs))


def _by_itself(draft: Draft, entries: Entries, unreached: Callable[[Place, str, str], Finding]) -> Checked:
    """Check what needs no other flow and no other file."""
    graph = FlowGraph(draft, entries)
    findings = [*_unreached(draft, graph, unreached), *_loops(draft, graph)]
    for step in draft.steps:
        findings += _advice(step)
        findings += _misspelt_variables(step)
    return Checked(entries, graph, tuple(findings))


def _targets(draft: Draft, calls: CallGraph, outer: Collection[str]) -> Iterator[Finding]:
    for step, place, target in draft.outward:
        is_option = place is not step.node.entries.get("next_id")
        if (is_option and "${" in target) or key_of(target) in outer:
            continue
        if any(key_of(target) in caller.ids for caller in calls.callers(draft)):
            continue
        candidates = [step.id for step in draft.steps if step.named]
        yield error(place, f"there is no step '{target}'{did_you_mean(target, candidates)}", reasons.NO_STEP)


def _unreached(
    draft: Draft, graph: FlowGraph, finding: Callable[[Place, str, str], Finding]
) -> Iterator[Finding]:
    dead = [step for step in draft.steps if step.index not in graph.reached]
    for step in dead:
        if step.index - 1 in graph.reached or step.index == 0:
            count = 1
            while step.index + count < graph.size and step.index + count not in graph.reached:
                count += 1
            if count == 1:
                yield finding(step.node, "this step is never reached", reasons.UNREACHED)
            else:
                text = f"this step and the {_steps(count - 1)} after it are never reached"
                yield finding(step.node, text, reasons.UNREACHED)


def _steps(count: int) -> str:
    return "one" if count == 1 else str(count)


def _loops(draft: Draft, graph: FlowGraph) -> Iterator[Finding]:
    for index in graph.closed():
        yield warning(
            draft.steps[index].node,
            "from here no way leads to an end: the caller can only hang up",
            reasons.ENDLESS,
        )
    for index in graph.spinning():
        text = "this loop has no step that waits: the run will be ended"
        yield warning(draft.steps[index].node, text, reasons.SPINNING)


def _advice(step: Step) -> Iterator[Finding]:
    """Report what an action type itself warns of."""
    kind = step.kind
    for path, text in kind.advice(step.option) if kind is not None else ():
        why = reasons.UNUSED
        if kind is not None and issubclass(kind, Accepted):
            why = reasons.PASSED_OVER
        elif path == ("condition",):
            why = reasons.APART
        elif not path and kind is not Goto:
            why = reasons.CUT_OFF
        yield warning(step.place(path), text, why)


def _sounds(draft: Draft, base: Path) -> Iterator[Finding]:
    for item in draft.sounds:
        if not (base / item.text).is_file():
            yield error(item, f"there is no file '{item.text}' in {base}", reasons.NO_SOUND)


def _misspelt_variables(step: Step) -> Iterator[Finding]:
    for scalar in scalars(step.place(("option",))):
        for name in names_in(scalar.text):
            if name.startswith(RESERVED_PREFIX) and name not in SYSTEM_VARIABLES:
                guess = did_you_mean(name, SYSTEM_VARIABLES)
                text = f"the system sets no variable '{name}'{guess}"
                yield warning(scalar, text, reasons.NO_VARIABLE)


def _flows(draft: Draft, known: Mapping[str, Draft]) -> Iterator[Finding]:
    for place, name in (*((place, name) for _, place, name in draft.fetched), *draft.started):
        if "${" not in name and key_of(name) not in known:
            yield _no_flow(place, name, known)
    name = draft.on_complete_flow_id
    if name and key_of(name) not in known:
        yield _no_flow(draft.node.entries["on_complete_flow_id"], name, known)
    elif name:
        place = draft.node.entries["on_complete_flow_id"]
        for step in known[key_of(name)].steps:
            if step.kind is not None and step.kind.media is Media.CALL:
                where = f"{step.node.file.name}:{step.node.line}"
                yield warning(
                    place,
                    f"flow '{name}' runs when the call is over: its {step.kind.type} at {where} will be skipped",
                    reasons.AFTERWARDS,
                )
                break


def _no_flow(place: Place, name: str, known: Mapping[str, Draft]) -> Finding:
    """Return what is to be said of a flow that no file has: one with a UUID may be the API's."""
    if as_uuid(name) is not None:
        return warning(place, f"no file has the flow {name}; it has to be one that the API made")
    text = f"there is no flow '{name}'{did_you_mean(name, _flow_names(known))}"
    return error(place, text, reasons.NO_FLOW)


def _flow_names(known: Mapping[str, Draft]) -> Iterable[str]:
    return {draft.name for draft in known.values()}


def _recursion(drafts: list[Draft], calls: CallGraph, endless: set[str]) -> Iterator[Finding]:
    for draft in drafts:
        for _, place, name in draft.fetched:
            inner = calls.find(name)
            if inner is None or not calls.comes_back(inner, draft):
                continue
            if draft.name in endless and inner.name in endless:
                yield error(
                    place, f"flow '{name}' comes back here on every way: it never ends", reasons.ROUND
                )
            else:
                yield warning(
                    place,
                    f"flow '{name}' can come back here: each round nests deeper, and 100 end the call",
                    reasons.ROUND,
                )
