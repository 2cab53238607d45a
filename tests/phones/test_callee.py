"""Callers that are correct but awkward, as SIPp plays them (scenarios/), and bytes that are no SIP at all."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.phones.installed import needs_sipp, needs_sipsak
from tests.phones.server import Server, serving
from tests.phones.sipp import Verdict, sipp
from tests.phones.wire import wire

pytestmark = pytest.mark.phones

TONE = """
name: tone
actions:
  - type: answer
  - type: play
    option: {stream_urls: [sounds/one.wav]}
  - type: sleep
    option: {duration: 60000}
"""
LATE = """
name: late
actions:
  - type: sleep
    option: {duration: 1500}
  - type: answer
  - type: sleep
    option: {duration: 60000}
"""
MENU = """
name: menu
actions:
  - type: answer
  - type: digits_receive
    option: {duration: 20000, length: 1}
  - type: branch
    option: {target_ids: {"1": one}, default_target_id: wrong}
  - id: one
    type: play
    option: {stream_urls: [sounds/one.wav]}
  - type: sleep
    option: {duration: 60000}
  - id: wrong
    type: hangup
"""


SHORT = """
name: short
actions:
  - type: answer
  - type: sleep
    option: {duration: 500}
  - type: hangup
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of SIPp."""

    scenario: str  # built in, or a file of ours
    number: str = "100"
    seconds: float = 20.0  # at most
    options: tuple[str, ...] = ()


RUNS = {
    "uac": Run("uac"),
    "uac over TCP": Run("uac", options=("-t", "t1")),
    "uac_pcap": Run("uac_pcap", "300", 30.0),
    "options": Run("options.xml"),
    "unknown number": Run("unknown.xml", "999"),
    "cancel": Run("cancel.xml", "200"),
    "hold": Run("hold.xml"),
    "offerless": Run("offerless.xml"),
    "record-routed": Run("record_route.xml", "400"),
    "lost ACK": Run("lost_ack.xml", seconds=45.0),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flows = {"tone": TONE, "late": LATE, "menu": MENU, "short": SHORT}  # 100, 200, 300, 400
    with serving(tmp_path_factory.mktemp("callee"), flows) as server:
        yield server


@pytest.fixture(scope="module")
def verdicts(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    """All scenarios at once: the lost ACK alone takes half a minute."""
    folder = tmp_path_factory.mktemp("sipp")

    async def run_all() -> list[Verdict]:
        return await asyncio.gather(
            *(
                sipp(
                    run.scenario,
                    server.address,
                    folder / name,
                    *run.options,
                    number=run.number,
                    seconds=run.seconds,
                )
                for name, run in RUNS.items()
            )
        )

    return dict(zip(RUNS, asyncio.run(run_all()), strict=True))


@needs_sipp
@pytest.mark.parametrize("name", RUNS)
def test_sipp_sees_every_message_that_the_scenario_expects(verdicts: dict[str, Verdict], name: str) -> None:
    if name == "uac_pcap" and os.geteuid() != 0:
        pytest.skip("SIPp plays captures through a raw socket: only as root")
    verdict = verdicts[name]
    assert verdict.code == 0, f"{verdict.output}\n{verdict.trace[-6000:]}"


async def test_a_retransmitted_invite_is_one_call_and_answered_once(server: Server) -> None:
    async with wire(server.address) as line:
        call = await line.new_call("200")
        answering = asyncio.create_task(call.invite())
        for _ in range(2):  # while the flow waits
            await asyncio.sleep(0.3)
            call.repeat()
        assert await answering == 200
        assert call.statuses[:2] == [100, 180]  # the flow waits before it answers: the caller hears ringing
        assert call.statuses.count(180) >= 3  # and again for each repetition (RFC 3261 section 17.2.1)
        call.repeat()  # after the ACK: absorbed (RFC 6026 section 7.1)
        await asyncio.sleep(1.2)
        assert call.statuses.count(200) == 1
        assert await call.bye() == 200
        assert len(call.to_tags) == 1


@needs_sipp
def test_a_200_without_ack_is_repeated_with_growing_pauses_and_then_ends_in_bye(
    verdicts: dict[str, Verdict],
) -> None:
    verdict = verdicts["lost ACK"]
    times = verdict.received(r"SIP/2\.0 200.*CSeq: 1 INVITE")
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps[:4] == pytest.approx([0.5, 1.0, 2.0, 4.0], abs=0.3)
    assert all(gap == pytest.approx(4.0, abs=0.3) for gap in gaps[4:])
    (bye,) = verdict.received("BYE ")[:1]
    assert bye - times[0] == pytest.approx(32.0, abs=1.0)


@needs_sipp
def test_every_new_answer_raises_the_version_of_our_session(verdicts: dict[str, Verdict]) -> None:
    origins = re.findall(
        r"message received.*?^o=\S+ (\d+) (\d+) ", verdicts["hold"].trace, re.DOTALL | re.MULTILINE
    )
    assert len({session for session, _ in origins}) == 1
    versions = [int(version) for _, version in origins]
    assert versions == sorted(versions)
    assert len(set(versions)) == 7  # the first answer and three times hold and resume


@needs_sipsak
async def test_sipsak_gets_its_options_answered(server: Server) -> None:
    process = await asyncio.create_subprocess_exec(
        "sipsak", "-v", "-s", f"sip:100@{server.address}", stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(10.0):
        output, _ = await process.communicate()
    assert process.returncode == 0, output


def ask(server: Server, message: bytes, seconds: float = 1.0) -> bytes:
    """Send one datagram and return the answer, empty if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(seconds)
        phone.sendto(message.replace(b"PORT", b"%d" % phone.getsockname()[1]), ("127.0.0.1", server.port))
        try:
            return phone.recv(65536)
        except TimeoutError:
            return b""


