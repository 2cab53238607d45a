"""Events of webhooks and websockets."""

from __future__ import annotations

from collections.abc import Iterator

from reference.tables import table
from voipbin_sip.events.types import EVENT_TYPES, goes_to_webhooks


def events() -> Iterator[str]:
    """Yield docs/reference/events.md."""
    rows = [
        (f"`{name}`", when, resource, "yes" if goes_to_webhooks(name) else "no")
        for resource, types in EVENT_TYPES.items()
        for name, when in types.items()
    ]
    yield from ("", *table(("type", "when", "`data`", "webhooks"), rows))
