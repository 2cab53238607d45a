"""The flows of calls that need none of the operator's: to another phone, outside, into a conference or a room."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from flows import Flow, load_flow_text
from voipbin_sip.calls.call import Address


def connecting_flow(to: Address) -> Flow:
    """Return the flow that connects a caller with somebody; how that fails is how the call fails."""
    destination = {"type": to.type, "target": to.target}
    option = {"destinations": [destination], "early_media": True, "relay_reason": True}
    return _made("direct", {"type": "connect", "option": option})


def conference_flow(name: str) -> Flow:
    """Return the flow that leads a caller into a conference."""
    join = {"type": "conference_join", "option": {"conference_id": name}}
    return _made("conference", {"type": "answer"}, join)


def room_flow(room: str) -> Flow:
    """Return the flow of a call that takes another one's place in a room (`rooms.Room.name`)."""
    kind, _, name = room.partition(":")
    return _made("room", {"type": "confbridge_join", "option": {"confbridge_id": name, "type": kind}})


def _made(name: str, *steps: Mapping[str, object]) -> Flow:
    flow, findings = load_flow_text(json.dumps({"name": name, "actions": steps}), Path(name))
    assert flow is not None, findings
    return flow
