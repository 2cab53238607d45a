"""`make run` as the README has it, in the repository that the tests run in; its other commands: tests/documents."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.phones.installed import ROOT
from tests.phones.server import configure

pytestmark = [
    pytest.mark.phones,
    pytest.mark.skipif(
        not (ROOT / ".venv" / ".installed").exists(), reason="not installed by make; run make test"
    ),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FLOW = "name: hello\nactions:\n  - type: answer\n  - type: hangup\n"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[list[str], int]]:
    """`make run` with a configuration of our own: what it printed until it was ready, and its SIP port."""
    config, port = configure(tmp_path, {"hello": FLOW})
    run = subprocess.Popen(
        ["make", "run", f"CONFIG={config}"],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    lines = []
    for line in run.stdout:
        lines.append(line.rstrip())
        if line.startswith("dial "):
            break
    yield lines, port
    os.killpg(run.pid, signal.SIGINT)  # as Ctrl-C does
    run.wait(timeout=20)


def test_make_run_starts_and_tells_where_to_point_a_softphone(started: tuple[list[str], int]) -> None:
    lines, port = started
    assert "make run" in README
    assert any(line.startswith("ready ") and f"udp://127.0.0.1:{port}" in line for line in lines)
    assert lines[-1].startswith(f"dial sip:100@127.0.0.1:{port} ")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.settimeout(5)
        phone.sendto(
            b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKreadme;rport\r\n"
            b"From: <sip:me@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: readme\r\nCSeq: 1 OPTIONS\r\n"
            b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            ("127.0.0.1", port),
        )
        assert phone.recv(4096).startswith(b"SIP/2.0 200 ")
