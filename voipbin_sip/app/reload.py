"""Reads the configuration again while calls go on: all of it is compiled first, then one swap, or nothing changes.

Taken at once: flows, the directory (numbers, phones, trunks, providers, routes, conferences, passwords) and the
certificates. Everything else of `voipbin.yaml` is taken at the next start, and the result names what has changed.
Runs keep the flows that they began with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from flows.findings import Finding, Severity
from flows.memory import no_pause
from voipbin_sip.app.errors import StartError
from voipbin_sip.app.giving_way import GivingWay
from voipbin_sip.app.parts import read_directory
from voipbin_sip.app.watching import State, files_of, state_of
from voipbin_sip.check_report import from_here
from voipbin_sip.directory import Directory
from voipbin_sip.loading import Loaded, load
from voipbin_sip.observe.reloads import Reloaded
from voipbin_sip.tasks import over

if TYPE_CHECKING:
    from voipbin_sip.transport.certificate import Certificates

LOOK_EVERY = 2.0  # seconds
AT_REST = 0.3  # seconds without another change until files are read
TAKEN = frozenset({"flows", "directory"})  # keys of voipbin.yaml whose change needs no restart


@dataclass(frozen=True, slots=True)
class _Prepared:
    findings: Sequence[Finding]
    loaded: Loaded | None = None  # None: there are errors
    directory: Directory | None = None
    use: Callable[[], None] | None = None
    restart: Sequence[str] = ()


class Reloader:
    """Does it, one attempt at a time.

    Args:
        loaded: what the server was started with.
        certificates: those that are read again.
        ready: makes a configuration ready, in a thread, and returns what puts it into force within one turn of the
            event loop.
    """

    def __init__(
        self,
        loaded: Loaded,
        certificates: Sequence[Certificates],
        ready: Callable[[Loaded, Directory], Callable[[], None]],
        directory: Directory,
    ) -> None:
        self._started = self._loaded = loaded
        self._memory = loaded.memory
        self._directory = directory
        self._certificates = certificates
        self._ready = ready
        self._log = structlog.get_logger("reload")
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._watching: asyncio.Task[None] | None = None
        self._last = Reloaded(True, datetime.now(UTC), "start", 0, len(loaded.flows))
        self._refused = 0
        self._seen = self._state()

    @property
    def last(self) -> Reloaded:
        """What became of the last attempt."""
        return self._last

    @property
    def refused(self) -> int:
        """How many attempts were refused."""
        return self._refused

    def watch(self) -> None:
        """Look after the files from now on."""
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    def soon(self) -> None:
        """Reload without waiting for it; of many that ask meanwhile, all are served by one more."""
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._serve_soon())

    async def close(self) -> None:
        """Stop."""
        await over(self._watching, self._task)

    async def reload(self, cause: str) -> Reloaded:
        """Try it, and say in the log what became of it."""
        async with self._lock:
            self._seen = await asyncio.to_thread(self._state)
            try:
                prepared = await asyncio.to_thread(self._prepare)
            except Exception:  # a fault of ours
                self._log.exception("the configuration cannot be read, the old one stays")
                prepared = _Prepared(())
            ok = prepared.loaded is not None and self._swap(prepared)
            self._refused += not ok
            self._last = Reloaded(
                ok,
                datetime.now(UTC),
                cause,
                self._last.version + ok,
                len(self._loaded.flows),
                prepared.findings,
                prepared.restart,
            )
        self._tell(self._last)
        return self._last

    def _prepare(self) -> _Prepared:
        """Read and check everything; runs in a thread, which gives way to calls."""
        self._memory.pause = GivingWay()
        try:
            return self._read()
        finally:
            self._memory.pause = no_pause

    def _read(self) -> _Prepared:
        loaded, findings = load(self._started.path, self._memory)
        findings = [*findings, *self._unfit_certificates()]
        if loaded is None or any(finding.severity is Severity.ERROR for finding in findings):
            return _Prepared(findings)
        try:
            directory = read_directory(loaded, self._started.places.data)
        except StartError as error:
            return _Prepared([*findings, _error(loaded.places.directory, str(error))])
        restart = [*_changed(self._started.config.model_dump(), loaded.config.model_dump())]
        places = _as_started(loaded, self._started)
        return _Prepared(findings, places, directory, self._ready(places, directory), restart)

    def _unfit_certificates(self) -> Iterator[Finding]:
        for certificates in self._certificates:
            from voipbin_sip.transport.certificate import CertificateError, load_contexts

            try:
                load_contexts(certificates.terms)
            except CertificateError as error:
                yield _error(certificates.terms.certificate, str(error))

    def _swap(self, prepared: _Prepared) -> bool:
        loaded, directory, use = prepared.loaded, prepared.directory, prepared.use
        assert loaded is not None
        assert directory is not None
        assert use is not None
        try:
            use()
        except Exception:  # a fault of ours must not leave one half new and the other one old
            self._log.exception("the new configuration cannot be used, the old one stays")
            self._ready(self._loaded, self._directory)()
            return False
        self._loaded, self._directory = loaded, directory
        for certificates in self._certificates:
            certificates.reload()
        return True

    def _tell(self, result: Reloaded) -> None:
        for finding in result.findings:
            told = self._log.error if finding.severity is Severity.ERROR else self._log.warning
            at = f"{from_here(finding.file)}:{finding.line}:{finding.column}"
            told("finding", at=at, what=finding.message)
        if not result.ok:
            self._log.error("not reloaded, everything stays as it was", cause=result.cause)
            return
        if result.restart:
            self._log.warning("taken at the next start only", keys=", ".join(result.restart))
        self._log.info("reloaded", cause=result.cause, version=result.version, flows=result.flows)

    async def _serve_soon(self) -> None:
        while self._again:
            self._again = False
            await self.reload("signal")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            state = await asyncio.to_thread(self._state)
            if state == self._seen or self._lock.locked():
                continue
            while True:  # editors and copies write several files, and not in one go
                await asyncio.sleep(AT_REST)
                before, state = state, await asyncio.to_thread(self._state)
                if state == before:
                    break
            if state != self._seen:
                await self.reload("files")

    def _state(self) -> State:
        loaded = self._loaded
        files = files_of(self._started.path, loaded.places, loaded.directory)
        terms = (path for certificates in self._certificates for path in certificates.terms.files)
        return state_of((*files, *terms))


def _as_started(loaded: Loaded, started: Loaded) -> Loaded:
    """Return a configuration with all of `voipbin.yaml` as at the start, but where flows and directory are."""
    places = loaded.places.model_copy(update={"data": started.places.data})
    return replace(loaded, config=started.config, places=places)


def _changed(old: Any, new: Any, key: str = "") -> Iterator[str]:
    """Yield the keys that differ, dotted, but those that are taken at once."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old:
            if key or name not in TAKEN:
                yield from _changed(old[name], new[name], f"{key}.{name}" if key else name)
    elif old != new:
        yield key


def _error(file: Path, message: str) -> Finding:
    return Finding(file, 1, 1, Severity.ERROR, message)
