"""Requests made from our own OpenAPI document: every answer is one that the document tells of."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import aiohttp
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.databases import sqlite_url
from tests.platform.office import Office
from voipbin_sip.api import app as application
from voipbin_sip.api.app import make_api
from voipbin_sip.api.services import Services
from voipbin_sip.resources.kinds.accesskey import make_accesskey
from voipbin_sip.transport.limits import Rate

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
    allow_header_conformance,
]

# To another method, these are the ids of resources, and wrong ones.
SHADOWED = {"/v1.0/numbers/renew", "/v1.0/providers/setup"}

document = make_api(cast(Services, None)).openapi()
# Its list of edge cases makes five thousand requests, which say nothing more and take a minute and a half.
config = schemathesis.Config.from_dict({"phases": {"coverage": {"enabled": False}}})
schema = schemathesis.openapi.from_dict(document, config=config)


@pytest.fixture(scope="module")
def api(newest_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The API, with calls, in a thread of its own and without limits of requests: its address and a token."""
    folder = tmp_path_factory.mktemp("api")
    shutil.copy(newest_sqlite, folder / "test.db")
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    running: list[tuple[str, str]] = []

    async def serve() -> None:
        office = await Office.opened(sqlite_url(folder / "test.db"), folder)
        key, token = make_accesskey("tests")
        await office.platform.catalogue.create(key)
        host, port = office.platform.open("127.0.0.1", 0)
        await office.platform.answer()
        running.append((f"http://{host}:{port}", token))
        ready.set()
        await over.wait()
        await office.platform.close_api()
        await office.close()

    with pytest.MonkeyPatch.context() as patch:
        for name in ("ADDRESS_RATE", "LOGIN_RATE", "CUSTOMER_RATE"):
            patch.setattr(application, name, Rate(0, 0))
        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
        thread.start()
        assert ready.wait(20)
        yield running[0]
        loop.call_soon_threadsafe(over.set)
        thread.join(20)


@schema.parametrize()
@settings(
    max_examples=3,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_documented(api: tuple[str, str], case: schemathesis.Case[Any]) -> None:
    base, token = api
    case.call_and_validate(
        base_url=base,
        checks=CHECKS,
        excluded_checks=[unsupported_method] if case.path in SHADOWED else [],
        headers={"Authorization": f"Bearer {token}"},
    )


async def test_nothing_is_told_without_a_token(api: tuple[str, str]) -> None:
    async with aiohttp.ClientSession() as http:
        for path, operations in document["paths"].items():
            for method in operations if path.startswith("/v1.0") else ():
                url = api[0] + re.sub(r"\{\w+\}", str(uuid4()), path)
                async with http.request(method, url, json={}) as answer:
                    told = await answer.json()
                    assert (answer.status, told["error"]["status"]) == (401, "UNAUTHENTICATED"), (
                        method,
                        path,
                    )


def test_every_refusal_in_the_document_is_the_envelope() -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for code, answer in operation["responses"].items():
                if int(code) >= 400:
                    content = answer["content"]["application/json"]["schema"]
                    assert content == {"$ref": "#/components/schemas/ErrorEnvelope"}, (method, path, code)
            if path.startswith("/v1.0"):
                assert {"400", "401", "404", "405", "429", "500", "503"} <= operation["responses"].keys(), (
                    path
                )
