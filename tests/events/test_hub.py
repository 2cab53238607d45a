"""Topics and queues."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from voipbin_sip.events.event import Event
from voipbin_sip.events.hub import Hub, Subscriber, scopes

CUSTOMER, AGENT = uuid4(), uuid4()


def event(kind: str = "conferencecall", resource: UUID | None = None) -> Event:
    return Event(1, f"{kind}_joined", kind, resource or uuid4(), CUSTOMER, "{}", owner_id=AGENT)


async def test_a_full_queue_loses_what_comes_and_counts_it() -> None:
    slow = Subscriber({f"customer_id:{CUSTOMER}"}, capacity=3)
    hub = Hub()
    hub.enter(slow)
    for _ in range(5):
        hub.told(event())
    assert slow.lost == 2
    for _ in range(3):
        await slow.take()
    hub.leave(slow)
    hub.told(event())
    assert len(hub) == 0


def test_a_topic_names_whole_words() -> None:
    """Events of conferencecalls are no events of conferences, though the word begins alike."""
    told = event()
    for topic, wanted in (
        (f"customer_id:{CUSTOMER}:conference", False),
        (f"customer_id:{CUSTOMER}:conferencecall", True),
        (f"customer_id:{CUSTOMER}:conferencecall:{told.resource_id}", True),
        (f"agent_id:{AGENT}", True),
        (f"agent_id:{AGENT}:call", False),
        (f"customer_id:{CUSTOMER}:*", False),
    ):
        assert Subscriber({topic}).wants(told) is wanted, topic


@pytest.mark.parametrize(
    "topic", ["", "customer_id", "customer_id:", "queue:1", "agent_id:a:b:c:d", "agent_id:a::b"]
)
def test_what_is_no_topic(topic: str) -> None:
    with pytest.raises(ValueError, match="no topic"):
        scopes([topic])
