"""Runs flows written as text against a scripted call and a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from flows import About, Flow, FlowSet, Outside, Run, RunLimits, RunResult, StepBegun, load_flow_text
from tests.fakes.clock import VirtualClock
from tests.fakes.flowport import ScriptedCall, TraceList

EIGHT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)  # a Sunday


def flow(text: str, name: str = "main") -> Flow:
    """Return the flow of an `actions:` list (or of a whole document)."""
    text = text.lstrip("\n")
    document = text if text.lstrip().startswith(("name:", "actions:", "on_complete")) else f"actions:\n{text}"
    loaded, findings = load_flow_text(document, Path(f"{name}.yaml"))
    assert loaded is not None, "\n".join(map(str, findings))
    return loaded


class Scene:
    """One call with its flow: set it up, `play` it, look at `log`, `trace` and `result`."""

    def __init__(
        self,
        text: str,
        *,
        others: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        limits: RunLimits | None = None,
        with_call: bool = True,
        status: str = "ringing",
        start: datetime = EIGHT,
        complete_count: int = 0,
        dials: bool = False,
        outside: Outside | None = None,
        about: About | None = None,
    ) -> None:
        main = flow(text)
        self.clock = VirtualClock(start)
        self.call = ScriptedCall(self.clock, status=status)
        self.trace = TraceList()
        self.begun: list[StepBegun] = []
        self.flows = FlowSet([main, *(flow(t, name) for name, t in (others or {}).items())])
        self.run = Run(
            self.flows,
            main,
            call=self.call if with_call else None,
            clock=self.clock,
            outgoing=self.call if dials else None,
            outside=outside,
            about=about,
            trace=self.trace,
            began=self.begun.append,
            variables=variables,
            limits=limits,
            complete_count=complete_count,
        )
        self._script: list[tuple[float, str | Callable[[], object]]] = []

    def at(self, seconds: float, *digits: str | Callable[[], object]) -> Scene:
        """Type digits at a time; "end" hangs up instead, "stop" ends the run from outside, a function is called."""
        self._script.extend((seconds, digit) for digit in digits)
        return self

    async def play(self) -> RunResult:
        async def all_together() -> RunResult:
            script = asyncio.ensure_future(self._follow())
            try:
                return await self.run.execute()
            finally:
                script.cancel()

        result = await self.clock.run(all_together())
        assert self.call.running == 0, "a sound goes on after the run"
        return result

    @property
    def log(self) -> list[str]:
        return self.call.log

    @property
    def said(self) -> list[str]:
        """Return what was spoken."""
        return [entry.removeprefix("say ") for entry in self.log if entry.startswith("say ")]

    def details(self, step_id: str) -> list[str]:
        return [record.detail for record in self.trace.records if record.step_id == step_id]

    async def _follow(self) -> None:
        for seconds, what in sorted(self._script, key=lambda item: item[0]):
            if seconds > self.clock.now():
                await self.clock.sleep(seconds - self.clock.now())
            if what == "end":
                self.call.end()
                self.run.stop("the caller hung up")
            elif what == "stop":
                self.run.stop("stopped by the operator")
            elif not isinstance(what, str):
                what()
            else:
                self.run.digit(what)
                self.call.digit()


async def played(text: str, **options: object) -> Scene:
    """Play a flow without any digits and return the scene afterwards."""
    scene = Scene(text, **options)  # type: ignore[arg-type]
    await scene.play()
    return scene
