"""Calls that fail for a reason: the page of the call, or `explain` before it, names it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from urllib.request import urlopen

import pytest

from tests.phones import ports
from tests.phones.planted.operator import Operator
from tests.phones.server import Server, serving
from tests.phones.wire import Line, wire
from tests.phones.wire_peer import Peer, Talk, credentials, peer, sdp

pytestmark = pytest.mark.phones

CARRIER, GUESSER, DESK, STRANGER = "127.0.0.31", "127.0.0.43", "127.0.0.44", "127.0.0.45"
DID = "+493012000"
G729 = ("a=rtpmap:18 G729/8000", "a=sendrecv")


def connect(kind: str, target: str) -> str:
    destination = f"{{type: {kind}, target: {target!r}}}"
    return f"actions:\n  - {{type: connect, option: {{destinations: [{destination}]}}}}\n  - type: hangup\n"


FLOWS = {
    "reception": "actions: [{type: answer}, {type: sleep, option: {duration: 10000}}]",
    "desk": connect("extension", "1001"),
    "america": connect("tel", "+15550123"),
    "france": connect("tel", "+33123456789"),
    "berlin": connect("tel", "+493012345"),
    "bremen": connect("tel", "+494212345"),
    "silent": connect("tel", "+494012345"),
    "loop": """
actions:
  - type: answer
  - id: around
    type: branch
    option: {default_target_id: around}
""",
    "asking": """
actions:
  - type: answer
  - {type: fetch, option: {event_url: "http://127.0.0.1:9/steps"}}
""",
}
NUMBERS = {name: str(100 * position) for position, name in enumerate(FLOWS, start=1)}
PORTS: dict[str, int] = {}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    PORTS.update({name: ports.free() for name in ("carrier", "small", "silent")})
    providers = [
        {"id": name, "hostname": f"{CARRIER}:{port}", "probe": 0, "register": 0}
        for name, port in PORTS.items()
    ]
    providers[1]["limits"] = {"per_minute": 1}
    sections = {
        "numbers": [
            {"number": DID, "flow": "reception"},
            *({"number": number, "flow": name, "public": True} for name, number in NUMBERS.items()),
        ],
        "providers": providers,
        "routes": [
            {"provider_id": "carrier", "target": "+4930"},
            {"provider_id": "small", "target": "+49421"},
            {"provider_id": "silent", "target": "+4940"},
        ],
    }
    with serving(
        tmp_path_factory.mktemp("calls"),
        FLOWS,
        extensions={"1000": "secret", "1001": "secret"},
        sections=sections,
        outbound={"allow": ["+49", "+33"], "countries": ["DE"], "default_outgoing_source_number": DID},
        protection={"ban_after": 3, "exempt": []},
        speech={"engines": ["nanotts"]},
    ) as running:
        urlopen(f"{running.api}/health", timeout=30).close()  # now it has started wholly
        yield running


@pytest.fixture(scope="module")
def operator(server: Server) -> Operator:
    return Operator(server.config)


@pytest.fixture(scope="module")
def unanswered(server: Server) -> Iterator[Callable[[], str]]:
    """A call to a carrier that says nothing, placed beside the other tests; its Call-ID, waited for."""
    found: list[str] = []

    async def place() -> None:
        async with calling(server) as line:
            found.append(await refused(line, "silent"))

    def over() -> str:
        thread.join(40.0)
        return found[0]

    thread = threading.Thread(target=lambda: asyncio.run(place()))
    thread.start()
    yield over
    thread.join()


@asynccontextmanager
async def calling(server: Server) -> AsyncIterator[Line]:
    async with wire(server.address) as line, asyncio.timeout(40.0):
        yield line


async def refused(line: Line, flow: str) -> str:
    """Call a flow that does not answer; returns the Call-ID."""
    call = await line.new_call(NUMBERS[flow])
    assert await call.invite() == 480
    return call.call_id


async def answered(line: Line, flow: str) -> str:
    """Call a flow that answers and hangs up."""
    call = await line.new_call(NUMBERS[flow])
    assert await call.invite() == 200
    await call.ended.wait()
    return call.call_id


def registration(phone: Peer, user: str, domain: str) -> Talk:
    """Return a phone's side of its registration."""
    talk = phone.calling(user, uri=f"sip:{domain}")
    talk.remote = f"<sip:{user}@{domain}>"
    talk.local = f"{talk.remote};tag={phone.unique()}"
    return talk


