"""SIPp as tests use it: one scenario against the server, judged by SIPp's own verdict and what it saw."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tests.phones import ports
from tests.phones.child import Child
from tests.phones.installed import CAPTURES

SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run of SIPp ended."""

    code: int  # 0: every message came as the scenario says
    output: str
    trace: str  # all messages, with times
    port: int  # SIPp's own

    def received(self, pattern: str) -> list[float]:
        """Return the times (s since midnight) at which messages came whose first line matches."""
        times = []
        for block in re.split(r"^-{10,} ", self.trace, flags=re.MULTILINE)[1:]:
            clock, _, rest = block.partition("\n")
            message = re.search(r"message received.*?:\n\n(.*)", rest, re.DOTALL)
            if message and re.match(pattern, message[1], re.DOTALL):
                hours, minutes, seconds = clock.split()[-1].split(":")
                times.append(int(hours) * 3600 + int(minutes) * 60 + float(seconds))
        return times


async def sipp(
    scenario: str,
    server: str,
    folder: Path,
    *options: str,
    number: str = "100",
    seconds: float = 30.0,
    port: int = 0,
) -> Verdict:
    """Run a scenario, built in ("uac") or of ours ("hold.xml"), once against HOST:PORT, in a new folder.

    `port` is SIPp's own, where somebody has to know it before: it is called then.
    """
    folder.mkdir()  # noqa: ASYNC240 - a moment
    (folder / "pcap").symlink_to(CAPTURES)  # where SIPp's built-in scenarios look for their captures
    port = port or ports.free()
    chosen = ["-sf", str(SCENARIOS / scenario)] if scenario.endswith(".xml") else ["-sn", scenario]
    argv = [
        "sipp",
        *chosen,
        server,
        "-i",
        "127.0.0.1",
        "-mi",
        "127.0.0.1",
        "-p",
        str(port),
        "-s",
        number,
        "-m",
        "1",
    ]
    argv += ["-mp", str(ports.free_block(4)), "-nostdin", "-trace_msg", "-message_file", "messages.log"]
    argv += [
        "-trace_err",
        "-error_file",
        "errors.log",
        "-timeout",
        f"{seconds:.0f}s",
        "-timeout_error",
        *options,
    ]
    async with Child(argv, folder=folder, environment={"TERM": os.environ.get("TERM", "dumb")}) as child:
        code = await child.ended(seconds + 5.0)
    log, errors = folder / "messages.log", folder / "errors.log"
    return Verdict(
        code,
        child.output[-3000:] + (errors.read_text() if errors.exists() else ""),
        log.read_text(errors="replace") if log.exists() else "",
        port,
    )
