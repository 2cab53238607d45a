"""A flow that asks a web server what to do, tells it what happened, and sends a mail; a run that the API steers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
from collections.abc import AsyncIterator, Iterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import aiohttp
import pytest
import soundfile
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.phones import ports
from tests.phones.server import Server, serving
from tests.phones.wire import wire

pytestmark = pytest.mark.phones

WEB, MAIL = ports.free(), ports.free()
ORDER = f"""
name: order
on_complete_flow_id: afterwards
actions:
  - type: answer
  - id: look
    type: webhook_send
    option:
      sync: true
      uri: http://127.0.0.1:{WEB}/look
      data: '{{"from": "${{voipbin.call.source.target}}"}}'
  - type: condition_variable
    option:
      condition: "=="
      variable: "${{voipbin.webhook.body}}"
      value_type: string
      value_string: gold
      false_target_id: plain
  - type: fetch
    option: {{event_url: "http://127.0.0.1:{WEB}/next"}}
  - id: plain
    type: webhook_send
    option:
      uri: http://127.0.0.1:{WEB}/tell
      data_type: text/plain
      data: "${{voipbin.webhook.status}} ${{voipbin.call.digits}} ${{voipbin.flow.reference_data}}"
  - type: email_send
    option:
      destinations: [{{type: email, target: ops@x.example}}]
      subject: "Order ${{voipbin.call.digits}}"
      content: New order.
  - type: hangup
"""
AFTERWARDS = f"""
name: afterwards
actions:
  - type: beep
  - type: webhook_send
    option: {{uri: "http://127.0.0.1:{WEB}/after", data: "${{voipbin.call.digits}}"}}
"""
WAIT = f"""
name: wait
actions:
  - type: answer
  - {{id: long, type: sleep, option: {{duration: 60000}}}}
  - {{type: sleep, option: {{duration: 60000}}}}
  - id: far
    type: webhook_send
    option: {{uri: "http://127.0.0.1:{WEB}/far", data: "${{pushed}}"}}
  - type: sleep
    option: {{duration: 60000}}
"""
VOICEMAIL = """
name: voicemail
actions:
  - type: answer
  - type: beep
  - type: recording_start
  - type: sleep
    option: {duration: 1000}
  - type: email_send
    option:
      destinations: [{type: email, target: ops@x.example}]
      subject: Voicemail
      attachments: [{reference_type: recording, reference_id: "${voipbin.recording.id}"}]
  - type: sleep
    option: {duration: 500}
  - type: hangup
"""
NEXT = [
    {"type": "digits_receive", "option": {"duration": 5000, "length": 3}},
    {"type": "block"},  # passed over on a call
]


class Application:
    """The customer's web server and mailbox."""

    def __init__(self) -> None:
        self.got: dict[str, tuple[str, str]] = {}  # by path: signature and body
        self.mails: asyncio.Queue[Envelope] = asyncio.Queue()
        self.arrived = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.got[request.path] = request.headers.get("X-VoIPBIN-Signature", ""), body
        self.arrived.set()
        if request.path == "/next":
            return web.json_response(NEXT)
        return web.Response(text="gold")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.put_nowait(envelope)
        return "250 taken"

    async def wait_for(self, path: str) -> tuple[str, str]:
        async with asyncio.timeout(10):
            while path not in self.got:
                self.arrived.clear()
                await self.arrived.wait()
        return self.got[path]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(
        tmp_path_factory.mktemp("outside"),
        {"order": ORDER, "afterwards": AFTERWARDS, "wait": WAIT, "voicemail": VOICEMAIL},
        numbers={"100": "order", "200": "wait", "300": "voicemail"},
        http={"listen": f"127.0.0.1:{ports.free()}", "allow_private": ["127.0.0.1"]},
        smtp={"host": "127.0.0.1", "port": MAIL, "tls": "none", "from": "voicemail@x.example"},
    ) as server:
        yield server


