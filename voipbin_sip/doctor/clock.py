"""The clock: does the kernel believe that it is right (adjtimex(2)), are time zones known."""

from __future__ import annotations

import ctypes
import zoneinfo
from datetime import UTC, datetime

from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import Patient

ERROR_STATE = 5  # TIME_ERROR: not synchronised
UNSYNCHRONISED = 0x40  # STA_UNSYNC
MAX_ERROR = 2_000_000  # microseconds that the kernel thinks it may be off
_BORN = datetime(2025, 1, 1, tzinfo=UTC)  # no clock that is right shows less


class _Timex(ctypes.Structure):
    """`struct timex` of Linux, as far as it is read; the rest is room that the kernel writes to."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 40),
    )


async def clock(patient: Patient, notes: Notes) -> None:
    """Look at the kernel's view of its clock, and at the zones that flows name."""
    now = datetime.now(UTC)
    if now < _BORN:
        notes.error(
            f"the clock shows {now:%Y-%m-%d}",
            "certificates and opening hours go by it: set it, and run chrony or systemd-timesyncd",
        )
    else:
        _kernel(notes)
    _zones(patient, notes)


def _kernel(notes: Notes) -> None:
    found = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(found))
    except (OSError, AttributeError):
        state = -1  # no Linux
    if state < 0:
        notes.info("the kernel does not tell whether its clock is right", "run chrony or systemd-timesyncd")
    elif state == ERROR_STATE or found.status & UNSYNCHRONISED:
        notes.info(
            "nothing on this machine keeps its clock right, as far as the kernel knows",
            "opening hours, certificates and reports go by it: run chrony or systemd-timesyncd. A virtual machine "
            "or container may have its host's, which this does not show",
        )
    elif found.maxerror > MAX_ERROR:
        notes.warning(
            f"the clock may be {found.maxerror / 1e6:.1f} s off, by the kernel's own estimate",
            "does chrony or systemd-timesyncd reach its servers?",
        )
    else:
        notes.ok("the clock is kept right")


def _zones(patient: Patient, notes: Notes) -> None:
    named = {
        str(zone)
        for flow in patient.flows
        for action in flow.every_action()
        if (zone := action.option.get("timezone"))
    } or {"Europe/Berlin"}
    for zone in sorted(named):
        try:
            zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            notes.error(
                f"the time zone {zone} is not known here", "install tzdata: by pip, or the system's package"
            )
            return
    local = datetime.now().astimezone()
    notes.ok(f"time zones are known; this machine's is {local.tzname()} ({local:%z})")