GOOD = (
    b"OPTIONS sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:PORT;branch=z9hG4bKbad;rport\r\n"
    b"Max-Forwards: 70\r\nFrom: <sip:me@127.0.0.1>;tag=1\r\nTo: <sip:100@127.0.0.1>\r\nCall-ID: bad1\r\n"
    b"CSeq: 1 OPTIONS\r\nContact: <sip:me@127.0.0.1:PORT>\r\nContent-Length: 0\r\n\r\n"
)
LONG = b"X-Long: %s\r\n" % (b"x" * 990) * 20


@pytest.mark.parametrize(
    ("message", "status"),
    [
        pytest.param(GOOD, b"200", id="the message that the others spoil"),
        pytest.param(GOOD.replace(b"CSeq", LONG + b"CSeq"), b"200", id="20 kB"),
        pytest.param(
            GOOD.replace(b"CSeq", LONG.replace(b"\r\nX-Long: ", b"") + b"CSeq"), b"513", id="20 kB in a line"
        ),
        pytest.param(GOOD.replace(b"Content-Length: 0", b"Content-Length: 50"), b"400", id="body too short"),
        pytest.param(GOOD.replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE"), b"400", id="two methods"),
        pytest.param(GOOD.replace(b"From: <sip:me@127.0.0.1>;tag=1\r\n", b""), b"400", id="no From"),
        pytest.param(GOOD.replace(b"CSeq: 1", b"CSeq: many"), b"400", id="CSeq no number"),
        pytest.param(GOOD.replace(b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia", 1), b"505", id="version 7"),
        pytest.param(GOOD.replace(b"OPTIONS", b"TELEPORT"), b"405", id="unknown method"),
    ],
)
def test_a_bad_message_gets_its_status(server: Server, message: bytes, status: bytes) -> None:
    unique = message.replace(b"bad", os.urandom(6).hex().encode())
    assert ask(server, unique).split(b" ")[1:2] == [status]


@pytest.mark.parametrize(
    "message", [b"", b"\r\n\r\n", b"\x00" * 20, b"hello", b"SIP/2.0 200 OK\r\n\r\n", b"\xff" * 1400]
)
def test_what_is_no_request_gets_no_answer(server: Server, message: bytes) -> None:
    assert ask(server, message, 0.3) == b""
