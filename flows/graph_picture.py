"""A flow as boxes and arrows, with what a person should notice: dead ends, loops, steps that are never reached.

Made of the same steps and ways as the checks (`flows.graph`), also of a flow with mistakes. Drawn by
`flows.graph_mermaid` and `flows.graph_svg`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from flows.actions.checking import Condition
from flows.actions.jumping import Goto
from flows.draft import Draft, Step
from flows.graph import CallGraph, FlowGraph
from flows.model import FINISH_ID, NEXT_ID, NO_ID, START_ID, key_of
from flows.yamlnodes import Plain

START, END, ANYWHERE, AFTERWARDS = "start", "end", "anywhere", "afterwards"
LONGEST = 44  # characters of a line


class Shape(Enum):
    """What sort of box it is."""

    STEP = "step"
    CHOICE = "choice"
    FLOW = "flow"  # runs another flow
    TERMINAL = "terminal"  # where the flow begins, and where it ends
    MISSING = "missing"  # a step that does not exist


class Mark(Enum):
    """What a person should notice."""

    UNREACHED = "never reached"
    ENDLESS = "no way leads to an end"
    SPINS = "loop in which no step waits"
    FAILS = "ends the call by a failure"
    MISSING = "there is no such step"


@dataclass(frozen=True, slots=True)
class Box:
    """A step, or where a flow begins or ends."""

    key: str
    title: str
    lines: tuple[str, ...] = ()
    shape: Shape = Shape.STEP
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Arrow:
    """A way from one box to another; `back`: it closes a loop."""

    source: str
    target: str
    label: str = ""
    back: bool = False
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes and arrows, the first box being where the flow begins."""

    name: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


@dataclass(slots=True)
class _Way:
    target: str
    label: str = ""
    mark: Mark | None = None


def picture_of(draft: Draft, drafts: Iterable[Draft] = ()) -> Picture:
    """Return the picture of a flow; `drafts` are the others of its folder."""
    every = [draft, *(other for other in drafts if other is not draft)]
    known = {key: other for other in reversed(every) for key in (other.name, str(other.uuid))}
    graph = CallGraph(every, known).graph(draft)
    return _Drawing(draft, graph).picture()


@dataclass(slots=True)
class _Drawing:
    draft: Draft
    graph: FlowGraph
    missing: dict[str, Box] = field(default_factory=dict)

    def picture(self) -> Picture:
        boxes = [Box(START, self.draft.name, (), Shape.TERMINAL)]
        boxes += [self._box(step) for step in self.draft.steps]
        arrows = [Arrow(START, self._key(0))]
        for step in self.draft.steps:
            source = self._key(step.index)
            arrows += (Arrow(source, way.target, way.label, mark=way.mark) for way in self._ways(step))
        targets = {arrow.target for arrow in arrows}
        if ANYWHERE in targets:
            boxes.append(Box(ANYWHERE, "a step named by a variable", (), Shape.MISSING))
        boxes += self.missing.values()
        if END in targets:
            boxes.append(Box(END, "end: hangs up", (), Shape.TERMINAL))
        if self.draft.on_complete_flow_id:
            ends = [box.key for box in boxes[1:] if box.shape is Shape.TERMINAL]
            boxes.append(Box(AFTERWARDS, f"flow {self.draft.on_complete_flow_id}", (), Shape.FLOW))
            arrows += (Arrow(key, AFTERWARDS, "afterwards") for key in ends)
        return Picture(self.draft.name, tuple(boxes), tuple(_with_loops(arrows)))

    def _box(self, step: Step) -> Box:
        kind = step.kind
        place = f"{step.node.file.name}:{step.node.line}"
        mark = None
        if step.index not in self.graph.reached:
            mark = Mark.UNREACHED
        elif step.index in self.graph.endless:
            mark = Mark.ENDLESS
        elif step.index in self.graph.restless:
            mark = Mark.SPINS
        if kind is None:
            return Box(self._key(step.index), "unknown action", (place,), Shape.MISSING, mark)
        title = f"{kind.type} {step.id}" if step.named else kind.type
        shape = Shape.STEP
        if kind.ends:
            shape = Shape.TERMINAL
        elif kind.flow_keys:
            shape = Shape.FLOW
        elif kind.target_keys and kind is not Goto:
            shape = Shape.CHOICE
        lines = [line for line in (summary(step.option), place) if line]
        return Box(self._key(step.index), title, tuple(lines), shape, mark)

    def _ways(self, step: Step) -> Iterator[_Way]:
        kind = step.kind
        for path, target in kind.targets(step.option) if kind is not None else ():
            yield self._way(step, target, _label(step, path))
        if kind is not None:
            for key in kind.target_keys:
                if key != "target_id" and key not in step.option:
                    word = "false" if issubclass(kind, Condition) else "else"
                    yield _Way(END, word, Mark.FAILS)
        if kind is None or kind.goes_on:
            word = "true" if kind is not None and issubclass(kind, Condition) else ""
            word = "then" if kind is Goto else word
            if step.next_id:
                yield self._way(step, step.next_id, word)
            else:
                yield _Way(self._key(step.index + 1), word)

    def _way(self, step: Step, target: str, label: str) -> _Way:
        if "${" in target:
            return _Way(ANYWHERE, label)
        if target in (NEXT_ID, NO_ID):
            return _Way(self._key(step.index + 1), label)
        if target in (START_ID, FINISH_ID):
            return _Way(self._key(0) if target == START_ID else END, label)
        position = self.draft.ids.get(key_of(target))
        if position is not None:
            return _Way(self._key(position), label)
        key = f"missing{len(self.missing)}" if target not in self.missing else self.missing[target].key
        self.missing.setdefault(target, Box(key, f"'{target}'", (), Shape.MISSING, Mark.MISSING))
        return _Way(key, label, Mark.MISSING)

    def _key(self, index: int) -> str:
        return f"step{index + 1}" if index < self.graph.size else END


