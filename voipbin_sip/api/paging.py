"""Lists: the newest first, in pages that a time of creation leads on from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from voipbin_sip.api.errors import invalid
from voipbin_sip.resources.base import Resource
from voipbin_sip.resources.stamps import parse_stamp, stamp_text

R = TypeVar("R", bound=Resource)

DEFAULT_SIZE = 100
MAX_SIZE = 100
_END = datetime(9999, 12, 31, tzinfo=UTC)


class Page(BaseModel, Generic[R]):
    """One page of a list; an empty one is the end."""

    result: list[R]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class PageQuery:
    """What part of a list is asked for."""

    size: int
    before: datetime

    def page(self, found: Sequence[R]) -> Page[R]:
        """Return the answer."""
        last = found[-1].tm_create if found else None
        return Page(result=list(found), next_page_token=stamp_text(last) if last is not None else "")


def page_query(
    page_size: Annotated[str, Query(description="1 to 100; anything else means 100")] = "",
    page_token: Annotated[str, Query(description="`next_page_token` of the page before")] = "",
) -> PageQuery:
    """Read the two parameters."""
    size = int(page_size) if page_size.isascii() and page_size.isdigit() and len(page_size) < 4 else 0
    try:
        before = parse_stamp(page_token) if page_token else _END
    except ValueError as error:
        raise invalid(f"page_token {error}", "INVALID_REQUEST_PARAMETER") from None
    return PageQuery(size if 1 <= size <= MAX_SIZE else DEFAULT_SIZE, before)


Paging = Annotated[PageQuery, Depends(page_query)]
