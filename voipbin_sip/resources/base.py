"""What all resources have in common (VoIPBIN: `id`, `customer_id`, times, soft deletion)."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Self
from uuid import UUID, uuid4, uuid5

from pydantic import BaseModel, ConfigDict, Field

from voipbin_sip.resources.stamps import Stamp

NO_UUID = UUID(int=0)
_set = object.__setattr__  # past what makes values immutable
NAMESPACE = UUID("d2b6f0a4-3a0c-5f0e-9d53-6c1f0b7e4a11")
DEFAULT_CUSTOMER = uuid5(NAMESPACE, "customer:default")


def declared_id(kind: str, name: str) -> UUID:
    """Return the id of what the configuration declares under a name: always the same one."""
    return uuid5(NAMESPACE, f"{kind}:{name}")


class Resource(BaseModel):
    """One resource as it is now. A change makes a new value (`changed`).

    A class that keeps what nobody may see derives from the one that the API shows, and names it in `hidden`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")  # a database may hold fields of another version

    kind: ClassVar[str]  # "call": topic, first word of its events, table key
    hidden: ClassVar[frozenset[str]] = frozenset()

    id: UUID = Field(default_factory=uuid4)
    customer_id: UUID = DEFAULT_CUSTOMER
    tm_create: Stamp | None = None
    tm_update: Stamp | None = None
    tm_delete: Stamp | None = None

    def changed(self, **fields: Any) -> Self:
        """Return a copy with other values, which are not checked again."""
        # model_copy would copy besides which fields were given at first: nobody asks, and every event is a copy.
        changed = self.__class__.__new__(self.__class__)
        _set(changed, "__dict__", {**self.__dict__, **fields})
        _set(changed, "__pydantic_fields_set__", self.__pydantic_fields_set__)
        _set(changed, "__pydantic_extra__", None)
        _set(changed, "__pydantic_private__", None)
        return changed

    def public(self) -> dict[str, Any]:
        """Return what the API and events show, as JSON values."""
        return self.model_dump(mode="json", exclude=set(self.hidden))

    def links(self) -> Links:
        """Return what a change of it is to be found by."""
        return Links()


class Links(NamedTuple):
    """To whom and what else a resource belongs."""

    activeflow_id: UUID = NO_UUID  # the run that it happens in: whose webhook hears of it
    owner_id: UUID = NO_UUID  # the agent whose topics hear of it
    reference_id: UUID = NO_UUID  # what it is a part of: a recording's call, a conferencecall's conference
