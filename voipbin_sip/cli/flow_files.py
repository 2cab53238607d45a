"""How the flow commands find a flow: by its file, with the other flows of its folder."""

from __future__ import annotations

import sys
from pathlib import Path

from flows.findings import has_errors
from flows.loader import load_flow_file, load_flows
from flows.model import Flow, FlowSet


def flow_of(file: Path) -> tuple[FlowSet, Flow] | None:
    """Return a flow and those that it can run; None after printing what is wrong with it.

    Where another file of the folder is broken, the flow stands alone, after a word on that.
    """
    if not file.is_file():
        print(f"voipbin-sip: there is no flow file {file}", file=sys.stderr)
        return None
    flows, findings = load_flows(file.parent)
    here = [finding for finding in findings if finding.file == file]
    for finding in here:
        print(finding, file=sys.stderr)
    if flows is not None:
        for flow in flows:
            if flow.origin.file == file:
                return flows, flow
    if has_errors(here):
        return None
    alone, findings = load_flow_file(file)
    if alone is None:
        for finding in findings:
            print(finding, file=sys.stderr)
        return None
    if flows is None:
        print(f"voipbin-sip: other flows of {file.parent} have mistakes and are left out", file=sys.stderr)
    return FlowSet([alone]), alone
