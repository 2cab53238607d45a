"""What is printed: for people in lines that can be read and searched, for programs as JSON."""

from __future__ import annotations

import io
import json

from rich.console import Console

from voipbin_sip.doctor.finding import Finding, Level
from voipbin_sip.doctor.report import as_json, show, summary

LONG = "the provider far-away-carrier-with-a-long-name does not answer at any of its addresses"
FINDINGS = [
    Finding("ports", Level.OK, "udp://0.0.0.0:5060 is free"),
    Finding("ports", Level.ERROR, "tcp://0.0.0.0:5060 is taken by [nginx]", "end it", "voipbin.yaml:7"),
    Finding("providers", Level.WARNING, LONG, "check the firewall", "directory.yaml:12"),
]


def printed(width: int, *, terminal: bool) -> str:
    memory = io.StringIO()
    show(
        FINDINGS,
        Console(
            file=memory, width=width, force_terminal=terminal, no_color=True, highlight=False, markup=False
        ),
    )
    return memory.getvalue()


def test_in_a_pipe_a_finding_is_one_line() -> None:
    assert printed(40, terminal=False).splitlines() == [
        "ports",
        "  ok       udp://0.0.0.0:5060 is free",
        "  error    tcp://0.0.0.0:5060 is taken by [nginx]",
        "           → end it (voipbin.yaml:7)",
        "providers",
        f"  warning  {LONG}",
        "           → check the firewall (directory.yaml:12)",
        "1 error, 1 warning; 1 things are in order, 0 are good to know",
    ]


def test_a_terminal_is_not_overrun() -> None:
    plain = Console(width=200)
    lines = printed(50, terminal=True).splitlines()
    assert len(lines) > 8
    assert all(plain.render_str(line).cell_len < 90 for line in lines)  # with the marks for colours


def test_words_of_servers_elsewhere_steer_no_terminal() -> None:
    memory = io.StringIO()
    said = Finding(
        "providers", Level.WARNING, "it answers 403 \x1b]0;mine\x07\x9b31m[red]\nno", "ask \u202eit"
    )
    show([said], Console(file=memory, width=200, force_terminal=True, no_color=True, markup=False))
    shown = memory.getvalue()
    assert "it answers 403 ·]0;mine··31m[red] no" in shown
    assert not set("\x07\x9b\u202e") & set(shown)
    assert as_json([said]).isascii()


def test_json_has_every_field() -> None:
    told = json.loads(as_json(FINDINGS))
    assert told[1] == {
        "area": "ports",
        "level": "error",
        "finding": "tcp://0.0.0.0:5060 is taken by [nginx]",
        "advice": "end it",
        "where": "voipbin.yaml:7",
    }


def test_the_summary_counts() -> None:
    assert summary([]) == "0 errors, 0 warnings; 0 things are in order, 0 are good to know"