async def registers(phone: Peer, user: str, password: str) -> str:
    """Register with a password that is refused; returns the Call-ID."""
    talk = registration(phone, user, "voipbin.test")
    talk.request("REGISTER")
    asked = await phone.next("401 REGISTER", number=talk.cseq)
    answer = credentials(asked["WWW-Authenticate"], user, password, talk.target)
    talk.request("REGISTER", f"Authorization: {answer}")
    await phone.next("401 REGISTER", number=talk.cseq)
    return talk.call_id


async def test_a_loop(server: Server, operator: Operator, unanswered: Callable[[], str]) -> None:
    async with calling(server) as line:
        await operator.will_find("a loop in a flow", only="call", last=await answered(line, "loop"))


async def test_a_web_server_in_a_private_network(server: Server, operator: Operator) -> None:
    async with calling(server) as line:
        await operator.will_find("a web server of your own network", last=await answered(line, "asking"))


@pytest.mark.parametrize(
    ("cause", "flow"),
    [
        ("its phone is not registered", "desk"),
        ("the number may not be called", "america"),
        ("the country may not be called", "france"),
    ],
)
async def test_a_call_that_is_not_placed(server: Server, operator: Operator, cause: str, flow: str) -> None:
    async with calling(server) as line:
        await operator.will_find(cause, last=await refused(line, flow))


async def test_a_carrier_that_refuses(server: Server, operator: Operator) -> None:
    async with calling(server) as line, peer(server.address, at=CARRIER, port=PORTS["carrier"]) as carrier:
        asking = asyncio.create_task(refused(line, "berlin"))
        invite = await carrier.next("INVITE")
        carrier.called(invite).reply(invite, "403 Caller ID not owned")
        await operator.will_find("the carrier does not take the number shown", last=await asking)


async def test_a_limit(server: Server, operator: Operator) -> None:
    async with calling(server) as line, peer(server.address, at=CARRIER, port=PORTS["small"]) as carrier:
        asking = asyncio.create_task(refused(line, "bremen"))
        invite = await carrier.next("INVITE")
        carrier.called(invite).reply(invite, "486 Busy Here")
        await asking
        await operator.will_find("a limit is reached", last=await refused(line, "bremen"))


async def test_no_codec_in_common(server: Server, operator: Operator) -> None:
    async with peer(server.address) as caller:
        talk = caller.calling(NUMBERS["reception"])
        talk.request("INVITE", body=sdp(40000, *G729, formats="18"))
        assert (await caller.final(talk)).name == "488 INVITE"
        await operator.will_find("no codec in common", last=talk.call_id)


async def test_a_number_that_nobody_has(server: Server, operator: Operator) -> None:
    async with peer(server.address, at=DESK) as phone:
        talk = phone.calling("10", uri="sip:10@voipbin.test")
        talk.local = f"<sip:1000@voipbin.test>;tag={phone.unique()}"
        talk.request("INVITE", body=sdp())
        asked = await phone.final(talk)
        answer = credentials(asked["Proxy-Authenticate"], "1000", "secret", talk.target, "INVITE")
        talk.request("INVITE", f"Proxy-Authorization: {answer}", body=sdp())
        assert (await phone.final(talk)).name == "404 INVITE"
        await operator.will_find("a number that nobody has", last=talk.call_id)


async def test_phones_that_cannot_register(server: Server, operator: Operator) -> None:
    async with peer(server.address, at=GUESSER) as phone:
        await operator.will_find(
            "an extension that does not exist", last=await registers(phone, "1999", "secret")
        )
        await operator.will_find(
            "a wrong password in the phone", last=await registers(phone, "1000", "wrong")
        )
        await registers(phone, "1000", "wrong")
        await operator.will_find("too many wrong passwords")


async def test_a_phone_with_a_wrong_domain(server: Server, operator: Operator) -> None:
    async with peer(server.address, at=DESK) as phone:
        talk = registration(phone, "1000", "phones.example.org")
        talk.request("REGISTER")
        await phone.next("404 REGISTER", number=talk.cseq)
        await operator.will_find("a wrong domain in the phone", last=talk.call_id)


async def test_somebody_who_is_not_known(server: Server, operator: Operator) -> None:
    async with peer(server.address, at=STRANGER) as pbx:
        talk = pbx.calling(DID)
        talk.request("INVITE", body=sdp())
        assert (await pbx.final(talk)).name == "407 INVITE"
        await asyncio.sleep(5.5)  # so long it might come back with a password
        await operator.will_find("a carrier or PBX that is not known by its address", last=talk.call_id)


async def test_a_carrier_that_says_nothing(operator: Operator, unanswered: Callable[[], str]) -> None:
    last = await asyncio.to_thread(unanswered)
    await operator.will_find("the carrier does not answer", only="call", last=last)
