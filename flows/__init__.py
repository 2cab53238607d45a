"""Flows: what a call should do, written by an operator in YAML.

Loading: `load_flows(folder)` gives a `FlowSet`, or every fault of every file as a `Finding` with file, line and
column; `load_flow_file(path)` and `load_flow_text(text, file)` read one flow, `load_flow_data(document, file)` one that
a client has sent as JSON.

    flows, findings = load_flows(Path("config/flows"), base=Path("config"))

Running: one `Run` for each call. The host gives the world as ports (`flows.ports`), passes the caller's digits to
`Run.digit`, and calls `Run.stop` when the call is over:

    run = Run(flows, flow, call=port, clock=clock, trace=trace, variables={"voipbin.call.id": "..."})
    result = await run.execute()

`result.next_flow` is what the flow's `on_complete_flow_id` names. The host runs it without a call, with
`result.variables` and `result.complete_count`; steps that need a call are skipped there, visibly.

Others may steer a run: `Run.push`, `Run.jump`, `Run.proceed` and `Run.stop` (flows.control).

The package knows no network, no sound and no database. The interpreter never lets anything else run between two
steps that do not wait.
"""

from flows.beginning import About
from flows.findings import Finding, Severity
from flows.interpreter import Run
from flows.loader import load_flow_file, load_flow_text, load_flows
from flows.model import Action, Flow, FlowSet
from flows.outside import load_flow_data
from flows.ports import (
    Address,
    CallPort,
    Clock,
    Conference,
    ConnectResult,
    Mail,
    MailPort,
    Origin,
    OutgoingPort,
    Outside,
    Played,
    StepBegun,
    StepFailed,
    StepRecord,
    Trace,
    WebAnswer,
    WebPort,
)
from flows.refused import ControlRefused, StepsRefused
from flows.result import Ended, RunResult
from flows.result import Limits as RunLimits
from flows.variables import accept_injected

__all__ = [
    "About",
    "Action",
    "Address",
    "CallPort",
    "Clock",
    "Conference",
    "ConnectResult",
    "ControlRefused",
    "Ended",
    "Finding",
    "Flow",
    "FlowSet",
    "Mail",
    "MailPort",
    "Origin",
    "OutgoingPort",
    "Outside",
    "Played",
    "Run",
    "RunLimits",
    "RunResult",
    "Severity",
    "StepBegun",
    "StepFailed",
    "StepRecord",
    "StepsRefused",
    "Trace",
    "WebAnswer",
    "WebPort",
    "accept_injected",
    "load_flow_data",
    "load_flow_file",
    "load_flow_text",
    "load_flows",
]