@pytest.fixture
async def application() -> AsyncIterator[Application]:
    application, loop = Application(), asyncio.get_running_loop()
    mailbox = await loop.create_server(lambda: SMTP(application, loop=loop), "127.0.0.1", MAIL)
    app = web.Application()
    app.router.add_route("*", "/{name}", application.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", WEB).start()
    yield application
    await runner.cleanup()
    mailbox.close()


async def ask(server: Server, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as http,
        http.request(
            method, f"{server.api}/v1.0{path}", json=body, params={"accesskey": server.accesskey}
        ) as answer,
    ):
        return answer.status, json.loads(await answer.text() or "null")


async def test_a_call_is_led_by_a_web_server(server: Server, application: Application) -> None:
    await ask(server, "PUT", "/customer", {"name": "x", "webhook_secret": "between us"})
    async with wire(server.address) as line:
        call = await line.new_call("100")
        assert await call.invite() == 200
        await application.wait_for("/next")
        await asyncio.sleep(0.2)
        await call.sound.press("472")
        async with asyncio.timeout(10):
            await call.ended.wait()
    signature, body = await application.wait_for("/look")
    assert json.loads(body) == {"from": "wire@127.0.0.1"}
    assert signature == "sha256=" + hmac.new(b"between us", body.encode(), hashlib.sha256).hexdigest()
    question = json.loads(application.got["/next"][1])
    status, digits, reference = (await application.wait_for("/tell"))[1].split(" ", 2)
    assert (status, digits) == ("200", "472")
    assert json.loads(reference)["id"] == question["reference_id"]
    assert json.loads(reference)["status"] == "progressing"
    assert (await application.wait_for("/after"))[1] == "472"
    async with asyncio.timeout(10):
        envelope = await application.mails.get()
    assert (envelope.mail_from, envelope.rcpt_tos) == ("voicemail@x.example", ["ops@x.example"])
    assert isinstance(envelope.content, bytes)
    assert b"Subject: Order 472" in envelope.content


async def run_of_the_call(server: Server) -> str:
    """Return the id of the run on the only call."""
    async with asyncio.timeout(10):
        while True:
            _, page = await ask(server, "GET", "/activeflows")
            for run in page["result"]:
                if run["status"] == "running" and run["current_action"]["type"] == "sleep":
                    return str(run["id"])
            await asyncio.sleep(0.05)


async def test_a_call_is_steered_by_the_api(server: Server, application: Application) -> None:
    async with wire(server.address) as line:
        call = await line.new_call("200")
        assert await call.invite() == 200
        path = f"/activeflows/{await run_of_the_call(server)}"
        pushed = {"type": "variable_set", "option": {"key": "pushed", "value": "from outside"}}
        assert (await ask(server, "POST", f"{path}/push_actions", {"actions": [pushed]}))[0] == 200
        status, answer = await ask(server, "POST", f"{path}/jump", {"forward_action_id": "nowhere"})
        assert (status, "nowhere" in str(answer)) == (409, True)
        jump = {"forward_action_id": "far", "forward_now": True}
        assert (await ask(server, "POST", f"{path}/jump", jump))[0] == 200
        assert (await application.wait_for("/far"))[1] == "from outside"
        assert not call.ended.is_set()
        assert (await ask(server, "POST", f"{path}/continue", {}))[0] == 409  # it waits in no block
        assert (await ask(server, "POST", f"{path}/stop"))[0] == 200
        async with asyncio.timeout(5):
            await call.ended.wait()
        assert (await ask(server, "POST", f"{path}/stop"))[0] == 409
    _, run = await ask(server, "GET", path)
    assert run["status"] == "ended"
    steps = [action["type"] for action in run["executed_actions"]]
    assert steps == ["answer", "sleep", "variable_set", "webhook_send", "sleep"]


async def test_a_run_without_a_call_waits_in_a_block(server: Server, application: Application) -> None:
    tell = {"type": "webhook_send", "option": {"uri": f"http://127.0.0.1:{WEB}/done", "data": "${order}"}}
    actions = [{"type": "talk", "option": {"text": "unheard"}}, {"id": "here", "type": "block"}, tell]
    status, run = await ask(
        server, "POST", "/activeflows", {"actions": actions, "variables": {"order": "4711"}}
    )
    assert status == 200, run
    path = f"/activeflows/{run['id']}"
    async with asyncio.timeout(5):
        while run["current_action"]["type"] != "block":
            _, run = await ask(server, "GET", path)
    assert (run["status"], run["reference_type"]) == ("running", "api")
    assert (await ask(server, "POST", f"{path}/continue", {"action_id": "there"}))[0] == 409
    assert "/done" not in application.got
    assert (await ask(server, "POST", f"{path}/continue", {"action_id": run["current_action"]["id"]}))[
        0
    ] == 200
    assert (await application.wait_for("/done"))[1] == "4711"


async def test_a_mail_waits_for_the_recording_that_it_carries(
    server: Server, application: Application
) -> None:
    async with wire(server.address) as line:
        call = await line.new_call("300")
        assert await call.invite() == 200
        call.sound.talking = True
        async with asyncio.timeout(10):
            await call.ended.wait()
    async with asyncio.timeout(10):
        envelope = await application.mails.get()
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, policy=default)
    (attached,) = mail.iter_attachments()
    sound, rate = soundfile.read(io.BytesIO(attached.get_content()))
    assert attached.get_content_type() in ("audio/wav", "audio/x-wav")
    assert 1.3 < len(sound) / rate < 2.0


@pytest.mark.parametrize(
    ("variables", "seen"),
    [
        ({f"v{n}": "" for n in range(99)} | {"order": "4711"}, "4711,"),
        ({f"v{n}": "" for n in range(100)} | {"order": "4711"}, ","),  # one too many: none is taken
        ({"order": "4711", "VOIPBIN.webhook.body": "x", "voipbin.webhook.status": "200"}, "4711,"),
    ],
    ids=["100", "101", "ours"],
)
async def test_variables_from_clients_have_limits(
    server: Server, application: Application, variables: dict[str, str], seen: str
) -> None:
    option = {"uri": f"http://127.0.0.1:{WEB}/seen", "data": "${order},${voipbin.webhook.status}"}
    body = {"actions": [{"type": "webhook_send", "option": option}], "variables": variables}
    assert (await ask(server, "POST", "/activeflows", body))[0] == 200
    assert (await application.wait_for("/seen"))[1] == seen
