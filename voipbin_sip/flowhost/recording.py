"""Recordings that flows ask for, and the flows that run after recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    ) -> Mapping[str, str]:
        """Begin to record a call and return the variables that tell of it. Raises StepFailed."""
        try:
            file = await self._recordings.record_call(
                session,
                Terms(terms.format, terms.direction, terms.end_of_silence, terms.end_of_key, terms.duration),
                self.origin(UUID(run_id), on_end, session.call.originator(), variables),
            )
        except NotRecorded as error:
            raise StepFailed(str(error)) from error
        return file.variables()

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
                structlog.get_logger("flow").error("no run after a recording", why=str(error))

        return Origin(run_id, on_end.uuid, ended)
