"""Odd writing, registrations and bad manners on the wire against the real server (docs/interop.md, rows 23 to 25)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.phones.account import DOMAIN
from tests.phones.desks import PASSWORD
from tests.phones.server import Server, serving
from tests.phones.wire_peer import Message, Peer, Talk, credentials, peer, sdp

pytestmark = pytest.mark.phones

QUIET = """
name: quiet
actions:
  - type: answer
  - type: sleep
    option: {duration: 60000}
"""
EXTENSIONS = {str(number): PASSWORD for number in range(1400, 1420)}
BAN_AFTER, BAN_SECONDS = 4, 1.0
URI = f"sip:{DOMAIN}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that makes no exception for its own machine."""
    protection = {"exempt": [], "ban_after": BAN_AFTER, "ban_seconds": BAN_SECONDS}
    folder = tmp_path_factory.mktemp("guard")
    with serving(folder, {"quiet": QUIET}, extensions=EXTENSIONS, protection=protection) as server:
        yield server


@pytest.fixture
async def far(server: Server) -> AsyncIterator[Peer]:
    async with peer(server.address) as made:
        yield made


# Row 23: writing

ODD = (
    "INVITE sip:100@voipbin.test SIP/2.0\r\n"
    "v: SIP / 2.0 / UDP 127.0.0.1:PORT;branch=z9hG4bKUNIQUE;rport , SIP/2.0/TCP far.example\r\n"
    "\t;branch=z9hG4bKfar;received=192.0.2.9\r\n"
    "f  : Odd\r\n  <sip:odd@127.0.0.1>;TAG=UNIQUE\r\n"
    "t:sip:100@voipbin.test\r\n"
    "cALL-iD\t:UNIQUE\r\n"
    "MAX-FORWARDS: 0070\r\n"
    "CsEq: 0001\r\n INVITE\r\n"
    "m: <sip:odd@127.0.0.1:PORT>\r\n"
    'NewFangled: "quoted \\" <,;" , second\r\n'
    'c: application/sdp;charset="utf-8"\r\n'
    "l: LENGTH\r\n\r\nBODY"
)


@pytest.mark.parametrize("end", ["\r\n", "\n"], ids=["CRLF", "LF"])
async def test_folded_compact_and_oddly_cased_headers_make_a_call(far: Peer, end: str) -> None:
    body, unique = sdp(), far.unique()
    text = ODD.replace("PORT", str(far.port)).replace("UNIQUE", unique).replace("\r\n", end)
    far.send(text.replace("LENGTH", str(len(body))).replace("BODY", body))
    answered = await far.next("200 INVITE")
    vias = ", ".join(answered.all("Via"))
    assert vias.index(unique) < vias.index("z9hG4bKfar")  # both, in their order
    assert answered["Call-ID"] == unique
    talk = Talk(far, unique, f"<sip:odd@127.0.0.1>;tag={unique}", answered["To"], "sip:100@127.0.0.1", cseq=1)
    talk.learn(answered)
    talk.ack(answered)
    await talk.bye()


# Row 24: registrations


async def registering(far: Peer, user: str, *lines: str) -> tuple[Talk, str]:
    """Ask to register; returns the talk and the challenge."""
    address = f"<sip:{user}@{DOMAIN}>"
    talk = Talk(far, far.unique(), f"{address};tag={far.unique()}", address, URI)
    talk.request("REGISTER", *lines)
    return talk, (await far.next("401 REGISTER"))["WWW-Authenticate"]


async def answer(far: Peer, talk: Talk, line: str, *lines: str) -> Message:
    """Send the REGISTER with credentials; returns what came."""
    talk.request("REGISTER", f"Authorization: {line}", *lines)
    return await far.final(talk)


