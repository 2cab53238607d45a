"""Where flows meet calls. The only package that knows both the interpreter and the calls."""

from voipbin_sip.flowhost.host import FlowHost, spoken_prompts
from voipbin_sip.flowhost.runs import LiveRun, Runs, StepView, TooManyRuns, Watcher
from voipbin_sip.flowhost.steps import Parts

__all__ = ["FlowHost", "LiveRun", "Parts", "Runs", "StepView", "TooManyRuns", "Watcher", "spoken_prompts"]
