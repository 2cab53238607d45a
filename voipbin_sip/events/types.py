"""Which events there are, which of them webhooks get, and which VoIPBIN keeps to itself.

The latter are told to websockets and timelines here, since dashboards want them; webhooks get what VoIPBIN's get,
and besides what its users miss: digits, and who comes into a conference and leaves it.
"""

from __future__ import annotations

from collections.abc import Mapping

_INTERNAL = (
    "accesskey_", "activeflow_step", "billing_", "confbridge_", "conferencecall_", "customer_", "extension_", "file_",
    "flow_", "outbound_config_", "provider_", "providercall_", "queue_", "route_", "schedule_", "speaking_",
    "streaming_", "tag_", "transfer_", "trunk_", "number_updated", "transcribe_deleted",
)  # fmt: skip


def _kept(name: str) -> dict[str, str]:
    """Return the events of what the API makes, changes and deletes."""
    return {
        f"{name}_created": "The API has made one",
        f"{name}_updated": "The API has changed one",
        f"{name}_deleted": "The API has deleted one",
    }


EVENT_TYPES: Mapping[str, Mapping[str, str]] = {
    "call": {
        "call_created": "A call has begun, in or out",
        "call_dialing": "The INVITE is on its way, or has come",
        "call_ringing": "The far end rings, or our own ringing was sent",
        "call_progressing": "It is answered",
        "call_canceling": "A call that rings is given up",
        "call_terminating": "It is being hung up",
        "call_hangup": "It is over: by whom and why is in the resource",
        "call_updated": "Something else of it has changed: step, bridge, mute, recording, call chained to it",
        "call_deleted": "The API has deleted it",
    },
    "call: `call_id`, `activeflow_id`, `digit`": {
        "dtmf_received": "The phone has sent a digit",
    },
    "groupcall": {
        "groupcall_created": "Several calls are placed for one destination",
        "groupcall_progressing": "One of them is answered",
        "groupcall_hangup": "All of them are over",
        "groupcall_deleted": "The API has deleted it",
    },
    "activeflow": {
        "activeflow_created": "A run of a flow has begun",
        "activeflow_updated": "It is at another step, or has ended",
        "activeflow_deleted": "The API has deleted it",
    },
    "step of an activeflow": {
        "activeflow_step": "A step has been taken: place in the file, outcome, branch, changed variables",
    },
    "conference": {
        **_kept("conference"),
        "conference_updated": "Somebody has come or gone, a recording has begun or ended, or the API has changed it",
    },
    "conferencecall": {
        "participant_joined": "Somebody has come into a conference",
        "participant_left": "Somebody has left a conference",
        "conferencecall_joining": "A call is on its way into a conference",
        "conferencecall_joined": "It is in",
        "conferencecall_leaving": "It is on its way out",
        "conferencecall_leaved": "It is out",
    },
    "recording": {
        "recording_started": "A recording has begun",
        "recording_finished": "Its file is whole",
        "recording_deleted": "It was deleted with its file, by the API or for its age",
    },
    "file": {
        "file_created": "A file of a recording can be fetched",
        "file_deleted": "It is gone",
    },
    "transfer": {
        "transfer_created": "A transfer has begun",
        "transfer_updated": "It has come to something",
    },
    "customer": {"customer_updated": "Name, webhook or other settings have changed"},
    "accesskey": _kept("accesskey"),
    "agent": _kept("agent"),
    "extension": _kept("extension"),
    "flow": _kept("flow"),
    "number": _kept("number"),
    "outbound_config": _kept("outbound_config"),
    "provider": _kept("provider"),
    "route": _kept("route"),
    "tag": _kept("tag"),
    "trunk": _kept("trunk"),
}
"""Every type of event and when it comes, by the resource that it carries."""


def goes_to_webhooks(type_: str) -> bool:
    """Return whether webhooks get events of a type."""
    return not type_.startswith(_INTERNAL)
