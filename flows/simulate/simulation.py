"""One simulated call from its beginning to its end, with the runs that follow it.

Time passes only by `advance`, so whoever drives it (a person, a scenario) decides what happens when:

    simulation = Simulation(flows, flow, caller=Caller(), begin=monday, answers=Usual())
    simulation.start()
    while not await simulation.settled():
        simulation.advance()
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flows.beginning import About
from flows.interpreter import Run
from flows.model import NO_ID, Flow, FlowSet
from flows.ports import Address, Outside
from flows.refused import ControlRefused
from flows.result import Limits, RunResult
from flows.simulate.answers import Answers
from flows.simulate.call import Doing, SimulatedCall
from flows.simulate.clock import VirtualClock
from flows.simulate.journal import Journal, Kind
from flows.simulate.outside import SimulatedMail, SimulatedWeb
from flows.simulate.recording import SimulatedRecorder
from flows.simulate.sounds import seconds_of

CALL_ID = "00000000-0000-4000-8000-000000000000"
ACTIVEFLOW_ID = "00000000-0000-4000-b000-{:012d}"
LISTENING = frozenset(("digits_receive", "block"))  # steps that wait for others without asking the call


def address_of(text: str) -> Address:
    """Return the address that a person means by a number, an extension or user@domain."""
    if re.fullmatch(r"\+\d+", text):
        return Address("tel", text)
    return Address("sip", text) if "@" in text else Address("extension", text)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls whom; `call` False: a run without a call, as one that the API starts."""

    source: str = "+15550199"
    dialled: str = "100"
    name: str = ""
    call: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)

    def first_variables(self) -> dict[str, str]:
        """Return what the run of such a call begins with."""
        if not self.call:
            return dict(self.variables)
        ends = (("source", self.source, self.name), ("destination", self.dialled, ""))
        values = {
            "voipbin.call.id": CALL_ID,
            "voipbin.call.direction": "incoming",
            "voipbin.call.master_call_id": NO_ID,
        }
        for end, text, name in ends:
            address = address_of(text)
            told = {"name": "", "detail": "", "target": text, "target_name": name, "type": address.type}
            values |= {f"voipbin.call.{end}.{key}": value for key, value in told.items()}
        return {**self.variables, **values}


class Simulation:
    """A call that never was.

    Attributes:
        journal: what happened so far.
        result: how the first run ended, once it has.
    """

    def __init__(
        self,
        flows: FlowSet,
        flow: Flow,
        *,
        caller: Caller,
        begin: datetime,
        answers: Answers,
        limits: Limits | None = None,
    ) -> None:
        self.clock = VirtualClock(begin)
        self.journal = Journal(self.clock)
        self.mail = SimulatedMail(self.journal)
        self.result: RunResult | None = None
        self.hung_up = False  # by the caller
        self._flows = flows
        self._limits = limits
        self._outside = Outside(SimulatedWeb(self.clock, self.journal, answers), self.mail)
        self._recorder = SimulatedRecorder(self.clock, self.journal, self._after_recording)
        self.call = SimulatedCall(CALL_ID, self.clock, self.journal, answers, self._recorder)
        self._has_call = caller.call
        self._runs = 0
        about = About("call", CALL_ID) if caller.call else About("api", NO_ID)
        self.run = self._run(flow, caller.first_variables(), about)
        self._first = self.run
        self._work: set[asyncio.Task[None]] = set()
        self._fault: BaseException | None = None

    @property
    def waits_for(self) -> Doing | None:
        """Return what takes time now, None where only a step without the call does."""
        if self.call.doing is not None:
            return self.call.doing
        if self._first.finished is None and self._first.action.type in LISTENING:
            moment = self.clock.next_moment()
            return Doing("listens", moment if moment is not None else self.clock.now(), True)
        return None

    @property
    def call_is_over(self) -> bool:
        """Whether the first run is over; others may follow it, without the call."""
        return self.result is not None

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._begin(self._first)

    async def settled(self) -> bool:
        """Let happen what needs no time; returns whether all is over. Raises what a fault of ours raised."""
        await self.clock.settle()
        if self._fault is not None:
            raise self._fault
        return not self._work

    def advance(self, until: float | None = None) -> bool:
        """Let time pass up to the next moment, not beyond `until`; False where nothing happens up to then."""
        return self.clock.advance(until)

    def press(self, digit: str) -> None:
        """Let the caller type one digit."""
        self.journal.note(Kind.CALLER, f"types {digit}")
        self._first.digit(digit)
        self.call.press(digit.upper())

    def speak(self, text: str) -> None:
        """Let the caller speak from now on, for as long as the text takes."""
        self.journal.note(Kind.CALLER, f"says “{text}”")
        self._recorder.hear(seconds_of(text))

    def hang_up(self) -> None:
        """Let the caller hang up."""
        if self._has_call and self.call.status() != "hangup":
            self.journal.note(Kind.CALLER, "hangs up")
            self.hung_up = True
            self.call.end()
            self._first.stop("the caller hung up")

    def proceed(self) -> bool:
        """Let a run go on that waits in a `block`; False where it does not."""
        try:
            self._first.proceed()
        except ControlRefused:
            return False
        return True

    async def close(self) -> None:
        """End everything that still goes on."""
        for task in self._work:
            task.cancel()
        if self._work:
            await asyncio.wait(self._work)

    def _run(
        self, flow: Flow, variables: Mapping[str, str], about: About, count: int = 0, *, follows: bool = False
    ) -> Run:
        self._runs += 1
        return Run(
            self._flows,
            flow,
            call=self.call if self._has_call and not follows else None,
            outgoing=self.call,
            clock=self.clock,
            outside=self._outside,
            about=about,
            trace=self.journal,
            began=self.journal.begin,
            variables=variables,
            limits=self._limits,
            run_id=ACTIVEFLOW_ID.format(self._runs),
            complete_count=count,
        )

    def _begin(self, run: Run) -> None:
        task = asyncio.ensure_future(self._carry_out(run))
        self._work.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        if not task.cancelled():
            self._fault = self._fault or task.exception()

    async def _carry_out(self, run: Run) -> None:
        """Do a run and those that its flows name to follow it."""
        while True:
            result = await run.execute()
            if run is self._first:
                self.result = result
                self.call.end()
            self.journal.note(Kind.ENDED, result.ended.value, result.reason)
            if result.next_flow is None:
                return
            run = self._run(
                result.next_flow, result.variables, run.about, result.complete_count, follows=True
            )

    def _after_recording(self, flow: Flow, variables: Mapping[str, str]) -> None:
        about = About("recording", variables.get("voipbin.recording.id", NO_ID))
        self._begin(self._run(flow, variables, about, follows=True))
