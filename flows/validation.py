"""Checks nodes against a Pydantic model and reports every fault at its place.

Scalars arrive as text and the model gives them their types: "5000" becomes 5000 where an integer is wanted,
`yes` and `off` become booleans only where a boolean is wanted, and `+4915112345`, `0123` and `no` stay text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails

from flows import reasons
from flows.findings import Finding, did_you_mean, error
from flows.yamlnodes import ListNode, MapNode, Node, ScalarNode, plain

T = TypeVar("T")

AT_RUN_TIME: Final = "at run time"
"""The context of a validation of options whose variables have been filled in."""

STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=False)


class Strict(BaseModel):
    """Base of models read from YAML: unknown keys are refused, a key without a value counts as not given."""

    model_config = STRICT

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict) or None not in data.values():
            return data
        optional = {f.alias or name for name, f in cls.model_fields.items() if not f.is_required()}
        return {key: value for key, value in data.items() if value is not None or key not in optional}


def validate(node: Node, model: type[T], findings: list[Finding]) -> T | None:
    """Return the node as an instance of `model`, or None after adding a finding for each fault.

    `model` is a `Strict` model, or a dataclass whose `__pydantic_config__` is `STRICT`.
    """
    try:
        adapter: TypeAdapter[T] = _adapter(cast(Any, model))
        return adapter.validate_python(plain(node))
    except ValidationError as fault:
        findings.extend(findings_of(fault, node, model))
        return None


def findings_of(fault: ValidationError, node: Node, model: type[Any]) -> list[Finding]:
    """Return the findings for a failed validation of `node`, one for each place."""
    faults: dict[tuple[int, int, str], tuple[Node, str, list[str]]] = {}  # a union has one for each member
    for details in fault.errors(include_url=False):
        place, name, value = _locate(node, details)
        if details["type"] == "too_short" and _long_enough(value, details):
            continue  # only because items were refused, which have findings of their own
        text = _key_message(details, name, model)
        message = "" if text else _value_message(details, name, value)
        key = place.line, place.column, text or name
        _, _, messages = faults.setdefault(key, (place, _reason(details), [text] if text else []))
        if message and message not in messages:
            messages.append(message)
    result = []
    for (_, _, title), (place, reason, messages) in sorted(faults.items(), key=lambda item: item[0]):
        text = " or ".join(messages)
        result.append(error(place, text if text == title or not title else f"{title}: {text}", reason))
    return result


def _reason(details: ErrorDetails) -> str:
    if details["type"] in _UNKNOWN:
        return reasons.UNKNOWN_KEY
    return reasons.MISSING_KEY if details["type"] == "missing" else reasons.WRONG_VALUE


@cache
def _adapter(model: type[Any]) -> TypeAdapter[Any]:
    if issubclass(model, BaseModel):
        config: Mapping[str, Any] = model.model_config
    else:
        config = getattr(model, "__pydantic_config__", {})
    if config.get("extra") != "forbid":
        raise TypeError(f"{model.__name__} must refuse unknown keys (extra='forbid')")
    return TypeAdapter(model)


def _locate(root: Node, details: ErrorDetails) -> tuple[Node, str, Node | None]:
    """Return where to point, the name of the key concerned, and the faulty value where there is one.

    Parts of the location that are no keys and no indexes of the nodes (names of union members) are skipped.
    """
    node, name = root, ""
    path = details["loc"]
    for number, part in enumerate(path):
        if isinstance(node, MapNode) and part in node.entries:
            name = str(part)
            last = number == len(path) - 1
            if details["type"] in _UNKNOWN and last:
                return node.keys[name], name, None
            if details["type"] == "missing" and last:
                return node.keys[name], name, node.entries[name]
            node = node.entries[name]
        elif isinstance(node, ListNode) and isinstance(part, int):
            node = node.items[part]
    if details["type"] == "missing":
        return node, "", None
    return node, name, node


def _long_enough(value: Node | None, details: ErrorDetails) -> bool:
    return isinstance(value, ListNode) and len(value.items) >= int(details["ctx"]["min_length"])


def _key_message(details: ErrorDetails, name: str, model: type[Any]) -> str:
    """Return what is wrong with a key itself, or an empty string when its value is at fault."""
    if details["type"] in _UNKNOWN:
        return f"'{name}' is an unknown key{did_you_mean(name, _names_at(model, details['loc'][:-1]))}"
    if details["type"] == "missing" and not name:
        return f"'{details['loc'][-1]}' is missing"
    return ""


def _value_message(details: ErrorDetails, name: str, value: Node | None) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if isinstance(value, ScalarNode) and value.null:
        return "has no value"
    if kind in ("literal_error", "enum"):
        return _choice_message(value, str(context.get("expected", "")))
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error", details["msg"]))
    shown = "the value" if "password" in name or "secret" in name else _shown(value)
    return _TYPED.get(kind, _other)(shown, context, details["msg"])


def _choice_message(value: Node | None, expected: str) -> str:
    words = re.findall(r"'([^']*)'", expected)
    guess = did_you_mean(value.text, words) if isinstance(value, ScalarNode) else ""
    named = [word for word in words if word]
    choice = f"one of {', '.join(named)}" if len(named) > 1 else f"'{named[0]}'"
    return f"{_shown(value)} is not {choice}{guess}"


def _shown(value: Node | None) -> str:
    if isinstance(value, ScalarNode):
        text = value.text if len(value.text) <= 40 else value.text[:37] + "..."
        return repr(text)
    return "a list" if isinstance(value, ListNode) else "a mapping"


Wording = Callable[[str, Mapping[str, Any], str], str]
"""Makes a message of the shown value, the error's context and the model's own message."""


def _other(shown: str, context: Mapping[str, Any], message: str) -> str:
    return f"{shown}: {message[:1].lower()}{message[1:]}"


def _expected(what: str) -> Wording:
    return lambda shown, context, message: f"{shown} is not {what}"


def _limit(words: str, key: str) -> Wording:
    return lambda shown, context, message: f"{shown} is {words} {context[key]}"


_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")

_TYPED: dict[str, Wording] = {
    "int_parsing": _expected("a whole number"),
    "int_type": _expected("a whole number"),
    "int_from_float": _expected("a whole number"),
    "int_parsing_size": _expected("a usable number"),
    "float_parsing": _expected("a number"),
    "float_type": _expected("a number"),
    "finite_number": _expected("a number"),
    "bool_parsing": _expected("true or false"),
    "bool_type": _expected("true or false"),
    "string_type": _expected("text"),
    "list_type": _expected("a list"),
    "tuple_type": _expected("a list"),
    "set_type": _expected("a list"),
    "dict_type": _expected("a mapping"),
    "model_type": _expected("a mapping"),
    "dataclass_type": _expected("a mapping"),
    "path_type": _expected("a path"),
    "uuid_parsing": _expected("a UUID"),
    "greater_than_equal": _limit("less than", "ge"),
    "greater_than": _limit("not more than", "gt"),
    "less_than_equal": _limit("more than", "le"),
    "less_than": _limit("not less than", "lt"),
    "string_too_long": _limit("longer than", "max_length"),
    "string_too_short": lambda shown, context, message: (
        "is empty" if context["min_length"] == 1 else f"{shown} is shorter than {context['min_length']}"
    ),
    "string_pattern_mismatch": lambda shown, context, message: f"{shown} does not match {context['pattern']}",
    "too_short": lambda shown, context, message: (
        "is empty" if context["min_length"] == 1 else f"needs at least {context['min_length']} items"
    ),
    "too_long": lambda shown, context, message: f"has more than {context['max_length']} items",
}


def _names_at(model: Any, path: tuple[int | str, ...]) -> set[str]:
    """Return the keys that the models reachable by `path` accept."""
    here = list(_models(model))
    for part in path:
        below: list[Any] = []
        for kind in here:
            members = _members(kind)
            if part in members:
                below.extend(_models(members[str(part)]))
            elif not members:
                below.extend(inner for argument in get_args(kind) for inner in _models(argument))
        here = below or here
    return {name for kind in here for name in _members(kind)}


def _models(kind: Any) -> Iterator[Any]:
    """Yield the alternatives of a type, without Annotated and Union around them."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _models(get_args(kind)[0])
    elif origin in (Union, UnionType):
        for argument in get_args(kind):
            yield from _models(argument)
    else:
        yield kind


def _members(kind: Any) -> dict[str, Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return {field.name: hints[field.name] for field in fields(kind)}
    return {}
