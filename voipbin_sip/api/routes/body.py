"""Bodies of requests: what is not given stays as it is, what is not known is passed over (as VoIPBIN does)."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Strict, StringConstraints

Text = Annotated[str, StringConstraints(max_length=65_536)]
Whole = Annotated[int, Strict()]
MAX_DEPTH = 32


def _storable(value: Any, depth: int = 0) -> Any:
    """Return a JSON value that can be written as UTF-8 JSON again."""
    if depth > MAX_DEPTH:
        raise ValueError(f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a number of JSON")  # Python reads NaN and Infinity
    if isinstance(value, str):
        value.encode()  # half a surrogate pair
    elif isinstance(value, dict):
        for key, inner in value.items():
            _storable(key, depth), _storable(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _storable(inner, depth + 1)
    return value


Json = Annotated[Any, AfterValidator(_storable)]
Switch = Annotated[bool, Strict()]
Password = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Body(BaseModel):
    """A JSON object."""

    model_config = ConfigDict(extra="ignore")

    def given(self) -> dict[str, Any]:
        """Return the fields that the client wrote, as values."""
        return {name: getattr(self, name) for name in self.model_fields_set}


def given_password(body: Body) -> tuple[dict[str, Any], str]:
    """Return the fields that the client wrote, and the password beside them ("" = it stays as it is)."""
    fields = body.given()
    return fields, fields.pop("password", "")
