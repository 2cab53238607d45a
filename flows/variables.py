"""The variables of a run: one map of text to text, `${name}` substitution, and the limits on values from outside.

Substitution rules: the shortest text between `${` and `}` is a name, looked up as it stands (no nesting, no
escaping, no trimming, case matters); an unknown name becomes nothing; inserted text is not scanned again; map keys
are never substituted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from flows.ports import StepFailed
from flows.yamlnodes import Plain

DIGITS = "voipbin.call.digits"
REFERENCE_DATA = "voipbin.flow.reference_data"
RESERVED_PREFIX = "voipbin."

MAX_INJECTED = 100  # names
MAX_INJECTED_BYTES = 65_536  # names and values together
MAX_VALUE_BYTES = 32_768
MAX_TOTAL_BYTES = 262_144

_REFERENCE = re.compile(r"\$\{(.*?)\}", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")  # JSON may hold one half of a pair alone, UTF-8 may not


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Return the text with every `${name}` replaced. Raises StepFailed where the result grows beyond bounds."""
    if "${" not in text:
        return text
    result = _REFERENCE.sub(lambda match: values.get(match.group(1), ""), text)
    if len(result) > MAX_TOTAL_BYTES:
        raise StepFailed(f"text with its variables filled in is longer than {MAX_TOTAL_BYTES} characters")
    return result


def names_in(text: str) -> list[str]:
    """Return the names of the variables that a text refers to."""
    return _REFERENCE.findall(text)


def substitute_all(option: Plain, values: Mapping[str, str]) -> Plain:
    """Return an option with every text in it substituted, at any depth; map keys stay as they are."""
    if isinstance(option, str):
        return substitute(option, values)
    if isinstance(option, list):
        return [substitute_all(item, values) for item in option]
    if isinstance(option, dict):
        return {key: substitute_all(value, values) for key, value in option.items()}
    return option


def refers_to_variables(option: Plain) -> bool:
    """Tell whether any text of an option holds a `${name}`."""
    if isinstance(option, str):
        return _REFERENCE.search(option) is not None
    if isinstance(option, list):
        return any(refers_to_variables(item) for item in option)
    if isinstance(option, dict):
        return any(refers_to_variables(value) for value in option.values())
    return False


class Variables(Mapping[str, str]):
    """The map of one run. Reads like a Mapping; remembers what changed since `take_changes`."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._bytes = sum(map(_size, self._values.items()))
        self._changes: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def set(self, name: str, value: str, *, bounded: bool = True) -> None:
        """Store a value. Raises StepFailed beyond the size limits, where they are asked for."""
        old = self._values.get(name)
        grown = self._bytes + _size((name, value)) - (_size((name, old)) if old is not None else 0)
        if bounded:
            self._refuse_growth(value, grown)
        self._bytes = grown
        self._values[name] = value
        self._changes[name] = value

    def _refuse_growth(self, value: str, grown: int) -> None:
        if len(value) > MAX_VALUE_BYTES or len(value.encode()) > MAX_VALUE_BYTES:
            raise StepFailed(f"a value of more than {MAX_VALUE_BYTES} bytes cannot be stored")
        if grown > max(MAX_TOTAL_BYTES, self._bytes):
            raise StepFailed(f"the variables of a run cannot take more than {MAX_TOTAL_BYTES} bytes")

    def take_changes(self) -> dict[str, str]:
        """Return what was set since the last call."""
        changes, self._changes = self._changes, {}
        return changes


class Values(Mapping[str, str]):
    """What `${name}` stands for in one step.

    Args:
        variables: those of the run.
        given: system variables that came with the step's flow; they come first.
        reference: returns what the run is about as JSON, read anew for each use; None: it is about nothing.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        given: Mapping[str, str],
        reference: Callable[[], str] | None,
    ) -> None:
        self._variables = variables
        self._given = given
        self._reference = reference

    def __getitem__(self, name: str) -> str:
        if name in self._given:
            return self._given[name]
        if name == REFERENCE_DATA and self._reference is not None:
            return self._reference()
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        names = dict.fromkeys((*self._given, *self._variables))
        if self._reference is not None:
            names[REFERENCE_DATA] = None
        return iter(names)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class Injected:
    """Variables that came from outside, after the limits."""

    values: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()  # why something was left out, in words


def accept_injected(injected: Mapping[str, object], inherited: Mapping[str, str] | None = None) -> Injected:
    """Return what a run may take of the variables that a client gave.

    Names are trimmed; empty ones and those that begin with `voipbin.` (any letter case) are left out one by one,
    as are values that are no text, number or truth value. What remains is taken whole or, beyond a limit (100
    names, 65,536 bytes together, 32,768 bytes a value, 262,144 bytes with the inherited ones), not at all.
    """
    values: dict[str, str] = {}
    refused: list[str] = []
    for name, value in injected.items():
        key = name.strip()
        if not key:
            refused.append("a variable without a name")
        elif _SURROGATE.search(key):
            refused.append("a name with half a character in it")
        elif key.casefold().startswith(RESERVED_PREFIX):
            refused.append(f"'{key[:80]}': names of the system cannot be set from outside")
        elif not isinstance(value, str | bool | int | float):
            refused.append(f"'{key[:80]}': the value is not text")
        elif _SURROGATE.search(text := _text(value)):
            refused.append(f"'{key[:80]}': the value has half a character in it")
        else:
            values[key] = text
    sizes = [_size(item) for item in values.items()]
    merged = sum(map(_size, {**(inherited or {}), **values}.items()))
    problem = ""
    if len(values) > MAX_INJECTED:
        problem = f"more than {MAX_INJECTED} variables"
    elif any(len(value.encode()) > MAX_VALUE_BYTES for value in values.values()):
        problem = f"a value of more than {MAX_VALUE_BYTES} bytes"
    elif sum(sizes) > MAX_INJECTED_BYTES:
        problem = f"more than {MAX_INJECTED_BYTES} bytes of variables"
    elif merged > MAX_TOTAL_BYTES:
        problem = f"more than {MAX_TOTAL_BYTES} bytes of variables with the inherited ones"
    if problem:
        return Injected({}, (*refused, f"{problem}: none of them is taken"))
    return Injected(values, tuple(refused))


def _text(value: str | bool | int | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _size(item: tuple[str, str]) -> int:
    return len(item[0].encode()) + len(item[1].encode())
