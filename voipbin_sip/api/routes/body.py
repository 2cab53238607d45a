"""Bodies of requests: what is not given stays as it is, what is not known is passed over (as VoIPBIN does)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Strict, StringConstraints

Text = Annotated[str, StringConstraints(max_length=65_536)]
Whole = Annotated[int, Strict()]
Switch = Annotated[bool, Strict()]


class Body(BaseModel):
    """A JSON object."""

    model_config = ConfigDict(extra="ignore")

    def given(self) -> dict[str, Any]:
        """Return the fields that the client wrote, as values."""
        return {name: getattr(self, name) for name in self.model_fields_set}
