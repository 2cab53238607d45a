"""`voipbin-sip serve` and what it prints."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from flows.findings import Finding
from voipbin_sip import logs
from voipbin_sip.app.errors import StartError
from voipbin_sip.app.server import Server
from voipbin_sip.check_report import from_here
from voipbin_sip.cli.leaving import Leaving
from voipbin_sip.directory import read_passwords
from voipbin_sip.loading import Loaded, load
from voipbin_sip.transport.address import ListenAddress, local_address_towards

COLLECT_EVERY = 60.0  # seconds
CLOSE_SECONDS = 30.0  # after the last call; a dozen are needed with a database that says nothing


def run(path: Path) -> int:
    """Serve until told to stop; returns the exit status."""
    loaded, findings = load(path)
    if loaded is None:
        return _refuse(findings)
    logs.set_up(loaded.config.log.format, loaded.config.log.level)
    logs.take_others()
    as_json = loaded.config.log.format == "json"  # who reads that wants nothing else
    log = structlog.get_logger("server")
    if as_json:
        for finding in findings:
            at = f"{from_here(finding.file)}:{finding.line}:{finding.column}"
            log.warning("finding", at=at, what=finding.message)
    else:
        _print(findings)
    try:
        asyncio.run(_serve(loaded))
    except StartError as error:
        if as_json:
            log.error("not started", why=str(error))
        else:
            print(f"voipbin-sip: {error}", file=sys.stderr)
        return 1
    return 0


def show_extensions(path: Path) -> int:
    """Print each extension with its password; returns the exit status."""
    loaded, findings = load(path)
    if loaded is None:
        return _refuse(findings)
    _print(findings)
    try:
        loaded.places.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        passwords = read_passwords(loaded.directory, loaded.places.base, loaded.places.data)
    except (OSError, ValueError) as error:
        print(f"voipbin-sip: cannot read the passwords: {error}", file=sys.stderr)
        return 1
    for entry in loaded.directory.extensions:
        print(f"extension {entry.extension}  password {passwords[entry.extension]}  {entry.name}".rstrip())
    return 0


def _refuse(findings: Sequence[Finding]) -> int:
    _print(findings)
    print("voipbin-sip: not started: correct the mistakes above", file=sys.stderr)
    return 1


def _print(findings: Sequence[Finding]) -> None:
    for finding in findings:
        print(replace(finding, file=from_here(finding.file)), file=sys.stderr)


async def _serve(loaded: Loaded) -> None:
    server = Server(loaded)
    loop = asyncio.get_running_loop()
    opened = await server.start()
    tame_collector()
    leaving = Leaving(loaded.config.drain_seconds + CLOSE_SECONDS)

    def stop() -> None:
        leaving.begin()
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, server.reload)
    print(f"ready sip={','.join(str(address) for address in opened.sip)} http={opened.http}")
    for line in hints(loaded, opened.sip):
        print(line)
    sys.stdout.flush()
    collecting = loop.create_task(_collect_now_and_then())
    await server.serve()
    collecting.cancel()


def tame_collector() -> None:
    """Keep Python's cycle collector from stopping the signalling.

    Calls are made without cycles and freed by reference counts; an automatic full collection would walk over all of
    them, at the busiest moment, for a tenth of a second. Full ones happen once a minute instead, and leave out what
    was loaded for good.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 1_000_000)
    gc.enable()


async def _collect_now_and_then() -> None:
    while True:
        await asyncio.sleep(COLLECT_EVERY)
        gc.collect()


def hints(loaded: Loaded, addresses: Sequence[ListenAddress]) -> list[str]:
    """Return what a person with a softphone wants to know."""
    numbers = [
        entry.number
        for entry in loaded.directory.numbers
        if entry.public and not entry.number.startswith("+")
    ]
    if not numbers:
        return []
    address = next((address for address in addresses if address.transport == "udp"), addresses[0])
    host = (
        local_address_towards("192.0.2.1")
        if address.is_wildcard and ":" not in address.host
        else address.host
    )
    port = "" if address.port == 5060 else f":{address.port}"
    by = "" if address.transport == "udp" else f";transport={address.transport}"
    host = f"[{host}]" if ":" in host else host
    return [f"dial sip:{number}@{host}{port}{by} with a softphone, no account needed" for number in numbers]
