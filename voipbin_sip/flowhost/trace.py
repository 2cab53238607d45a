"""What a run leaves behind, and the clock it runs by."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog

from flows import About, StepRecord


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


class RunTrace:
    """Writes the steps of one run to the log."""

    def __init__(self, run_id: str, about: About) -> None:
        known = {"call": about.reference_id} if about.reference_type == "call" else {"run": run_id}
        self._log = structlog.get_logger("flow").bind(**known)

    def step(self, record: StepRecord) -> None:
        """Take one finished step."""
        level = self._log.warning if record.outcome in ("failed", "skipped") else self._log.debug
        level(
            "step",
            flow=record.flow,
            step=record.step_id,
            type=record.type,
            at=str(record.origin) if record.origin else "",
            outcome=record.outcome,
            detail=record.detail,
            ms=round(record.seconds * 1000),
        )
