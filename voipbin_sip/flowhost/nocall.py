"""What a run without a call can still do with calls: place some of their own (flows.ports.OutgoingPort)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from flows import Flow
from flows.ports import Address as FlowAddress
from voipbin_sip.calls.call import Originator
from voipbin_sip.flowhost.address import call_address

if TYPE_CHECKING:
    from voipbin_sip.flowhost.steps import Place


class NoCallSteps:
    """Places calls for a run that has none.

    Args:
        originator: for whom; its address is shown where a step names no source.
    """

    def __init__(self, place: Place, originator: Originator) -> None:
        self._place = place
        self._originator = originator

    async def call(
        self,
        source: FlowAddress | None,
        destinations: Sequence[FlowAddress],
        *,
        flow: Flow,
        chained: bool,
        early_execution: bool,
        anonymous: str,
    ) -> None:
        """Place calls; there is no call that they could be chained to."""
        shown = call_address(source) if source is not None else self._originator.address
        await self._place(
            None,
            replace(self._originator, address=shown, private=anonymous == "yes"),
            [call_address(destination) for destination in destinations],
            flow,
            chained=False,
            early_execution=early_execution,
        )
