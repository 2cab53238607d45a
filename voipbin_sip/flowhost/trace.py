"""What a run leaves behind, and the clock it runs by."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog

from flows import About, StepRecord
from voipbin_sip.masking import masked


class RealClock:
    """The clock of the server."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return asyncio.get_running_loop().time()

    def utc(self) -> datetime:
        """Return the wall clock."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def ids(run_id: str, about: About) -> dict[str, str]:
    """Return what a line about a run is bound to: the run, and the call that it is about."""
    known = {"call": about.reference_id} if about.reference_type == "call" else {}
    return {**known, "run": run_id}


class RunTrace:
    """Writes the steps of one run to the log."""

    def __init__(self, run_id: str, about: About) -> None:
        self._log = structlog.get_logger("flow").bind(**ids(run_id, about))

    def step(self, record: StepRecord) -> None:
        """Take one finished step."""
        failed = record.outcome in ("failed", "skipped")
        level = self._log.warning if failed else self._log.debug
        level(
            "step",
            flow=record.flow,
            step=record.step_id,
            type=record.type,
            at=str(record.origin) if record.origin else "",
            outcome=record.outcome,
            detail=masked(record.detail) if failed else record.detail,
            ms=round(record.seconds * 1000),
        )
