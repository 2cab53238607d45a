"""Explains calls on a running server: with what the API made, the phones, the providers and the counters of now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voipbin_sip.directory import RouteEntry
from voipbin_sip.explain.explaining import explain
from voipbin_sip.explain.explanation import Explanation
from voipbin_sip.explain.places import MADE
from voipbin_sip.explain.question import Question
from voipbin_sip.explain.refusal import Refusal, refusal
from voipbin_sip.explain.view import View
from voipbin_sip.observe.attempt import Attempt
from voipbin_sip.platform.declared import route_name
from voipbin_sip.resources.base import declared_id
from voipbin_sip.resources.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class CataloguePlaces:
    """Where entries were declared when the directory was read."""

    catalogue: Catalogue

    def entry(self, kind: str, name: str) -> str:
        """Return the place of an entry."""
        return self.catalogue.where(declared_id(kind, name)) or MADE

    def route(self, rank: int, route: RouteEntry) -> str:
        """Return the place of a route."""
        return self.catalogue.where(declared_id("route", route_name(rank, route))) or MADE


class Explaining:
    """Answers questions; `view` takes a look at the server as it is now."""

    def __init__(self, view: Callable[[], View]) -> None:
        self._view = view

    async def explain(self, question: Question) -> Explanation:
        """Return what would happen to a call. Raises BadQuestion."""
        return await explain(self._view(), question)

    def refusal(self, attempt: Attempt) -> Refusal:
        """Return why an attempt was refused, and what to do."""
        return refusal(self._view(), attempt)
