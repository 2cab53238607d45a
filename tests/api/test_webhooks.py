"""Webhooks as the API sets and shows them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import Any

from tests.api.serving import Api
from tests.events.receiver import Receiver, receiving
from tests.store.waiting import until


async def test_a_customer_names_its_webhook_and_secret(api: Api) -> None:
    async with receiving(Receiver()) as receiver:
        body = {
            "name": "Office",
            "webhook_method": "PUT",
            "webhook_uri": receiver.uri,
            "webhook_secret": "s3",
        }
        status, customer = await api.ask("PUT", "/customer", body)
        assert status == 200
        assert "s3" not in str(customer)
        await api.ask("POST", "/tags", {"name": "webhooks do not hear of tags"})
        await api.ask("POST", "/agents", {"username": "a", "password": "open sesame"})
        await until(lambda: bool(receiver.requests))
        assert [event["type"] for event in receiver.events] == ["agent_created"]
        headers, data = receiver.requests[-1]
        signed = hmac.new(b"s3", data, hashlib.sha256).hexdigest()
        assert headers["X-VoIPBIN-Signature"] == f"sha256={signed}"
    assert (await api.ask("PUT", "/customer", {"webhook_uri": "ftp://a"}))[0] == 400


async def test_webhooks_to_private_networks_are_refused_unless_they_are_named(api: Api) -> None:
    for uri in ("http://127.0.0.2:9/", "http://[::1]/", "https://localhost/events", "http://2130706433/"):
        status, body = await api.ask("PUT", "/customer", {"webhook_uri": uri})
        assert (status, body["error"]["reason"]) == (400, "INVALID_ARGUMENT"), uri
        assert "name it under http.allow_private" in body["error"]["message"]
    assert (await api.ask("GET", "/customer"))[1]["webhook_uri"] == ""
    assert (await api.ask("PUT", "/customer", {"webhook_uri": "http://127.0.0.1:9/"}))[0] == 200  # named
    assert (await api.ask("PUT", "/customer", {"webhook_uri": "https://gone.invalid/"}))[0] == 200
    assert (await api.ask("PUT", "/customer", {"name": "x", "webhook_uri": "https://gone.invalid/"}))[
        0
    ] == 200


async def test_what_was_given_up_is_listed_sent_again_or_forgotten(api: Api) -> None:
    async with receiving(Receiver(status=500)) as receiver:
        await api.ask("PUT", "/customer", {"webhook_uri": receiver.uri})
        for name in ("a", "b"):
            await api.ask("POST", "/agents", {"username": name, "password": "open sesame"})
        found: list[dict[str, Any]] = []
        while len(found) < 2:
            await asyncio.sleep(0.3)
            found = (await api.ask("GET", "/webhook_deliveries"))[1]["result"]
        assert found[0]["why"] == "status 500"
        receiver.status = 200
        receiver.requests.clear()
        first, second = found[0]["event_id"], found[1]["event_id"]
        assert (await api.ask("POST", f"/webhook_deliveries/{first}/retry"))[0] == 200
        assert (await api.ask("DELETE", f"/webhook_deliveries/{second}"))[0] == 200
        await until(lambda: bool(receiver.requests))
        assert receiver.requests[0][0]["X-VoIPBIN-Event-Id"] == str(first)
        while found:
            await asyncio.sleep(0.3)
            found = (await api.ask("GET", "/webhook_deliveries"))[1]["result"]
        assert (await api.ask("DELETE", f"/webhook_deliveries/{second}"))[0] == 404
