"""A server around which nearly everything is broken: one look of the doctor names it all, calls show the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.request import urlopen

import pytest

from tests.doctor.sip_servers import provider, registrar
from tests.phones import ports
from tests.phones.planted.aside import aside
from tests.phones.planted.operator import Operator
from tests.phones.planted.receivers import fill, small_disk, strict_mail_server
from tests.phones.server import Server, serving
from tests.phones.wire import wire

pytestmark = pytest.mark.phones

FLOWS = {
    "mail": """
actions:
  - type: answer
  - type: email_send
    option: {destinations: [{type: email, target: office@example.com}], subject: New message}
  - {type: sleep, option: {duration: 20000}}
""",
    "record": """
actions:
  - type: answer
  - type: recording_start
  - {type: sleep, option: {duration: 20000}}
""",
    "out": """
actions:
  - type: connect
    option: {destinations: [{type: tel, target: "+493012345"}]}
  - type: hangup
""",
}
LINES = 4  # calls that have sound at once


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("around")
    dead, silent, first = ports.free(), ports.free(), ports.free_block(2 * LINES)
    with ExitStack() as stack:
        stack.enter_context(small_disk(folder / "data", 3))
        carrier = stack.enter_context(aside(lambda: provider(registrar)))
        mail = stack.enter_context(aside(strict_mail_server))
        account = {"username": "4930123", "password": "wrong", "register": 60}
        providers = [
            {"id": "carrier", "hostname": carrier, **account},
            {"id": "spare", "hostname": f"127.0.0.1:{silent}", "probe": 2},
        ]
        running = stack.enter_context(
            serving(
                folder,
                FLOWS,
                sections={"providers": providers, "routes": [{"provider_id": "carrier"}]},
                outbound={"allow": ["+49"]},
                media={"ports": f"{first}-{first + 2 * LINES - 1}"},
                sip={"advertise": "203.0.113.9"},
                webhook={"uri": f"http://127.0.0.1:{dead}/events", "method": "POST"},
                smtp={"host": "127.0.0.1", "port": mail, "tls": "none", "from": "voicemail@example.com"},
                dns={"servers": [f"127.0.0.1:{dead}"], "timeout": 0.5},
                http={"listen": f"127.0.0.1:{ports.free()}", "allow_private": ["127.0.0.1"]},
                speech={"engines": ["nanotts"]},
            )
        )
        urlopen(f"{running.api}/health", timeout=30).close()  # now it has started wholly
        yield running


@pytest.fixture(scope="module")
def operator(server: Server) -> Operator:
    return Operator(server.config)


async def test_calls(server: Server, operator: Operator) -> None:
    async with wire(server.address) as line, asyncio.timeout(40.0):
        nameless = await line.new_call("300")
        assert await nameless.invite() == 480
        await operator.will_find("no number of ours to show", last=nameless.call_id)
        unheard, recorded = await line.new_call("100"), await line.new_call("200")
        assert await unheard.invite() == 200
        assert await recorded.invite() == 200
        await asyncio.sleep(1.0)
        fill(server.config.parent / "data")
        await asyncio.sleep(1.5)
        assert (await unheard.bye(), await recorded.bye()) == (200, 200)
        await operator.will_find("a mail server that refuses", only="call", last=unheard.call_id)
        await operator.will_find("a wrong address in sip.advertise", only="call", last=unheard.call_id)
        await operator.will_find("a full disk", only="call", last=recorded.call_id)
        calls = [await line.new_call("100") for _ in range(LINES + 1)]
        statuses = [await call.invite() for call in calls]
        assert 503 in statuses
        await operator.will_find("too few media ports", only="call", last=calls[statuses.index(503)].call_id)
        for call, status in zip(calls, statuses, strict=True):
            if status == 200:
                await call.bye()


@pytest.mark.parametrize(
    "cause",
    [
        "a wrong password at the carrier",
        "the carrier does not answer",
        "a wrong address in sip.advertise",
        "too few media ports",
        "a web server that is off",
        "a mail server that refuses",
        "a name server that does not answer",
        "a full disk",
    ],
)
def test_the_doctor_names(operator: Operator, cause: str) -> None:
    operator.finds(cause, only="doctor")
