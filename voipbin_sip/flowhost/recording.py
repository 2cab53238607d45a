"""Recordings that flows ask for, and the flows that run after recordings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol
from uuid import UUID

import structlog

from flows import About, Flow
from flows.ports import RecordingTerms, StepFailed
from voipbin_sip.calls.call import Originator
from voipbin_sip.calls.session import CallSession
from voipbin_sip.flowhost.runs import TooManyRuns
from voipbin_sip.recordings.recorder import NO_UUID, Origin, Recordings
from voipbin_sip.recordings.terms import NotRecorded, RecordingFile, Terms


class RunAfter(Protocol):
    """Begins a run without a call; see FlowHost.run."""

    def __call__(
        self, flow: Flow, *, about: About, originator: Originator, variables: Mapping[str, str]
    ) -> object:
        """Begin it. Raises TooManyRuns."""
        ...


class RecordingSteps:
    """What recording steps do. `run` is what runs the flows after them; it is set by who has it."""

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings
        self.run: RunAfter | None = None

    async def start(
        self,
        session: CallSession,
        terms: RecordingTerms,
        *,
        run_id: str,
        on_end: Flow | None,
        variables: Callable[[], Mapping[str, str]],
    ) -> tuple[Mapping[str, str], asyncio.Future[Mapping[str, str]]]:
        """Begin to record a call; return the variables that tell of it, now and when it is over. Raises StepFailed."""
        over: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        origin = self.origin(UUID(run_id), on_end, session.call.originator(), variables)

        def ended(file: RecordingFile) -> None:
            if not over.done():
                over.set_result(file.variables())
            if origin.ended is not None:
                origin.ended(file)

        try:
            file = await self._recordings.record_call(
                session,
                Terms(terms.format, terms.direction, terms.end_of_silence, terms.end_of_key, terms.duration),
                replace(origin, ended=ended),
            )
        except NotRecorded as error:
            raise StepFailed(str(error)) from error
        return file.variables(), over

    def stop(self, session: CallSession) -> bool:
        """End the recording of a call."""
        return self._recordings.stop(session.call.id) is not None

    def origin(
        self,
        run_id: UUID,
        on_end: Flow | None,
        originator: Originator,
        variables: Callable[[], Mapping[str, str]],
    ) -> Origin:
        """Return where a recording comes from whose end a flow follows, with the `variables` of that time."""
        if on_end is None:
            return Origin(run_id)

        def ended(file: RecordingFile) -> None:
            if self.run is None:
                return
            about = About(activeflow_id=str(run_id) if run_id != NO_UUID else "")
            try:
                self.run(
                    on_end, about=about, originator=originator, variables={**variables(), **file.variables()}
                )
            except TooManyRuns as error:
                structlog.get_logger("flow").error("no run after a recording", why=str(error), **file.log_ids)

        return Origin(run_id, on_end.uuid, ended)
