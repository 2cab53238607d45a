"""Which events webhooks get, and which VoIPBIN keeps to itself.

The latter are told to websockets and timelines here, since dashboards want them; webhooks get what VoIPBIN's get,
and besides what its users miss: digits, and who comes into a conference and leaves it.
"""

from __future__ import annotations

_INTERNAL = (
    "accesskey_", "activeflow_step", "billing_", "confbridge_", "conferencecall_", "customer_", "extension_", "file_",
    "flow_", "outbound_config_", "provider_", "providercall_", "queue_", "route_", "schedule_", "speaking_",
    "streaming_", "tag_", "transfer_", "trunk_", "number_updated", "transcribe_deleted",
)  # fmt: skip


def goes_to_webhooks(type_: str) -> bool:
    """Return whether webhooks get events of a type."""
    return not type_.startswith(_INTERNAL)
