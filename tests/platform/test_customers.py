"""Where events go: as the API says, unless the configuration does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.resources.things import FAST
from voipbin_sip.events.delivery import Target
from voipbin_sip.platform.customers import Customers, DeclaredWebhook
from voipbin_sip.platform.platform import Platform
from voipbin_sip.resources.base import DEFAULT_CUSTOMER
from voipbin_sip.resources.catalogue import Declared
from voipbin_sip.store.store import Store
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import HostGuard

OURS = "https://office.example.com/events"


@pytest.fixture
async def customers(tmp_path: Path) -> AsyncIterator[Customers]:
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}", FAST)
    await store.open()
    platform = Platform(store, WebClient(HostGuard(())), tmp_path)
    await platform.load()
    yield platform.customers
    await platform.close()


async def test_without_a_webhook_events_go_nowhere(customers: Customers) -> None:
    assert customers.webhook(DEFAULT_CUSTOMER) is None
    assert customers.secret(DEFAULT_CUSTOMER) is None


async def test_the_api_says_where_and_the_secret_is_not_shown(customers: Customers) -> None:
    changed = await customers.update(DEFAULT_CUSTOMER, webhook_uri=OURS, webhook_secret="s")
    assert customers.webhook(DEFAULT_CUSTOMER) == Target(DEFAULT_CUSTOMER, "POST", OURS)
    assert customers.secret(DEFAULT_CUSTOMER) == b"s"
    assert "webhook_secret" not in changed.public()
    assert changed.webhook_secret not in ("", "s")  # sealed


async def test_a_declared_one_takes_precedence_and_is_gone_with_its_declaration(customers: Customers) -> None:
    await customers.update(DEFAULT_CUSTOMER, webhook_uri="http://a.example/", webhook_secret="old")
    customers.declare(DeclaredWebhook(OURS, "PUT", "s"))
    shown = customers.get(DEFAULT_CUSTOMER)
    assert (shown.webhook_uri, shown.webhook_method) == (OURS, "PUT")
    assert customers.webhook(DEFAULT_CUSTOMER) == Target(DEFAULT_CUSTOMER, "PUT", OURS)
    assert customers.secret(DEFAULT_CUSTOMER) == b"s"
    customers.declare(None)
    assert customers.get(DEFAULT_CUSTOMER).webhook_uri == "http://a.example/"
    assert customers.secret(DEFAULT_CUSTOMER) == b"old"


@pytest.mark.parametrize(
    "fields", [{"webhook_uri": ""}, {"webhook_method": "GET"}, {"webhook_secret": "mine"}]
)
async def test_a_declared_one_is_not_changed_by_the_api(customers: Customers, fields: dict[str, str]) -> None:
    customers.declare(DeclaredWebhook(OURS))
    with pytest.raises(Declared, match="key webhook"):
        await customers.update(DEFAULT_CUSTOMER, name="new", **fields)
    assert customers.get(DEFAULT_CUSTOMER).name == "default"


async def test_the_rest_is_changed_by_clients_that_repeat_what_is_declared(customers: Customers) -> None:
    customers.declare(DeclaredWebhook(OURS))
    changed = await customers.update(
        DEFAULT_CUSTOMER, name="new", webhook_uri=OURS, webhook_method="POST", webhook_secret=""
    )
    assert (changed.name, changed.webhook_uri) == ("new", OURS)
    customers.declare(None)
    assert customers.get(DEFAULT_CUSTOMER).webhook_uri == ""  # what is declared is not written down


async def test_unsigned_where_no_secret_is_declared(customers: Customers) -> None:
    await customers.update(DEFAULT_CUSTOMER, webhook_secret="old")
    customers.declare(DeclaredWebhook(OURS))
    assert customers.secret(DEFAULT_CUSTOMER) is None
