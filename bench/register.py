"""Registered phones for a long time: `python bench/register.py --phones 2000 --seconds 600`.

Starts the server on core 0 with a directory of so many extensions, and from core 1 one phone for each, on a socket of
its own: it registers for 60 s, comes back every 45 to 55 s with the nonce that it has, and answers the OPTIONS that
keep its NAT open (its Contact is a private address). At the end each phone is asked for, and some are called. Prints a
table: requests, answers that were not 200, repetitions, CPU share, memory.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import cast

from voipbin_sip.sip.digest import answer_challenges

SERVER = ("127.0.0.1", 5060)
DOMAIN = "bench.test"
PASSWORD = "opensesame"
EXPIRES = 60
T1 = 0.5  # s
CALLED = 20  # phones at the end

CONFIG = """
domain: bench.test
data_dir: data
flows: flows
directory: directory.yaml
sip: {listen: ["udp://127.0.0.1:5060"]}
media: {workers: 1}
registrar: {min_expires: 60, keepalive: 30}
log: {level: warning}
"""
FLOW = "name: silent\nactions:\n  - type: answer\n"


class Phone(asyncio.DatagramProtocol):
    """One extension's phone."""

    def __init__(self, extension: str, counts: Counter[str]) -> None:
        self.extension = extension
        self.counts = counts
        self.port = 0
        self.called = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None
        self._cseq = 0
        self._challenges: list[str] = []
        self._nonce_uses = 0
        self._waiting: dict[str, asyncio.Future[str]] = {}  # by branch

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.DatagramTransport, transport)  # the loop's own class is no subclass
        self._transport = transport
        self.port = int(transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        text = data.decode(errors="replace")
        if text.startswith("SIP/2.0"):
            branch = re.search(r"branch=z9hG4bK([\w.]+)", text)
            waiting = self._waiting.get(branch[1]) if branch else None
            if waiting is not None and not waiting.done() and text[8] != "1":
                waiting.set_result(text)
            return
        method = text.partition(" ")[0]
        self.counts[f"{method} from the server"] += 1
        if method == "INVITE":
            self.called.set()
        if method != "ACK":
            self._reply(text, "486 Busy Here" if method == "INVITE" else "200 OK")

    async def register(self, expires: int | None = EXPIRES) -> str:
        """Register, or with None ask what is registered; returns the last answer."""
        contact = "" if expires is None else f"Contact: <sip:{self.extension}@10.0.0.9>;expires={expires}\r\n"
        return await self._ask("REGISTER", f"sip:{DOMAIN}", self.extension, contact)

    async def call(self, extension: str) -> str:
        """Call another phone; returns the last answer."""
        contact = f"Contact: <sip:{self.extension}@127.0.0.1:{self.port}>\r\n"
        return await self._ask("INVITE", f"sip:{extension}@{DOMAIN}", extension, contact)

    async def _ask(self, method: str, uri: str, to: str, contact: str) -> str:
        """Send a request, with credentials for the last challenge and again with those for a new one."""
        answer = ""
        for _ in range(2):
            self._cseq += 1
            answer = await self._send(method, uri, to, contact + self._credentials(method, uri))
            status = answer[8:11]
            self.counts[f"{method} {status}"] += 1
            if status not in ("401", "407"):
                return answer
            self._challenges = re.findall(r"-Authenticate: (.*)\r", answer)
            self._nonce_uses = 0
        return answer

    def _credentials(self, method: str, uri: str) -> str:
        if not self._challenges:
            return ""
        self._nonce_uses += 1
        value = answer_challenges(
            self._challenges,
            username=self.extension,
            password=PASSWORD,
            method=method,
            uri=uri,
            cnonce="bench",
            nc=self._nonce_uses,
        )
        return f"Authorization: {value}\r\n"

    async def _send(self, method: str, uri: str, to: str, lines: str) -> str:
        branch = f"{self.extension}.{self._cseq}"
        request = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK{branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{self.extension}@{DOMAIN}>;tag={self.extension}\r\n"
            f"To: <sip:{to}@{DOMAIN}>\r\nCall-ID: {self.extension}{method}{'' if method[0] == 'R' else self._cseq}\r\n"
            f"CSeq: {self._cseq} {method}\r\n{lines}Content-Length: 0\r\n\r\n"
        )
        waiting = self._waiting[branch] = asyncio.get_running_loop().create_future()
        assert self._transport is not None
        try:
            for interval in (T1, 2 * T1, 4 * T1, 8 * T1, 8 * T1, 8 * T1, 8 * T1):
                self._transport.sendto(request.encode(), SERVER)
                done, _ = await asyncio.wait([waiting], timeout=interval)
                if done:
                    if method == "INVITE":
                        self._acknowledge(request, waiting.result())
                    return waiting.result()
                self.counts["repetitions"] += method != "INVITE"
        finally:
            del self._waiting[branch]
        return "SIP/2.0 408 Nobody answered"

    def _acknowledge(self, invite: str, answer: str) -> None:
        to = re.search(r"^To: .*\r\n", answer, re.MULTILINE)
        assert to is not None and self._transport is not None
        head = re.sub(r"^To: .*\r\n", to[0], invite, flags=re.MULTILINE)
        ack = re.sub(r"^(Authorization|Contact): .*\r\n", "", head, flags=re.MULTILINE)
        self._transport.sendto(
            ack.replace("INVITE", "ACK", 1).replace(" INVITE\r", " ACK\r").encode(), SERVER
        )

    def _reply(self, request: str, status: str) -> None:
        kept = re.findall(r"^(?:Via|From|To|Call-ID|CSeq):.*\r\n", request, re.MULTILINE | re.IGNORECASE)
        head = "".join(kept).replace("\r\nCall-ID", f";tag={self.extension}\r\nCall-ID")
        assert self._transport is not None
        self._transport.sendto(f"SIP/2.0 {status}\r\n{head}Content-Length: 0\r\n\r\n".encode(), SERVER)


def processes(pid: int) -> list[int]:
    """Return a process and all that come from it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += processes(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of the server, all of its processes."""
    ticks = 0
    for each in processes(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Return the resident memory of the control process, MiB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def busy() -> float:
    """Return the CPU seconds that all of this machine has used."""
    user, nice, system, _, _, irq, softirq, steal = (
        int(value) for value in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


async def keep_registered(phone: Phone, until: float) -> None:
    """Register and come back before it expires."""
    while time.monotonic() < until:
        await phone.register()
        await asyncio.sleep(random.uniform(0.75, 0.92) * EXPIRES)


async def load(server: int, phones: int, seconds: float) -> None:
    """Measure one run; prints the table."""
    loop = asyncio.get_running_loop()
    counts: Counter[str] = Counter()
    desks = []
    for number in range(phones):
        _, desk = await loop.create_datagram_endpoint(
            lambda number=number: Phone(str(10_000 + number), counts), local_addr=("127.0.0.1", 0)
        )
        desks.append(desk)
    print(f"{phones} phones, {seconds:.0f} s, registered for {EXPIRES} s\n", flush=True)
    print("| after | CPU of the server | all of the machine | memory |\n|---|---|---|---|", flush=True)
    start, until = time.monotonic(), time.monotonic() + seconds
    tasks = []
    for desk in desks:  # the office switches its phones on within 20 s
        tasks.append(loop.create_task(keep_registered(desk, until)))
        await asyncio.sleep(20 / phones)
    step = max(15.0, seconds / 10)
    while time.monotonic() < until:
        before, all_before, at = cpu_seconds(server), busy(), time.monotonic()
        await asyncio.sleep(min(step, until - at))
        passed = time.monotonic() - at
        share = (cpu_seconds(server) - before) / passed
        everything = (busy() - all_before) / passed
        print(
            f"| {time.monotonic() - start:.0f} s | {share:.1%} of a core | {everything:.0%} of a core "
            f"| {memory(server):.1f} MiB |",
            flush=True,
        )
    for task in tasks:
        task.cancel()
    load_counts = Counter(counts)
    bound = 0
    for desk in desks:
        bound += len(re.findall(r"^Contact:", await desk.register(None), re.MULTILINE))
    sample = random.sample(desks[1:], min(CALLED, phones - 1))
    for desk in sample:
        await desks[0].call(desk.extension)
    print(
        f"\nbindings at the end: {bound}; reached by a call: {sum(d.called.is_set() for d in sample)} of {len(sample)}"
    )
    print(", ".join(f"{name}: {count}" for name, count in sorted(load_counts.items())))


def configure(folder: Path, phones: int) -> Path:
    """Write the server's files; returns the configuration."""
    (folder / "flows").mkdir()
    (folder / "flows" / "silent.yaml").write_text(FLOW)
    lines = (f'  - {{extension: "{10_000 + number}", password: {PASSWORD}}}' for number in range(phones))
    (folder / "directory.yaml").write_text("extensions:\n" + "\n".join(lines) + "\n")
    path = folder / "voipbin.yaml"
    path.write_text(CONFIG)
    return path


def main() -> None:
    """Start the server, load it, end it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--server", default=str(Path(sys.executable).parent / "voipbin-sip"))
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory(prefix="register-") as name:
        config = configure(Path(name), options.phones)
        with subprocess.Popen(
            ["taskset", "-c", "0", options.server, "serve", "--config", str(config)],
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdout is not None
            try:
                if not server.stdout.readline().startswith("ready "):
                    raise SystemExit("the server did not start")
                os.sched_setaffinity(0, {1})
                asyncio.run(load(server.pid, options.phones, options.seconds))
            finally:
                server.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    main()
