"""What a run leaves behind, and the clock it runs by."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime

import structlog

from flows.ports import StepRecord

TRACED_STEPS = 200  # kept per run


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
    """The last steps of one run, also written to the log."""

    def __init__(self, call: str) -> None:
        self.records: deque[StepRecord] = deque(maxlen=TRACED_STEPS)
        self._log = structlog.get_logger("flow").bind(call=call)

    def step(self, record: StepRecord) -> None:
        """Take one finished step."""
        self.records.append(record)
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
