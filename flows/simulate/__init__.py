"""Flows without a phone or a server: simulated by hand in a terminal, or by scenarios in virtual time.

`Simulation` runs a flow against a caller, a called world and a clock that jumps; `read_scenarios` reads what operators
have written down about a flow, and `play` tells whether it holds.
"""

from flows.simulate.answers import Answers, Dialled, Usual
from flows.simulate.clock import VirtualClock
from flows.simulate.journal import Happening, Journal, Kind
from flows.simulate.simulation import Caller, Simulation

__all__ = [
    "Answers",
    "Caller",
    "Dialled",
    "Happening",
    "Journal",
    "Kind",
    "Simulation",
    "Usual",
    "VirtualClock",
]
