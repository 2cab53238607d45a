"""`GET /explain`: who may ask, what is answered, and what is no question."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.serving import Api, add_agent, serving_api
from tests.databases import make_schema, sqlite_url
from tests.explain.office import write_office
from voipbin_sip.platform.explaining import Explaining
from voipbin_sip.resources.kinds.agent import Permission


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    database = sqlite_url(tmp_path / "test.db")
    await asyncio.to_thread(make_schema, database)
    async with serving_api(database, tmp_path) as running:
        yield running


@pytest.fixture
async def explaining(api: Api, tmp_path: Path) -> Api:
    view = write_office(tmp_path / "office").view()
    object.__setattr__(api.services, "explaining", Explaining(lambda: view))  # the app's work; it is frozen
    return api


async def test_without_a_server_there_is_nothing_to_explain(api: Api) -> None:
    status, answer = await api.ask("GET", "/explain", params={"accesskey": api.token, "to": "100"})
    assert (status, answer["error"]["reason"]) == (404, "NO_SERVER")


async def test_what_is_answered(explaining: Api) -> None:
    query = {"accesskey": explaining.token, "to": "1001", "from": "1000", "source": "192.0.2.20:5060"}
    status, answer = await explaining.ask("GET", "/explain", params=query)
    assert (status, answer["result"], answer["target"]) == (200, "phones", "1001")
    assert set(answer) == {
        *("call", "result", "summary", "status", "target", "sent", "decisions", "live", "notes")
    }  # fmt: skip
    assert {tuple(decision) for decision in answer["decisions"]} == {("topic", "text", "where", "lines")}


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({}, "to"),
        ({"to": ""}, "to"),
        ({"to": "a b@c d"}, "--to"),
        ({"to": "100", "from": "sip:"}, "--from"),
        ({"to": "100", "source": "office"}, "192.0.2.7"),
        ({"to": "100", "source": "192.0.2.7:99999"}, "192.0.2.7"),
        ({"to": "100", "transport": "sctp"}, "transport"),
        ({"to": "1" * 257}, "to"),
        ({"to": "100\r\nVia: x"}, "control"),
    ],
)
async def test_what_is_no_question(explaining: Api, query: dict[str, str], word: str) -> None:
    status, answer = await explaining.ask("GET", "/explain", params={"accesskey": explaining.token, **query})
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert word in answer["error"]["message"]


async def test_only_those_who_manage_may_ask(explaining: Api) -> None:
    for name, permission, expected in (
        ("a@example.com", Permission.AGENT, 403),
        ("b@example.com", Permission.MANAGER, 200),
    ):
        await add_agent(explaining, name, permission)
        login = {"username": name, "password": "open sesame"}
        _, answer = await explaining.ask("POST", "/auth/login", login, params={})
        query = {"token": answer["token"], "to": "200", "from": "1000"}
        assert (await explaining.ask("GET", "/explain", params=query))[0] == expected
