"""The machine: open files, buffers, cores, memory, and whether it wakes a process in time."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.owners import PROC
from voipbin_sip.doctor.patient import Patient
from voipbin_sip.transport.udp import RECEIVE_BUFFER

MEBI = 1024 * 1024
LEAST_MEMORY = 512 * MEBI  # the server with its speech engines and a few calls
SPARE_FILES = 200  # of a media worker, besides two sockets for each leg
WAKES = 20
WAKE = 0.01  # seconds
LATE = 0.02  # seconds: a tick of the media engine, which is lost then
_CGROUP_MEMORY = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


async def machine(patient: Patient, notes: Notes) -> None:
    """Look at the limits of the machine and of this user."""
    _files(patient, notes)
    _cores(patient, notes)
    await apart(lambda: _memory(notes))
    await apart(lambda: _buffers(notes))
    await apart(lambda: _lateness(notes))


def _files(patient: Patient, notes: Notes) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)  # workers raise theirs to the hard limit
    legs = len(patient.config.media.port_range) // 2
    wanted = 2 * -(-legs // patient.config.media.worker_count) + SPARE_FILES
    if most != resource.RLIM_INFINITY and most < wanted:
        notes.warning(
            f"a media worker may open {most} files, its share of media.ports wants {wanted}",
            f"raise the hard limit: LimitNOFILE={wanted} in systemd, or a smaller media.ports",
            where=patient.key("media", "ports"),
        )
    else:
        shown = "any number of" if most == resource.RLIM_INFINITY else most
        notes.ok(f"a media worker may open {shown} files")


def _cores(patient: Patient, notes: Notes) -> None:
    cores, workers = len(os.sched_getaffinity(0)), patient.config.media.worker_count
    if workers > cores:
        notes.warning(
            f"media.workers is {workers}, and there are {cores} cores for us",
            "workers that share a core are late together: media.workers: auto",
            where=patient.key("media", "workers"),
        )
    else:
        notes.ok(f"{_some(workers, 'media worker')} on {_some(cores, 'core')}")
    if cores == 1:
        notes.info(
            "there is one core: signalling, sound and speech share it",
            "fine for a few calls; a second core keeps speech from disturbing them",
        )


def _memory(notes: Notes) -> None:
    limit, known = _container_limit(), _meminfo()
    total = min(known.get("MemTotal", 0), limit or known.get("MemTotal", 0))
    free = known.get("MemAvailable", 0)
    if total and total < LEAST_MEMORY:
        what = "the container may use" if limit and limit == total else "the machine has"
        notes.warning(f"{what} {total // MEBI} MiB of memory", f"give it {LEAST_MEMORY // MEBI} MiB or more")
    elif free and free < LEAST_MEMORY // 2:
        notes.warning(
            f"{free // MEBI} MiB of memory are left",
            "end other programs or add memory: the server needs some 250",
        )
    elif total:
        notes.ok(f"{total // MEBI} MiB of memory, {free // MEBI} MiB left")
    swapped = known.get("SwapTotal", 0) - known.get("SwapFree", 0)
    if swapped > 256 * MEBI:
        notes.info(
            f"{swapped // MEBI} MiB are swapped out", "sound stutters when the server's memory is: add memory"
        )


def _container_limit() -> int | None:
    for path in _CGROUP_MEMORY:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else None
    return None


def _meminfo() -> dict[str, int]:
    """Return /proc/meminfo in octets."""
    try:
        lines = (PROC / "meminfo").read_text().splitlines()
    except OSError:
        return {}
    return {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}


def _buffers(notes: Notes) -> None:
    try:
        most = int((PROC / "sys/net/core/rmem_max").read_text())
    except (OSError, ValueError):
        return  # containers hide it
    if most < RECEIVE_BUFFER:
        notes.info(
            f"the kernel keeps {most // 1024} KiB of SIP over UDP for us, we ask for {RECEIVE_BUFFER // 1024}",
            "many phones that register at once are served more slowly: sysctl -w "
            f"net.core.rmem_max={RECEIVE_BUFFER}",
        )
    else:
        notes.ok("buffers for bursts of SIP over UDP")


def _lateness(notes: Notes) -> None:
    """Sleep and see how late the machine wakes us. One process among the others here, so only a hint."""
    late = []
    for _ in range(WAKES):
        due = time.monotonic() + WAKE
        time.sleep(WAKE)
        late.append(time.monotonic() - due)
    late.sort()
    usual, worst = late[len(late) // 2], late[-1]
    if usual > LATE:
        notes.warning(
            f"a process that should wake is {usual * 1000:.0f} ms late, {worst * 1000:.0f} ms at worst",
            "the machine is overloaded, or its host is: sound would stutter; move other work away",
        )
    else:
        notes.ok("the machine wakes a process in time for each packet")


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
