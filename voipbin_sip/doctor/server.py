"""The running server in its own words: version, health, the last reload, webhooks that were given up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voipbin_sip import __version__
from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.owners import family, started, words_of
from voipbin_sip.doctor.patient import NoAnswer, Patient

MOST = 3  # findings of a reload, receivers of webhooks
WORKER = "media.worker"  # among the words of a worker's command line
STARTING = 20.0  # seconds that a server takes at most until all its workers run
FAULTS: Mapping[str, str] = {
    "media": "see the log for why a worker ended; too much load: fewer calls, or more cores and media.workers",
    "database": "see the area 'database'; what waits is written once it is back",
    "configuration": "correct what the last reload found, below",
    "webhooks": "see the area 'receivers'; events wait and are tried again",
    "mail": "see the area 'receivers'; mails wait for some hours, refused ones are lost",
    "providers": "see the area 'providers'",
    "event_loop": "the machine or the database is overloaded; see the area 'machine'",
    "draining": "it was told to stop; start it anew once its calls are over",
}


async def server(patient: Patient, notes: Notes) -> None:
    """Ask the running server how it is."""
    if patient.server is None:
        notes.info("no server runs with this configuration", f"voipbin-sip serve --config {patient.path}")
        return
    try:
        await apart(lambda: _ask(patient, notes))
    except NoAnswer as error:
        notes.error(
            f"a server runs (process {patient.server.pid}), but its API does not answer: {error}",
            "wait a moment if it starts or ends; else see its log, and end it: calls cannot be seen or steered",
        )


def _ask(patient: Patient, notes: Notes) -> None:
    """Raise NoAnswer."""
    assert patient.server is not None
    version = patient.ask("/v1.0/timelines/calls-live")["server"]["version"]
    if version == __version__:
        notes.ok(f"version {version} runs (process {patient.server.pid})")
    else:
        notes.warning(
            f"version {version} runs, {__version__} is installed",
            "start it anew when there are no calls: SIGTERM lets them end first",
        )
    health = patient.ask("/health")
    for part, fault in health["faults"].items():
        note = notes.error if health["status"] == "unavailable" else notes.warning
        note(f"{part.replace('_', ' ')}: {fault}", FAULTS.get(part, "see the server's log"))
    if not health["faults"]:
        notes.ok("it says that it is well")
    _workers(notes, patient.server.pid)
    _reload(notes, patient.ask("/v1.0/reload"))
    try:
        dead = patient.ask("/v1.0/webhook_deliveries?dead=true")["result"]
    except NoAnswer as error:  # all that came before is not from the database
        notes.warning(f"what it remembers cannot be read: {error}", "see the area 'database'; calls go on")
    else:
        _deliveries(notes, dead)


def _workers(notes: Notes, pid: int) -> None:
    """See whether a media worker is younger than the server: the one before it has died, and its calls with it."""
    began = started(pid)
    ages = [started(one) for one in family(pid) if WORKER in words_of(one)]
    late = [age - began for age in ages if age is not None and began is not None and age - began > STARTING]
    if late:
        notes.warning(
            f"{len(late)} of {len(ages)} media workers were started anew, the last {max(late) / 3600:.1f} hours "
            "after the server",
            "a worker that ends takes its calls with it: the server's log says why; memory, perhaps (dmesg)",
        )
    elif ages:
        notes.ok("no media worker had to be started anew")


def _reload(notes: Notes, last: Mapping[str, Any]) -> None:
    if last["result"] == "reloaded":
        if last["restart"]:
            notes.info(
                f"these keys were changed since its start and are not in force: {', '.join(last['restart'])}",
                "start the server anew",
            )
        return
    errors = [found for found in last["findings"] if found["severity"] == "error"]
    for found in errors[:MOST]:
        notes.error(
            f"the last reload ({last['cause']}) was refused, the old flows and directory go on: {found['message']}",
            "correct it; the files are read again once they are at rest",
            where=f"{found['file']}:{found['line']}",
        )


def _deliveries(notes: Notes, dead: list[Mapping[str, Any]]) -> None:
    """Tell of events that a webhook has never taken."""
    by_uri: dict[str, list[Mapping[str, Any]]] = {}
    for one in dead:
        by_uri.setdefault(one["uri"].partition("?")[0], []).append(one)
    for uri, found in list(by_uri.items())[:MOST]:
        count = f"{len(found)}{'+' if len(dead) >= 100 else ''}"
        notes.warning(
            f"{count} events for {uri} were given up: {found[-1]['why']}",
            "mend the receiver, then POST /v1.0/webhook_deliveries/EVENT_ID/retry; see docs/api.md",
        )
    if not dead:
        notes.ok("no event was given up")
