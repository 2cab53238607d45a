"""Conditions: go on when true, jump when false."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Annotated, ClassVar, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, Field, model_validator

from flows.actions.base import ActionType, Context, Media, Option, Outcome
from flows.conditions import (
    OPERATORS,
    Operator,
    compare_length,
    compare_number,
    compare_text,
    matches_time,
)
from flows.findings import did_you_mean
from flows.ports import StepFailed
from flows.variables import DIGITS
from flows.yamlnodes import Plain


class Condition(ActionType):
    """What all conditions share: the way when false."""

    target_keys: ClassVar[tuple[str, ...]] = ("false_target_id",)

    false_target_id: str = Field(default="", description="Step to go on with when the condition is false")

    @classmethod
    def advice(cls, option: Option) -> Iterator[tuple[tuple[str, ...], str]]:
        """Warn of a condition that can only go on or end the call."""
        if not option.get("false_target_id"):
            yield (), f"{cls.type} without 'false_target_id' ends the call when it is false"

    def verdict(self, holds: bool) -> Outcome:
        """Return the outcome of a true or false condition. Raises StepFailed where false leads nowhere."""
        if holds:
            return Outcome("true")
        if self.false_target_id:
            return Outcome(f"false, goes to '{self.false_target_id}'", jump=self.false_target_id)
        raise StepFailed("is false and has no false_target_id")


class ConditionVariable(Condition):
    """Compare a variable with a value: `variable OP value`."""

    type: ClassVar[str] = "condition_variable"

    condition: Operator = Field(description="How the variable (left) is compared with the value (right)")
    variable: str = Field(description="`name`, or any text with `${name}` in it")
    value_type: Literal["string", "number", "length"] = Field(
        description="Which value is looked at: as text, as number, or how many characters the variable has"
    )
    value_string: str = Field(default="", description="For value_type string")
    value_number: float = Field(default=0, description="For value_type number")
    value_length: int = Field(default=0, description="For value_type length")

    @classmethod
    def prepare(cls, option: Option) -> Option:
        """Turn a bare name into `${name}`."""
        name = option.get("variable")
        if isinstance(name, str) and name and "${" not in name:
            return {**option, "variable": "${" + name + "}"}
        return option

    @classmethod
    def advice(cls, option: Option) -> Iterator[tuple[tuple[str, ...], str]]:
        """Warn also of a value that the value_type does not look at."""
        yield from super().advice(option)
        kind = option.get("value_type")
        for other in ("string", "number", "length"):
            if kind in ("string", "number", "length") and other != kind and f"value_{other}" in option:
                yield (f"value_{other}",), f"'value_{other}' is not looked at with value_type {kind}"

    async def execute(self, run: Context) -> Outcome:
        """Compare; `variable` holds the value by now."""
        if self.value_type == "string":
            return self.verdict(compare_text(self.condition, self.variable, self.value_string))
        if self.value_type == "number":
            return self.verdict(compare_number(self.condition, self.variable, self.value_number))
        return self.verdict(compare_length(self.condition, self.variable, self.value_length))


def _time_zone(name: str) -> str:
    if name and _zone(name) is None:
        raise ValueError(f"'{name[:40]}' is not a known time zone{did_you_mean(name, _zone_names())}")
    return name


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())  # reads a folder of files


@lru_cache(maxsize=256)  # bounded: a name may come from a variable
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _is_set(value: Plain) -> bool:
    return isinstance(value, str) and not value.startswith("-")


class ConditionDatetime(Condition):
    """Compare the clock: `now OP value` for each field that is given, and one of the weekdays.

    A field that is omitted or -1 is not compared. Each field is compared by itself. Opening hours from 08:00 to
    17:59: `>=` with hour 8, then `<` with hour 18. Over midnight (22:00 to 05:59): `<` with hour 22 and
    `false_target_id` night, then in the way of true `>=` with hour 6 and `false_target_id` night.
    """

    type: ClassVar[str] = "condition_datetime"

    condition: Operator = Field(description="How the clock (left) is compared with what stands here (right)")
    weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...] = Field(
        default=(), description="0 = Sunday to 6 = Saturday; empty: any day"
    )
    month: int = Field(default=-1, ge=-1, le=12, description="1 to 12; 0 or -1: not compared")
    day: int = Field(default=-1, ge=-1, le=31, description="1 to 31; 0 or -1: not compared")
    hour: int = Field(default=-1, ge=-1, le=23, description="0 to 23; -1: not compared")
    minute: int = Field(default=-1, ge=-1, le=59, description="0 to 59; -1: not compared")
    timezone: Annotated[str, AfterValidator(_time_zone)] = Field(
        default="", description="Name such as Europe/Berlin; empty: UTC"
    )

    def fields(self) -> dict[str, int]:
        """Return the fields that are compared."""
        given = {"month": self.month, "day": self.day, "hour": self.hour, "minute": self.minute}
        return {
            name: value for name, value in given.items() if value >= (1 if name in ("month", "day") else 0)
        }

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        """Refuse dates and times that never come, as 30 February or an hour beyond 23."""
        fields = self.fields()

        def possible(name: str, values: Iterable[int]) -> list[int]:
            return [v for v in values if name not in fields or OPERATORS[self.condition](v, fields[name])]

        months = possible("month", range(1, 13))
        last_days = [calendar.monthrange(2024, month)[1] for month in months]  # a leap year
        if not any(possible("day", range(1, last + 1)) for last in last_days):
            raise ValueError("is never true: no such date comes")
        if not possible("hour", range(24)) or not possible("minute", range(60)):
            raise ValueError("is never true: no such time comes")
        return self

    @classmethod
    def advice(cls, option: Option) -> Iterator[tuple[tuple[str, ...], str]]:
        """Warn also of an order over several fields, which are not compared as one time."""
        yield from super().advice(option)
        fields = [name for name in ("month", "day", "hour", "minute") if _is_set(option.get(name))]
        if len(fields) > 1 and option.get("condition") not in ("==", None):
            yield (
                ("condition",),
                f"each of {', '.join(fields)} is compared by itself, not as one time; use one condition for each",
            )

    async def execute(self, run: Context) -> Outcome:
        """Compare the clock in the time zone of the step."""
        now = run.clock.utc()
        zone = _zone(self.timezone) if self.timezone else None
        if zone is not None:
            now = now.astimezone(zone)
        return self.verdict(matches_time(now, self.condition, self.fields(), self.weekdays))


class ConditionCallDigits(Condition):
    """True when enough digits, or one certain digit, are in `voipbin.call.digits`."""

    type: ClassVar[str] = "condition_call_digits"
    media: ClassVar[Media] = Media.CALL

    length: int = Field(default=0, ge=0, le=100, description="Number of digits; 0: not looked at")
    key: str = Field(
        default="", pattern=r"^[0-9A-D#*]*$", description="Digits to be found; empty: not looked at"
    )

    async def execute(self, run: Context) -> Outcome:
        """Look at the digits without using them up."""
        digits = run.variables.get(DIGITS, "")
        enough = self.length > 0 and len(digits) >= self.length
        return self.verdict(enough or (bool(self.key) and self.key in digits))


class ConditionCallStatus(Condition):
    """True when the call has this status."""

    type: ClassVar[str] = "condition_call_status"
    media: ClassVar[Media] = Media.CALL

    status: Literal["dialing", "ringing", "progressing", "terminating", "canceling", "hangup"] = Field(
        description="True when the call is in it"
    )

    async def execute(self, run: Context) -> Outcome:
        """Compare the status."""
        return self.verdict(run.call.status() == self.status)
