"""What `voipbin-sip check` finds, in short."""

from __future__ import annotations

from flows.findings import Severity
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import Patient

SHOWN = 3  # of each kind
_USUAL = {
    Severity.ERROR: "correct it: with errors a server does not start, and a running one keeps what it has",
    Severity.WARNING: "correct it, unless it is meant so",
}


async def configuration(patient: Patient, notes: Notes) -> None:
    """Tell how many mistakes there are, and the first ones."""
    if not patient.path.exists():
        notes.error(f"there is no file {patient.path}", "name the configuration: --config FILE")
        return
    advice = f"see all of them: voipbin-sip check {patient.path}"
    for severity, note in ((Severity.ERROR, notes.error), (Severity.WARNING, notes.warning)):
        faults = [fault for fault in patient.faults if fault.severity is severity]
        for fault in faults[:SHOWN]:
            note(fault.message, fault.why or _USUAL[severity], where=f"{fault.file}:{fault.line}")
        if len(faults) > SHOWN:
            note(f"{len(faults) - SHOWN} more {severity.value}s of this kind", advice)
    if not patient.faults:
        notes.ok(f"{patient.path} and all it names have no mistakes")
