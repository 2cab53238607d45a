"""Field types that several kinds share."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from voipbin_sip.resources.base import NO_UUID


def _unset(value: Any) -> Any:
    return NO_UUID if value in ("", None) else value


# An id of something else; an empty text or null means none, as the zero UUID does.
Id = Annotated[UUID, BeforeValidator(_unset), WithJsonSchema({"type": "string", "format": "uuid"})]


class AddressField(BaseModel):
    """One side of a call (VoIPBIN's address object)."""

    model_config = ConfigDict(frozen=True)

    type: str = ""
    target: str = ""
    target_name: str = ""
    name: str = ""
    detail: str = ""