def _label(step: Step, path: tuple[str, ...]) -> str:
    if path[0] == "target_ids":
        return path[1]
    if path[0] == "false_target_id":
        return "false"
    if path[0] == "target_id":
        count = step.option.get("loop_count") or "0"
        return f"{count} times" if count != "1" else "once"
    return "else"


def _with_loops(arrows: list[Arrow]) -> Iterator[Arrow]:
    """Yield the arrows, those marked that lead back to a box on the way to their own."""
    after: dict[str, list[int]] = {}
    for number, arrow in enumerate(arrows):
        after.setdefault(arrow.source, []).append(number)
    back: set[int] = set()
    state: dict[str, bool] = {}  # True: on the way, False: done
    for root in dict.fromkeys(arrow.source for arrow in arrows):
        if root in state:
            continue
        state[root] = True
        todo = [(root, iter(after.get(root, ())))]
        while todo:
            key, numbers = todo[-1]
            following = next(numbers, None)
            if following is None:
                state[key] = False
                todo.pop()
            elif state.get(target := arrows[following].target):
                back.add(following)
            elif target not in state:
                state[target] = True
                todo.append((target, iter(after.get(target, ()))))
    for number, arrow in enumerate(arrows):
        yield replace(arrow, back=True) if number in back else arrow


def summary(option: Mapping[str, Plain]) -> str:
    """Return what tells most of the options of a step, in one short line."""
    text = option.get("text") or option.get("uri") or option.get("event_url") or option.get("flow_id")
    if isinstance(text, str):
        return _short(f"“{text}”" if "text" in option else text)
    destinations = option.get("destinations")
    if isinstance(destinations, list):
        targets = [str(item.get("target", "")) for item in destinations if isinstance(item, dict)]
        return _short(", ".join(targets))
    if "condition" in option:
        return _short(_comparison(option))
    sources = option.get("stream_urls")
    if isinstance(sources, list):
        return _short(", ".join(map(str, sources)))
    hidden = {
        "target_ids",
        "default_target_id",
        "false_target_id",
        "target_id",
        "loop_count",
        "actions",
        "language",
    }
    shown = [
        f"{key} {value}" for key, value in option.items() if isinstance(value, str) and key not in hidden
    ]
    return _short(", ".join(shown))


def _comparison(option: Mapping[str, Plain]) -> str:
    sign = str(option["condition"])
    if "variable" in option:
        value = option.get(f"value_{option.get('value_type')}", "")
        name = str(option["variable"]).removeprefix("${").removesuffix("}")
        return f"{name} {sign} {value or 'nothing'}"
    names = ("month", "day", "hour", "minute")
    parts = [f"{name} {sign} {option[name]}" for name in names if name in option]
    days = option.get("weekdays")
    if isinstance(days, list):
        parts.append(" ".join(_DAYS.get(str(day), "?") for day in days))
    return ", ".join([*parts, *filter(None, [str(option.get("timezone") or "")])])


_DAYS = {"0": "Sun", "1": "Mon", "2": "Tue", "3": "Wed", "4": "Thu", "5": "Fri", "6": "Sat"}


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= LONGEST else f"{one_line[: LONGEST - 1]}…"
