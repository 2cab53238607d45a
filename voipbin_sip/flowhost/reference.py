"""A call as JSON, for `voipbin.flow.reference_data`: what a flow hands on when it asks others what to do."""

from __future__ import annotations

import json
from dataclasses import asdict

from voipbin_sip.calls.call import Call


def call_as_json(call: Call) -> str:
    """Return the call as it is now, with VoIPBIN's names."""
    document = {
        "id": str(call.id),
        "type": "flow",
        "groupcall_id": str(call.groupcall_id) if call.groupcall_id is not None else "",
        "source": asdict(call.source),
        "destination": asdict(call.destination),
        "status": str(call.status),
        "direction": str(call.direction),
        "hangup_by": call.hangup_by,
        "hangup_reason": call.hangup_reason,
        **{f"tm_{status}": moment.isoformat() for status, moment in call.times.items()},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
