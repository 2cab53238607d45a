"""`voipbin-sip explain`: what would happen to a call, told by the running server, or else by the files."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from voipbin_sip.cli.own_server import NoServerError, ask, own_server
from voipbin_sip.explain.question import BadQuestion, Question
from voipbin_sip.explain.report import report
from voipbin_sip.observe.running import is_alive
from voipbin_sip.printable import clean


def explain_call(question: Question, config: Path, form: str) -> int:
    """Explain a call; returns the exit status."""
    try:
        told = _by_server(question, config)
    except NoServerError as error:
        print(f"voipbin-sip: {error}", file=sys.stderr)
        return 1
    if told is None and (told := _by_files(question, config)) is None:
        return 1
    for line in [json.dumps(told, indent=1)] if form == "json" else map(clean, report(told)):
        print(line)
    return 0


def _by_server(question: Question, config: Path) -> Mapping[str, Any] | None:
    """Return what the running server answers, None where there is none. Raises NoServerError."""
    try:
        server = own_server(config)
    except NoServerError:
        return None
    source = f"[{question.source}]" if ":" in question.source else question.source
    asked = {
        "to": question.to,
        "from": question.caller,
        "source": f"{source}:{question.port}" if question.port else question.source,
        "transport": question.transport,
        "resolve": str(question.resolve).lower(),
    }
    try:
        answer: Mapping[str, Any] = ask(server, "GET", f"/v1.0/explain?{urlencode(asked)}")
    except NoServerError:
        if is_alive(server.pid):
            raise
        return None  # it was killed
    return answer


def _by_files(question: Question, config: Path) -> Mapping[str, Any] | None:
    """Return what the files say, None where they have errors; those are printed."""
    # Here, since all that the server is made of comes with it; who asks the server needs none of it.
    from voipbin_sip.explain.explaining import explain
    from voipbin_sip.explain.offline import view_of_files
    from voipbin_sip.loading import load

    loaded, findings = load(config)
    if loaded is None:
        for finding in findings:
            print(finding, file=sys.stderr)
        print(
            f"voipbin-sip: {config} has errors; correct them first (voipbin-sip check {config})",
            file=sys.stderr,
        )
        return None
    try:
        return asdict(asyncio.run(explain(view_of_files(loaded), question)))
    except BadQuestion as error:
        print(f"voipbin-sip: {error}", file=sys.stderr)
        return None
