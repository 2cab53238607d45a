"""Addresses in options: who a new call is from and who it goes to.

What is written in a file is checked when the file is loaded. What comes out of variables is only cleaned of
control characters: whoever places the call finds out that nobody can be reached there and says so, and the flow
goes on, instead of failing because of what a caller is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from flows.ports import Address
from flows.validation import AT_RUN_TIME, Strict
from flows.yamlnodes import Plain

AddressType = Literal[
    "tel",
    "sip",
    "extension",
    "agent",
    "conference",
    "email",
    "line",
    "whatsapp",
    "webchat",
    "web_session",
    "ai",
    "ai_team",
]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FORMS: Final = {
    "tel": (re.compile(r"\+[1-9]\d{6,14}"), "a telephone number: + and 7 to 15 digits"),
    "sip": (
        re.compile(r"(sips?:)?[^\s@<>\"]+@([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(;[^\s<>\"]*)?"),
        "a SIP address: user@domain",
    ),
    "extension": (re.compile(r"[\w.-]{1,64}"), "the name or the UUID of an extension"),
    "agent": (re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "the UUID of an agent"),
    "conference": (re.compile(r"[\w.:@-]{1,64}"), "the name or the UUID of a conference"),
}
_CALLABLE = frozenset(("tel", "sip", "extension", "agent"))


def _one_line(text: str, info: ValidationInfo) -> str:
    if _CONTROL.search(text) is None:
        return text
    if info.context == AT_RUN_TIME:
        return _CONTROL.sub("", text)
    raise ValueError("must be one line without control characters")


Line = Annotated[str, AfterValidator(_one_line)]


class AddressOption(Strict):
    """An address, with VoIPBIN's fields."""

    type: AddressType = Field(description="Kind of address")
    target: Line = Field(
        default="", description="Number, SIP address, or name of the extension (its UUID with `target_name`)"
    )
    target_name: Line = Field(
        default="", description="Name shown to the called; of a called extension: its name"
    )
    name: Line = Field(default="", description="For people")
    detail: Line = Field(default="", description="For people")

    @field_validator("target")
    @classmethod
    def _has_its_form(cls, target: str, info: ValidationInfo) -> str:
        form = _FORMS.get(info.data.get("type", ""))
        if form is not None and target and info.context != AT_RUN_TIME and not form[0].fullmatch(target):
            raise ValueError(f"'{target[:40]}' is not {form[1]}")
        return target

    @model_validator(mode="after")
    def _leads_somewhere(self, info: ValidationInfo) -> Self:
        named = bool(self.target) or (self.type == "extension" and bool(self.target_name))
        if not named and info.context != AT_RUN_TIME:
            raise ValueError("'target' is missing")
        return self

    def address(self) -> Address:
        """Return it as ports take it."""
        return Address(self.type, self.target, self.target_name, self.name, self.detail)


class Destination(AddressOption):
    """An address that can be called."""

    @field_validator("type")
    @classmethod
    def _can_be_called(cls, kind: AddressType) -> AddressType:
        if kind not in _CALLABLE:
            raise ValueError(f"an address of type {kind} cannot be called; use tel, sip, extension or agent")
        return kind


def written_addresses(option: Plain) -> Iterator[tuple[int, str, Address]]:
    """Yield the addresses of a checked list that hold no variables: index, the key that names it, the address."""
    for index, item in enumerate(option if isinstance(option, list) else ()):
        if not isinstance(item, dict):
            continue
        fields = {key: value for key, value in item.items() if isinstance(value, str)}
        if "type" in fields and not any(
            "${" in fields.get(key, "") for key in ("type", "target", "target_name")
        ):
            named_by = "target" if fields.get("target") else "target_name"
            yield index, named_by, AddressOption.model_validate(fields, context=AT_RUN_TIME).address()
