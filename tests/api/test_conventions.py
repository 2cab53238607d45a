"""Errors, pages and limits: the same everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from tests.api.serving import Api, serving_api


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "reason"),
    [
        ("GET", "/tags/47082bed-6d33-48cd-aa93-c9e151dbd66d", None, 404, "TAG_NOT_FOUND"),
        ("GET", "/agents/47082bed-6d33-48cd-aa93-c9e151dbd66d", None, 404, "AGENT_NOT_FOUND"),
        ("GET", "/tags/no-id", None, 400, "INVALID_ID"),
        ("GET", "/nothing", None, 404, "ROUTE_NOT_FOUND"),
        ("PATCH", "/tags", None, 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/tags", {"name": 5}, 400, "INVALID_ARGUMENT"),
        ("GET", "/tags?page_token=yesterday", None, 400, "INVALID_REQUEST_PARAMETER"),
    ],
)
async def test_every_error_has_the_envelope(
    api: Api, method: str, path: str, body: Any, code: int, reason: str
) -> None:
    headers = {"Authorization": f"AccessKey {api.token}"}
    status, answer = await api.ask(method, path, body, params={}, headers=headers)
    assert (status, answer["error"]["reason"]) == (code, reason)
    assert set(answer["error"]) == {"status", "reason", "message", "request_id", "details"}


async def test_a_body_that_is_no_json(api: Api) -> None:
    status, answer = await api.ask("POST", "/tags", data="{", headers={"Content-Type": "application/json"})
    assert (status, answer["error"]["reason"]) == (400, "INVALID_JSON_BODY")


async def test_pages_walk_over_everything_once(api: Api) -> None:
    for number in range(25):
        await api.ask("POST", "/tags", {"name": str(number), "detail": ""})
    names, token = [], ""
    while True:
        params = {"accesskey": api.token, "page_size": "7", "page_token": token}
        _, page = await api.ask("GET", "/tags", params=params)
        if not page["result"]:
            break
        names += [tag["name"] for tag in page["result"]]
        token = page["next_page_token"]
    assert page == {"result": [], "next_page_token": ""}
    assert names == [str(number) for number in reversed(range(25))]


@pytest.mark.parametrize("size", ["0", "101", "-1", "many", "1e2"])
async def test_an_odd_page_size_means_a_hundred(api: Api, size: str) -> None:
    params = {"accesskey": api.token, "page_size": size}
    assert (await api.ask("GET", "/tags", params=params))[0] == 200


async def test_a_put_changes_what_it_names_and_a_delete_is_soft(api: Api) -> None:
    _, tag = await api.ask("POST", "/tags", {"name": "a", "detail": "b"})
    assert tag["tm_create"].endswith("Z")
    assert tag["tm_delete"] is None
    _, changed = await api.ask("PUT", f"/tags/{tag['id']}", {"name": "c"})
    assert (changed["name"], changed["detail"]) == ("c", "b")
    _, deleted = await api.ask("DELETE", f"/tags/{tag['id']}")
    assert deleted["tm_delete"] is not None
    assert (await api.ask("GET", f"/tags/{tag['id']}"))[1] == deleted
    assert (await api.ask("GET", "/tags"))[1]["result"] == []
    assert (await api.ask("DELETE", f"/tags/{tag['id']}"))[0] == 404


async def test_too_many_requests_are_told_when_to_come_back(api: Api) -> None:
    answers = await asyncio.gather(*(api.ask("GET", "/tags") for _ in range(80)))
    refused = [body["error"] for status, body in answers if status == 429]
    assert refused
    assert refused[0]["details"] == [{"limited_by": "customer"}]
    assert (await api.ask("GET", "/ping", params={}))[0] == 200


async def test_commands_on_the_machine_are_not_counted_with_the_programs(
    database: str, tmp_path: Path
) -> None:
    own = {"accesskey": "vb_own"}
    async with serving_api(database, tmp_path, SimpleNamespace(own_key=own["accesskey"])) as api:
        answers = await asyncio.gather(*(api.ask("GET", "/tags", params=own) for _ in range(80)))
        assert {status for status, _ in answers} == {200}
        assert (await api.ask("GET", "/tags"))[0] == 200


async def test_a_body_without_end_is_not_read_to_its_end(api: Api) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield b" " * 1024 * 1024

    try:
        async with api.http.post(api.base + "/v1.0/tags", data=endless()) as answer:
            told = await answer.json()
        assert (answer.status, told["error"]["reason"]) == (400, "INVALID_ARGUMENT")
        assert "4 MiB" in told["error"]["message"]
    except aiohttp.ClientError:  # the connection was closed while we sent
        pass
    assert sent < 32
    assert (await api.ask("GET", "/tags"))[0] == 200
