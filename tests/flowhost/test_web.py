"""What flows send to web servers: signed, tried again, never waited for beyond measure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from flows import StepFailed
from voipbin_sip.flowhost import web as module
from voipbin_sip.flowhost.web import FlowWeb
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import HostGuard


class Site:
    """Answers with the statuses it is told, and keeps what it got."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: list[tuple[str, str, str, str]] = []
        self.slow = 0.0
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        headers = request.headers
        self.got.append(
            (request.method, headers.get("Content-Type", ""), headers.get("X-Sign", ""), await request.text())
        )
        await asyncio.sleep(self.slow)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200, text="grüß")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_route("*", "/{name}", site.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield site
    await runner.cleanup()


class Pauses:
    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
async def client() -> AsyncIterator[WebClient]:
    client = WebClient(HostGuard(["127.0.0.1"]))
    yield client
    await client.close()


def make(client: WebClient) -> tuple[FlowWeb, Pauses]:
    pauses = Pauses()
    flow_web = FlowWeb(client, sleep=pauses)
    flow_web.signed = lambda body: [("X-Sign", str(len(body)))]
    return flow_web, pauses


async def test_a_question_is_sent_once_and_unsigned(site: Site, client: WebClient) -> None:
    flow_web, pauses = make(client)
    site.statuses = [503]
    answer = await flow_web.request("POST", site.url, body='{"a": "ä"}', content_type="application/json")
    assert (answer.status, answer.body) == (503, "grüß")
    assert site.got == [("POST", "application/json", "", '{"a": "ä"}')]
    assert pauses.slept == []


async def test_a_webhook_is_signed_and_tried_three_times(site: Site, client: WebClient) -> None:
    flow_web, pauses = make(client)
    site.statuses = [500, 502, 503, 504]
    answer = await flow_web.notify("PUT", site.url, body="äb", content_type="text/plain")
    assert (answer.status, pauses.slept) == (503, [1.0, 1.0])
    assert site.got == [("PUT", "text/plain", "3", "äb")] * 3


@pytest.mark.parametrize(("statuses", "came"), [([404], 404), ([500, 201], 201), ([302], 302)])
async def test_an_answer_ends_the_tries(
    site: Site, client: WebClient, statuses: list[int], came: int
) -> None:
    flow_web, _ = make(client)
    site.statuses = [*statuses]
    answer = await flow_web.notify("POST", site.url, body="", content_type="text/plain")
    assert (answer.status, len(site.got)) == (came, len(statuses))


async def test_nobody_there_is_a_failed_step_after_three_tries(client: WebClient) -> None:
    flow_web, pauses = make(client)
    with pytest.raises(StepFailed, match="cannot be reached"):
        await flow_web.notify("POST", "http://127.0.0.1:9/", body="", content_type="text/plain")
    assert pauses.slept == [1.0, 1.0]


async def test_private_hosts_are_refused() -> None:
    client = WebClient(HostGuard())
    flow_web, _ = make(client)
    with pytest.raises(StepFailed, match="private range"):
        await flow_web.request("POST", "http://127.0.0.1:9/", body="", content_type="text/plain")
    await client.close()


@pytest.mark.parametrize("kind", ["text/plain\r\nX-Evil: 1", "a\x00b"])
async def test_a_content_type_cannot_add_headers(site: Site, client: WebClient, kind: str) -> None:
    flow_web, _ = make(client)
    with pytest.raises(StepFailed):
        await flow_web.notify("POST", site.url, body="x", content_type=kind)
    assert site.got == []


async def test_what_nobody_waits_for_is_sent_all_the_same(site: Site, client: WebClient) -> None:
    flow_web, _ = make(client)
    site.statuses, site.slow = [500], 0.05
    for number in range(3):
        flow_web.send("POST", site.url, body=str(number), content_type="text/plain")
    assert site.got == []
    await flow_web.close()
    assert {body for *_, body in site.got} == {"0", "1", "2"}
    assert len(site.got) == 4  # one of them twice
    with pytest.raises(StepFailed):
        flow_web.send("POST", site.url, body="", content_type="text/plain")


async def test_what_waits_is_bounded_and_the_end_does_not_wait_for_ever(
    site: Site, client: WebClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    monkeypatch.setattr(module, "LAST_SECONDS", 0.1)
    flow_web, _ = make(client)
    site.slow = 30
    flow_web.send("POST", site.url, body="", content_type="text/plain")
    flow_web.send("POST", site.url, body="", content_type="text/plain")
    with pytest.raises(StepFailed, match="too many"):
        flow_web.send("POST", site.url, body="", content_type="text/plain")
    await asyncio.wait_for(flow_web.close(), 5)


async def test_many_callers_ask_one_server_at_once(site: Site) -> None:
    client = WebClient(HostGuard(["127.0.0.1"]), per_host=module.PER_HOST)
    flow_web, _ = make(client)
    site.slow = 0.3
    asked = [flow_web.request("POST", site.url, body="", content_type="text/plain") for _ in range(60)]
    async with asyncio.timeout(2):  # eight at a time would take 2.4 s
        answers = await asyncio.gather(*asked)
    assert {answer.status for answer in answers} == {200}
    await flow_web.close()
