"""`voipbin-sip flow simulate`: a person is the caller. Time stands still while the simulator waits for a line."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

from flows import Flow, FlowSet
from flows.simulate import Answers, Caller, Happening, Simulation, Usual
from flows.simulate.texts import clock_text, moment_in, seconds_in, zone_of
from flows.variables import accept_injected
from voipbin_sip.cli.flow_asking import Asking, Lines
from voipbin_sip.cli.flow_files import flow_of
from voipbin_sip.cli.flow_story import lines_of

PAUSE = 0.25  # seconds between two digits of a line
PATIENCE = 3600.0  # seconds that a caller stays who does nothing any more
HELP = """\
  1 2 # …      type digits          <Enter>    let time pass to the next thing that happens
  say TEXT     speak                skip 30s   let time pass, also 5m, 1h
  h            hang up              v          show the variables (v call: those with call in the name)
  go           let a block go on    q          leave the simulator"""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the command was given."""

    source: str
    dialled: str
    begins: str
    timezone: str
    variables: list[str]
    defaults: bool
    pause: bool
    call: bool


def run(file: Path, setting: Setting) -> int:
    """Simulate a flow; returns the exit status: 1 where it cannot begin, 130 where it was left."""
    try:
        zone_of(setting.timezone)
        begin = moment_in(setting.begins, setting.timezone) if setting.begins else datetime.now(UTC)
        variables = _variables(setting.variables)
    except ValueError as fault:
        print(f"voipbin-sip: {fault}", file=sys.stderr)
        return 1
    found = flow_of(file)
    if found is None:
        return 1
    caller = Caller(setting.source, setting.dialled, call=setting.call, variables=variables)
    lines = Lines()
    try:
        return asyncio.run(_simulate(*found, caller, begin, setting, lines))
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130


def _variables(given: list[str]) -> dict[str, str]:
    pairs = {name: value for name, _, value in (text.partition("=") for text in given)}
    injected = accept_injected(pairs)
    if injected.refused:
        raise ValueError(f"--set: {injected.refused[0]}")
    return dict(injected.values)


async def _simulate(
    flows: FlowSet, flow: Flow, caller: Caller, begin: datetime, setting: Setting, lines: Lines
) -> int:
    answers: Answers = Usual() if setting.defaults else Asking(lines)
    simulation = Simulation(flows, flow, caller=caller, begin=begin, answers=answers)
    simulation.journal.watch(_show)
    who = f"{caller.source} calls {caller.dialled}" if caller.call else "a run without a call"
    local = begin.astimezone(zone_of(setting.timezone))
    typer.echo(f"{flow.name}: {who}, {local:%A %Y-%m-%d %H:%M %Z}; ? for help")
    terminal = _Terminal(simulation, lines, pause=setting.pause)
    simulation.start()
    try:
        while not await simulation.settled():
            if not await terminal.turn():
                return 130
    finally:
        await simulation.close()
    return 0


def _show(happening: Happening) -> None:
    for line in lines_of(happening):
        typer.echo(line)


class _Terminal:
    """Lets time pass, and asks for a line where it matters what the caller does."""

    def __init__(self, simulation: Simulation, lines: Lines, *, pause: bool) -> None:
        self._simulation = simulation
        self._lines = lines
        self._pause = pause
        self._patient_until: float | None = None

    async def turn(self) -> bool:
        """Do one thing; False when the person wants to leave."""
        simulation = self._simulation
        doing = simulation.waits_for
        stuck = simulation.clock.next_moment() is None
        asks = stuck or (doing is not None and (doing.listens or self._pause))
        if not asks or simulation.call_is_over:
            return simulation.advance()
        if self._lines.ended:
            return self._wait_on()
        until = doing.until if doing is not None and not stuck else None
        left = f", {until - simulation.clock.now():.1f} s left" if until is not None else ""
        what = doing.what if doing is not None else "waits"
        line = self._lines.ask(f"{clock_text(simulation.clock.now()):>8} ({what}{left}) > ")
        if line is None and self._lines.is_terminal:  # Ctrl-D
            simulation.hang_up()
            return simulation.hung_up
        return True if line is None else await self._do(line.strip())

    def _wait_on(self) -> bool:
        """Let a caller of whom no more lines come stay on the line for an hour, and then hang up."""
        simulation = self._simulation
        if self._patient_until is None:
            self._patient_until = simulation.clock.now() + PATIENCE
        if simulation.advance(self._patient_until):
            return True
        simulation.hang_up()
        return simulation.hung_up

    async def _do(self, line: str) -> bool:
        simulation = self._simulation
        word, _, rest = line.partition(" ")
        if not line:
            simulation.advance()
        elif all(letter in "0123456789*#ABCD " for letter in line):
            await self._type(line.replace(" ", ""))
        elif word in ("q", "quit"):
            return False
        elif word in ("h", "hangup"):
            simulation.hang_up()
        elif word == "say" and rest:
            simulation.speak(rest)
        elif word == "skip":
            await self._skip(rest)
        elif word in ("v", "vars"):
            self._variables(rest)
        elif word == "go":
            if not simulation.proceed():
                typer.echo("  nothing waits to go on")
        else:
            typer.echo(HELP)
        return True

    async def _type(self, digits: str) -> None:
        for number, digit in enumerate(digits):
            if number:
                await self._pass(PAUSE)
            if self._simulation.call_is_over:
                return
            self._simulation.press(digit)

    async def _skip(self, text: str) -> None:
        try:
            seconds = seconds_in(text)
        except ValueError as fault:
            typer.echo(f"  {fault}")
            return
        await self._pass(seconds)

    async def _pass(self, seconds: float) -> None:
        """Let time pass, and whatever happens in it."""
        simulation = self._simulation
        until = simulation.clock.now() + seconds
        while not await simulation.settled() and simulation.advance(until):
            pass

    def _variables(self, part: str) -> None:
        for name, value in sorted(self._simulation.run.values.items()):
            if part in name and value:
                typer.echo(f"  {name} = {value}")
