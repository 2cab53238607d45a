"""Addresses in the bodies of requests (VoIPBIN's address object)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from voipbin_sip.api.routes.body import Body
from voipbin_sip.resources.kinds.fields import AddressField

MAX_DESTINATIONS = 100
Word = Annotated[str, Field(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Address(Body):
    """One side of a call: `tel` (+ and 7 to 15 digits), `sip`, `extension` or `agent`, and the target."""

    type: Word = ""
    target: Word = ""
    target_name: Word = ""
    name: Word = ""
    detail: Word = ""

    def field(self) -> AddressField:
        """Return it as resources hold it."""
        return AddressField(**self.model_dump())


Destinations = Annotated[list[Address], Field(min_length=1, max_length=MAX_DESTINATIONS)]


def fields(addresses: Sequence[Address]) -> list[AddressField]:
    """Return addresses as resources hold them."""
    return [address.field() for address in addresses]
