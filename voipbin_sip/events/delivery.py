"""One event for one webhook, as it waits in the outbox."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from voipbin_sip.events.event import Event
from voipbin_sip.store.write_behind import Row

SIGNATURE = "X-VoIPBIN-Signature"
EVENT_ID = "X-VoIPBIN-Event-Id"
ATTEMPT = "X-VoIPBIN-Attempt"


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook: whose it is, and where its events go."""

    id: UUID  # of the customer, or of the run that has its own
    method: str
    uri: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is to be sent, and how often that was tried."""

    event_id: int
    target: Target
    order_key: UUID
    body: bytes
    tries: int = 0
    next_try: float = 0.0  # seconds since 1970
    dead: bool = False
    why: str = ""

    @property
    def key(self) -> Row:
        """Return its primary key."""
        return {"event_id": self.event_id, "target": str(self.target.id)}

    @property
    def about(self) -> dict[str, str]:
        """Return the call and the run that its event is about, as log lines have them."""
        event = json.loads(self.body)
        data = event.get("data", {})
        kind = str(event.get("type", ""))
        call = data.get("id") if kind.startswith("call_") else data.get("call_id")
        if data.get("reference_type") == "call":
            call = data.get("reference_id")
        run = data.get("id") if kind.startswith("activeflow_") else data.get("activeflow_id")
        found = {"call": str(call or ""), "run": str(run or "")}
        return {name: text for name, text in found.items() if text and UUID(text).int}

    @property
    def row(self) -> Row:
        """Return it as a row of the table of deliveries."""
        return {
            **self.key,
            "method": self.target.method,
            "uri": self.target.uri,
            "order_key": str(self.order_key),
            "tries": self.tries,
            "next_try": self.next_try,
            "dead": self.dead,
            "why": self.why,
            "body": self.body.decode(),
        }

    def headers(self, secret: bytes | None) -> list[tuple[str, str]]:
        """Return the headers of the request, with the body's signature where there is a secret."""
        headers = [
            ("Content-Type", "application/json"),
            (EVENT_ID, str(self.event_id)),
            (ATTEMPT, str(self.tries + 1)),
        ]
        return [*headers, *signature(self.body, secret)]

    def failed(self, why: str, next_try: float) -> Delivery:
        """Return it after a try that failed."""
        return replace(self, tries=self.tries + 1, next_try=next_try, why=why)


def signature(body: bytes, secret: bytes | None) -> list[tuple[str, str]]:
    """Return the header that proves that a body is ours; none without a secret."""
    if not secret:
        return []
    return [(SIGNATURE, f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}")]


def delivery_for(event: Event, target: Target) -> Delivery:
    """Return what an event brings to a webhook."""
    return Delivery(event.id, target, order_key(event), event.body.encode())


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """Return the delivery of a row."""
    return Delivery(
        int(row["event_id"]),
        Target(UUID(row["target"]), row["method"], row["uri"]),
        UUID(row["order_key"]),
        row["body"].encode(),
        row["tries"],
        row["next_try"],
        bool(row["dead"]),
        row["why"],
    )


def order_key(event: Event) -> UUID:
    """Return what an event keeps its order with: the call that it is about, else its own resource."""
    data = event.data
    if data.get("reference_type") == "call" and (call := data.get("reference_id")):
        return UUID(str(call))
    return event.resource_id
