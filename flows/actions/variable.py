"""Variables: `variable_set`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from flows.actions.base import DONE, ActionType, Context, Failure, Outcome
from flows.variables import DIGITS


class VariableSet(ActionType):
    """Store a text under a name."""

    type: ClassVar[str] = "variable_set"
    failure: ClassVar[Failure] = Failure.SKIP

    key: str = Field(min_length=1, max_length=256, description="Name of the variable")
    value: str = Field(description="Text to store")

    async def execute(self, run: Context) -> Outcome:
        """Store; setting the digits also forgets what was typed ahead."""
        if self.key == DIGITS:
            run.digits.replace(self.value)
        else:
            run.variables.set(self.key, self.value)
        return DONE
