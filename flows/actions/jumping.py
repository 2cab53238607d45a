"""Where to go on: `branch`, `goto`, `fetch_flow`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from flows.actions.base import ActionType, Context, Option, Outcome
from flows.ports import StepFailed
from flows.variables import DIGITS


class Branch(ActionType):
    """Jump to the step that belongs to the value of a variable; the variable is emptied."""

    type: ClassVar[str] = "branch"
    goes_on: ClassVar[bool] = False
    target_keys: ClassVar[tuple[str, ...]] = ("default_target_id",)

    variable: str = Field(default=DIGITS, min_length=1, description="Name of the variable")
    target_ids: dict[str, str] = Field(default_factory=dict, description="Step for each value")
    default_target_id: str = Field(default="", description="Step for all other values")

    @classmethod
    def prepare(cls, option: Option) -> Option:
        """Accept `${name}` for `name`: the variable itself is meant, not one that it names."""
        name = option.get("variable")
        if isinstance(name, str) and name.startswith("${") and name.find("}") == len(name) - 1:
            return {**option, "variable": name[2:-1]}
        return option

    @classmethod
    def targets(cls, option: Option) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield the step of each value, and the default."""
        targets = option.get("target_ids")
        if isinstance(targets, dict):
            for value, target in targets.items():
                if isinstance(target, str) and target:
                    yield ("target_ids", value), target
        yield from super().targets(option)

    @classmethod
    def advice(cls, option: Option) -> Iterator[tuple[tuple[str, ...], str]]:
        """Warn of values that match nothing."""
        if not option.get("default_target_id"):
            yield (), "branch without 'default_target_id' ends the call when no value matches"

    async def execute(self, run: Context) -> Outcome:
        """Read, empty, jump."""
        if self.variable == DIGITS:
            value = run.digits.take()
        else:
            value = run.variables.get(self.variable, "")
            run.variables.set(self.variable, "")
        target = self.target_ids.get(value)
        if target:
            return Outcome(f"goes to '{target}'", jump=target)
        if self.default_target_id:
            return Outcome(f"goes to '{self.default_target_id}' (default)", jump=self.default_target_id)
        raise StepFailed("no target for this value and no default_target_id")


class Goto(ActionType):
    """Jump at most `loop_count` times, then go on with the following step."""

    type: ClassVar[str] = "goto"
    target_keys: ClassVar[tuple[str, ...]] = ("target_id",)

    target_id: str = Field(min_length=1, description="Step to go on at")
    loop_count: int = Field(default=0, description="How often to jump in the whole run")

    @classmethod
    def advice(cls, option: Option) -> Iterator[tuple[tuple[str, ...], str]]:
        """Warn of a goto that never jumps."""
        count = option.get("loop_count")
        if count is None:
            yield (), "goto without 'loop_count' never jumps"
        elif isinstance(count, str) and count.lstrip("+-").isdecimal() and int(count) <= 0:
            yield ("loop_count",), f"goto with 'loop_count' {count} never jumps"

    async def execute(self, run: Context) -> Outcome:
        """Jump while the count lasts."""
        if run.count_down(self.loop_count):
            return Outcome(f"goes to '{self.target_id}'", jump=self.target_id)
        return Outcome("has jumped often enough")


class FetchFlow(ActionType):
    """Run the steps of another flow, then go on with the following step."""

    type: ClassVar[str] = "fetch_flow"
    flow_keys: ClassVar[tuple[str, ...]] = ("flow_id",)

    flow_id: str = Field(min_length=1, description="Name or UUID of the flow")

    async def execute(self, run: Context) -> Outcome:
        """Put the flow's steps before the following step."""
        return Outcome(f"flow '{self.flow_id}'", fetch=self.flow_id)
