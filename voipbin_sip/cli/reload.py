"""`voipbin-sip reload`: the running server reads its files again, and the findings are printed as `check` does."""

from __future__ import annotations

import sys
from pathlib import Path

from voipbin_sip.check_report import from_here
from voipbin_sip.cli.own_server import NoServerError, ask, own_server


def reload_server(config: Path) -> int:
    """Have it done; returns the exit status."""
    try:
        told = ask(own_server(config), "POST", "/v1.0/reload")
    except NoServerError as error:
        print(f"voipbin-sip: {error}", file=sys.stderr)
        return 1
    for found in told["findings"]:
        mark = "warning: " if found["severity"] == "warning" else ""
        file = from_here(Path(found["file"]))
        print(f"{file}:{found['line']}:{found['column']}: {mark}{found['message']}")
    if told["result"] != "reloaded":
        print("voipbin-sip: not reloaded: everything stays as it was", file=sys.stderr)
        return 1
    if told["restart"]:
        print(f"taken at the next start only: {', '.join(told['restart'])}", file=sys.stderr)
    print(f"reloaded: {told['flows']} flows, version {told['version']}", file=sys.stderr)
    return 0
