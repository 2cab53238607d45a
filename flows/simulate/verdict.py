"""Compares what happened in a scenario with what it expects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeAlias

from flows.result import Ended
from flows.simulate.document import Expect, Mailed, Sent
from flows.simulate.journal import Happening, Kind
from flows.simulate.play import Failure, Played, failure, keys_of, play
from flows.simulate.scenarios import Scenario
from flows.simulate.texts import clock_text


@dataclass(frozen=True, slots=True)
class Verdict:
    """A scenario that was played, and what of it does not hold."""

    played: Played
    failures: tuple[Failure, ...]

    @property
    def scenario(self) -> Scenario:
        """Return the scenario."""
        return self.played.scenario

    @property
    def holds(self) -> bool:
        """Whether all of it holds."""
        return not self.failures


async def judge(scenario: Scenario) -> Verdict:
    """Play a scenario and compare."""
    played = await play(scenario)
    failures = [*played.missed, *_compare(played)]
    failures.sort(key=lambda found: (found.line, found.column))
    return Verdict(played, tuple(failures))


def _compare(played: Played) -> Iterator[Failure]:
    expect = played.scenario.entry.expect
    yield from _steps(played, expect)
    yield from _prompts(played, expect)
    yield from _outside(played, expect)
    yield from _variables(played, expect)
    yield from _end(played, expect)


def _steps(played: Played, expect: Expect) -> Iterator[Failure]:
    begun = [entry for entry in played.happenings if entry.kind is Kind.BEGUN]
    names = [_step_name(entry) for entry in begun]

    def is_step(wanted: str, index: int) -> bool:
        return wanted in keys_of(begun[index])

    yield from _in_order(played, "steps", expect.steps, names, is_step)
    if expect.exactly:
        same = len(names) == len(expect.exactly) and all(map(is_step, expect.exactly, range(len(names))))
        if not same:
            shown = [
                wanted if index < len(begun) and is_step(wanted, index) else ""
                for index, wanted in enumerate(expect.exactly)
            ]
            first = shown.index("") if "" in shown else len(shown)
            place = played.scenario.place("expect", "exactly", first)
            yield failure(
                place, _mismatch(expect.exactly, names, first), _difference(expect.exactly, begun, names)
            )
    for index, wanted in enumerate(expect.never):
        met = [entry for entry in begun if wanted in keys_of(entry)]
        if met:
            place = played.scenario.place("expect", "never", index)
            where = met[0].begun.action.origin if met[0].begun is not None else ""
            yield failure(place, f"step '{wanted}' came, at {clock_text(met[0].at)} ({where})")
    for entry in played.happenings:
        if entry.record is None or entry.record.outcome != "failed":
            continue
        if not set(keys_of_record(entry)) & set(expect.failures):
            yield failure(
                played.scenario.place("expect", "failures"),
                f"step '{entry.text}' failed at {entry.record.origin}: {entry.detail}"
                " (under 'failures', if that is meant)",
            )
    failed = {key for entry in played.happenings for key in keys_of_record(entry) if _has_failed(entry)}
    for index, wanted in enumerate(expect.failures):
        if wanted not in failed:
            place = played.scenario.place("expect", "failures", index)
            yield failure(place, f"step '{wanted}' did not fail")


def keys_of_record(entry: Happening) -> tuple[str, ...]:
    """Return the names by which a scenario may know the step that a record tells of."""
    record = entry.record
    return () if record is None else (record.step_id, record.type, f"{record.flow}:{record.step_id}")


def _has_failed(entry: Happening) -> bool:
    return entry.record is not None and entry.record.outcome == "failed"


def _prompts(played: Played, expect: Expect) -> Iterator[Failure]:
    texts = [entry.text for entry in played.happenings if entry.kind in (Kind.SAID, Kind.PLAYED)]

    def is_said(wanted: str, index: int) -> bool:
        return _within(wanted, texts[index])

    yield from _in_order(played, "said", expect.said, texts, is_said)
    for index, wanted in enumerate(expect.never_said):
        said = next((text for text in texts if _within(wanted, text)), None)
        if said is not None:
            yield failure(played.scenario.place("expect", "never_said", index), f"this was said: “{said}”")


def _outside(played: Played, expect: Expect) -> Iterator[Failure]:
    called = [entry.text for entry in played.happenings if entry.kind is Kind.CALLED]
    if "called" in expect.model_fields_set:
        same = len(called) == len(expect.called) and all(
            wanted in (name, name.partition(":")[2])
            for wanted, name in zip(expect.called, called, strict=True)
        )
        if not same:
            whom = ", ".join(called) or "nobody"
            place = played.scenario.place("expect", "called")
            yield failure(
                place, f"expected calls to {', '.join(expect.called) or 'nobody'}, but called {whom}"
            )
    asked = [entry for entry in played.happenings if entry.kind is Kind.ASKED]
    requests = [f"{entry.text}  {entry.detail}".rstrip() for entry in asked]
    yield from _in_order(
        played, "sent", expect.sent, requests, lambda wanted, index: _is_sent(wanted, asked[index])
    )
    mailed = [entry for entry in played.happenings if entry.kind is Kind.MAILED]
    yield from _in_order(
        played,
        "mailed",
        expect.mailed,
        [entry.text for entry in mailed],
        lambda wanted, index: _is_mailed(wanted, mailed[index]),
    )


def _is_sent(wanted: Sent, entry: Happening) -> bool:
    method, _, url = entry.text.partition(" ")
    fits = url.startswith(wanted.url) and wanted.method in ("", method)
    return fits and all(text in entry.detail for text in wanted.body)


def _is_mailed(wanted: Mailed, entry: Happening) -> bool:
    to, _, subject = entry.text.removeprefix("to ").partition(": ")
    fits = not wanted.to or wanted.to in to.split(", ")
    return fits and wanted.subject in subject and all(text in entry.detail for text in wanted.content)


def _variables(played: Played, expect: Expect) -> Iterator[Failure]:
    final = dict(played.result.variables) if played.result is not None else {}
    for name, wanted in expect.variables.items():
        if final.get(name, "") != wanted:
            place = played.scenario.place("expect", "variables", name)
            yield failure(place, f"'{name}' is {_quoted(final.get(name))} at the end, not '{wanted}'")
    for step, values in expect.variables_after.items():
        so_far: dict[str, str] = {}
        then: dict[str, str] | None = None
        for entry in played.happenings:
            if entry.record is not None:
                so_far |= entry.record.variables
                if step in keys_of_record(entry):
                    then = dict(so_far)
        place = played.scenario.place("expect", "variables_after", step)
        if then is None:
            yield failure(place, f"step '{step}' was not done")
            continue
        start = played.scenario.entry.variables
        for name, wanted in values.items():
            value = then.get(name, start.get(name))
            if (value or "") != wanted:
                place = played.scenario.place("expect", "variables_after", step, name)
                yield failure(place, f"'{name}' is {_quoted(value)} after '{step}', not '{wanted}'")


def _quoted(value: str | None) -> str:
    return "not set" if value is None else f"'{value}'"


def _end(played: Played, expect: Expect) -> Iterator[Failure]:
    scenario, result = played.scenario, played.result
    if result is None:
        yield failure(scenario.node, "the flow waits for ever: nothing would happen any more")
        return
    end = "caller hung up" if played.hung_up and result.ended is Ended.CANCELLED else str(result.ended.value)
    if expect.end is not None and end != expect.end:
        yield failure(
            scenario.place("expect", "end"),
            f"the flow ended by '{end}' ({result.reason}), not by '{expect.end}'",
        )
    elif expect.end is None and result.ended is Ended.FAILED:
        yield failure(
            scenario.place("expect"), f"the flow failed: {result.reason} ('end: failed', if that is meant)"
        )
    if expect.reason and expect.reason not in result.reason:
        yield failure(
            scenario.place("expect", "reason"), f"the reason is '{result.reason}', without '{expect.reason}'"
        )
    lasted = next((e.at for e in played.happenings if e.kind is Kind.ENDED), played.seconds)
    if expect.at_least is not None and lasted < expect.at_least:
        yield failure(scenario.place("expect", "at_least"), f"the call lasted only {clock_text(lasted)}")
    if expect.at_most is not None and lasted > expect.at_most:
        yield failure(scenario.place("expect", "at_most"), f"the call lasted {clock_text(lasted)}")


Wanted: TypeAlias = Sequence[str | Sent | Mailed]


def _in_order(
    played: Played, key: str, wanted: Wanted, happened: list[str], fits: Callable[..., bool]
) -> Iterator[Failure]:
    """Report the first wanted thing that does not come after those before it."""
    position, before = 0, ""
    for index, item in enumerate(wanted):
        found = next((n for n in range(position, len(happened)) if fits(item, n)), None)
        if found is not None:
            position, before = found + 1, _shown(item)
            continue
        text = _shown(item)
        came_before = any(fits(item, n) for n in range(position))
        word = "came only before that" if came_before else "did not come"
        after = f" after '{before}'" if index else ""
        lines = [f"  {name}" for name in happened[:position]]
        lines += [f"- {text}   (expected, {word})"]
        lines += [f"  {name}" for name in happened[position:]]
        place = played.scenario.place("expect", key, index)
        yield failure(place, f"{key}: '{text}' was expected{after} and {word}", tuple(lines))
        return


def _shown(item: str | Sent | Mailed) -> str:
    if isinstance(item, str):
        return item
    parts = item.model_dump(exclude_defaults=True)
    return ", ".join(f"{name} {value}" for name, value in parts.items()) or "any"


def _step_name(entry: Happening) -> str:
    origin = entry.begun.action.origin if entry.begun is not None else ""
    return f"{entry.text}   ({origin})"


def _mismatch(wanted: Sequence[str], names: Sequence[str], index: int) -> str:
    if index >= len(wanted):
        return f"exactly: after the last step expected came {names[len(wanted)]}"
    came = names[index] if index < len(names) else "nothing more"
    return f"exactly: '{wanted[index]}' was expected and {came} came"


def _difference(wanted: Sequence[str], begun: Sequence[Happening], names: Sequence[str]) -> tuple[str, ...]:
    """Return both sides line by line: "-" is missing, "+" was not expected."""
    left = list(wanted)
    asked = set(wanted)
    right = [next((key for key in keys_of(entry) if key in asked), entry.text) for entry in begun]
    lines: list[str] = []
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += [f"  {name}" for name in names[c:d]]
        else:
            lines += [f"- {name}" for name in left[a:b]]
            lines += [f"+ {name}" for name in names[c:d]]
    return tuple(lines)


def _within(wanted: str, text: str) -> bool:
    """Tell whether a text holds another one, whatever the letter case."""
    return wanted.casefold() in text.casefold()