async def test_a_registration_is_told_and_taken_back_one_by_one_and_altogether(far: Peer) -> None:
    talk, challenge = await registering(far, "1400")
    made = await answer(far, talk, credentials(challenge, "1400", PASSWORD, URI), "Expires: 600")
    assert made.name == "200 REGISTER" and "expires=600" in made["Contact"]
    for lines, left in ((("Expires: 0",), 0), (("Expires: 600",), 1)):
        talk, challenge = await registering(far, "1400", *lines)
        told = await answer(far, talk, credentials(challenge, "1400", PASSWORD, URI), *lines)
        assert (told.name, len(told.all("Contact"))) == ("200 REGISTER", left)
    far.contact = "*"
    talk, challenge = await registering(far, "1400")
    refused = await answer(far, talk, credentials(challenge, "1400", PASSWORD, URI))
    assert refused.name == "400 REGISTER"  # a star without Expires: 0
    talk, challenge = await registering(far, "1400")
    gone = await answer(far, talk, credentials(challenge, "1400", PASSWORD, URI), "Expires: 0")
    assert (gone.name, gone.all("Contact")) == ("200 REGISTER", [])


async def test_a_short_registration_gets_423_and_the_least_that_we_take(far: Peer) -> None:
    talk, challenge = await registering(far, "1401", "Expires: 5")
    refused = await answer(far, talk, credentials(challenge, "1401", PASSWORD, URI), "Expires: 5")
    assert (refused.name, refused["Min-Expires"]) == ("423 REGISTER", "60")


async def test_the_same_credentials_are_good_once(far: Peer) -> None:
    talk, challenge = await registering(far, "1402")
    line = credentials(challenge, "1402", PASSWORD, URI)
    assert (await answer(far, talk, line)).name == "200 REGISTER"
    again = await answer(far, talk, line)
    assert again.name == "401 REGISTER"
    assert "stale=true" in again["WWW-Authenticate"].lower()  # the password was right


async def test_a_used_nonce_is_stale_only_for_who_knows_the_password(far: Peer) -> None:
    talk, challenge = await registering(far, "1403")
    await answer(far, talk, credentials(challenge, "1403", PASSWORD, URI))
    refused = await answer(far, talk, credentials(challenge, "1403", "wrong", URI))
    assert refused.name == "401 REGISTER"
    assert "stale=true" not in refused["WWW-Authenticate"].lower()


# Row 25: bad manners


async def test_known_and_unknown_extensions_are_refused_in_the_same_words(far: Peer) -> None:
    seen = []
    for user in ("1404", "no-such-user"):
        talk, challenge = await registering(far, user)
        refused = await answer(far, talk, credentials(challenge, user, "guess", URI))
        shape = [refused.start, *(f"{name}: {value}" for name, value in refused.headers)]
        shape = [
            re.sub(r"p\d+x[\w]+|nonce=\"[^\"]+\"|tag=\w+", "?", line).replace(user, "USER") for line in shape
        ]
        seen.append(shape)
    assert seen[0] == seen[1]


async def test_who_guesses_is_not_heard_for_a_while(server: Server) -> None:
    async with peer(server.address, at="127.0.0.3") as guesser:  # no phone is registered from there
        for _ in range(BAN_AFTER):
            talk, challenge = await registering(guesser, "1405")
            line = credentials(challenge, "1405", "guess", URI)
            assert (await answer(guesser, talk, line)).name == "401 REGISTER"
        guesser.calling("100").request("OPTIONS")
        await guesser.nothing("200 OPTIONS", 0.4)
        await asyncio.sleep(BAN_SECONDS)
        guesser.calling("100").request("OPTIONS")
        await guesser.next("200 OPTIONS")


@pytest.mark.parametrize("method", ["OPTIONS", "INVITE", "REGISTER", "BYE", "SUBSCRIBE", "TELEPORT"])
async def test_no_answer_to_a_stranger_is_much_longer_than_the_question(far: Peer, method: str) -> None:
    talk = far.calling("elsewhere")
    text = talk.request(method)
    refused = await far.final(talk)
    lines = (f"{name}: {value}\r\n" for name, value in refused.headers)
    size = len(refused.start) + sum(map(len, lines)) + len(refused.body)
    assert len(far.seen) <= 2
    assert size <= len(text) + 350  # a challenge in two algorithms, or Allow
