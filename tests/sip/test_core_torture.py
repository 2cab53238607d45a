"""RFC 4475 and RFC 5118 over the wire: each message gets the answer that the RFC names, and nothing breaks."""

import random

import pytest

from tests.corpora import CORPORA, needs_corpora
from tests.sip.core_harness import PHONE, SERVER, Net, Phone, description
from voipbin_sip.sip.events import Ended, Hop, Incoming

CALL = 100  # taken as a new call
DROPPED = 0

# Statuses where RFC 4475 leaves a choice are the ones that this server has made: methods that it does not serve
# get 405, requests with a To tag of no dialog 481.
RFC4475 = {
    "badaspec": 200,
    "badbranch": 200,
    "baddate": CALL,
    "baddn": 400,
    "badinv01": 400,
    "badvers": 505,
    "bcast": DROPPED,
    "bext01": 420,
    "bigcode": DROPPED,
    "clerr": 400,
    "cparam01": 405,
    "cparam02": 405,
    "dblreq": 405,
    "esc01": CALL,
    "esc02": 405,
    "escnull": 405,
    "escruri": 400,
    "insuf": 400,
    "intmeth": 405,
    "inv2543": CALL,
    "invut": 415,
    "longreq": CALL,
    "ltgtruri": 400,
    "lwsdisp": 200,
    "lwsruri": 400,
    "lwsstart": 400,
    "mcl01": 400,
    "mismatch01": 400,
    "mismatch02": 400,
    "mpart01": 405,
    "multi01": 400,
    "ncl": 400,
    "noreason": DROPPED,
    "novelsc": 416,
    "quotbal": 400,
    "regaut01": 405,
    "regbadct": 400,
    "regescrt": 405,
    "scalar02": 400,
    "scalarlg": DROPPED,
    "sdp01": 406,
    "semiuri": 200,
    "transports": 200,
    "trws": 400,
    "unkscm": 416,
    "unksm2": 405,
    "unreason": DROPPED,
    "wsinv": 481,
    "zeromf": 200,
}

RFC5118 = {
    "ipv4-mapped-ipv6": CALL,
    "ipv6-bad": 400,
    "ipv6-correct-abnf-2-colons": 200,
    "ipv6-good": 405,
    "ipv6-in-sdp": CALL,
    "mult-ip-in-header": 481,
    "mult-ip-in-sdp": CALL,
    "port-ambiguous": 405,
    "port-unambiguous": 405,
    "via-received-param-no-delim": 200,
    "via-received-param-with-delim": 481,
}

CASES = [("rfc4475", name, status) for name, status in RFC4475.items()]
CASES += [("rfc5118", name, status) for name, status in RFC5118.items()]


@needs_corpora
@pytest.mark.parametrize(("folder", "name", "status"), CASES)
def test_torture(folder: str, name: str, status: int) -> None:
    net = Net()
    net.give((CORPORA / folder / f"{name}.dat").read_bytes(), Hop("UDP", SERVER, PHONE))
    assert [text.status for text in net.sent] == ([status] if status else [])
    assert len(net.of(Incoming)) == (status == CALL)
    for incoming in net.of(Incoming):
        net.core.ring(net.now, incoming.leg)
        net.core.reject(net.now, incoming.leg, 486)
    net.run(200)
    assert len(net.of(Ended)) == len(net.of(Incoming))
    assert net.empty


def test_every_message_is_judged() -> None:
    if CORPORA.is_dir():
        assert {path.stem for path in (CORPORA / "rfc4475").glob("*.dat")} - {"test"} == RFC4475.keys()


def damaged(text: str, chance: random.Random) -> bytes:
    """Return a message with some bytes changed, cut out, doubled or put in."""
    data = bytearray(text.encode())
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(data))
        what = chance.randrange(5)
        if what == 0:
            data[place] = chance.randrange(256)
        elif what == 1:
            del data[place : place + chance.randint(1, 40)]
        elif what == 2:
            data[place:place] = data[place : place + chance.randint(1, 60)]
        elif what == 3:
            data[place:place] = chance.choice(
                (b"\r\n", b"\0", b'"', b"<", b";", b"\xff", b",", b"%", b"=", b":")
            )
        else:
            data[place:] = data[place:].replace(b" ", chance.choice((b"", b"\t", b"  ", b"\r\n ")), 1)
        if not data:
            data = bytearray(b"x")
    return bytes(data)


@pytest.mark.parametrize("seed", range(6))
def test_damaged_messages_in_all_states_break_nothing(seed: int) -> None:
    chance = random.Random(seed)
    net = Net()
    for number in range(60):
        phone = Phone(net, call_id=f"call-{number}", name=f"u{number}")
        if chance.random() < 0.6:
            phone.establish()
        for _ in range(6):
            method = chance.choice(
                ("INVITE", "ACK", "BYE", "CANCEL", "INFO", "OPTIONS", "UPDATE", "REGISTER")
            )
            text = phone.text(
                method,
                body=chance.choice(("", description().to_bytes().decode(), "Signal=5\r\n")),
                extra=chance.choice(("", "Require: x\r\n", "Reason: Q.850;cause=16\r\n", "Accept: a/b\r\n")),
            )
            net.give(damaged(text, chance), phone.hop)
            if net.requests("BYE"):
                phone.reply(net.requests("BYE")[-1], 200)
        for incoming in net.of(Incoming)[-2:]:
            net.core.hang_up(net.now, incoming.leg)
            net.collect()
    net.run(500)
    legs = [incoming.leg for incoming in net.of(Incoming)]
    for leg in legs:
        net.core.hang_up(net.now, leg)
    net.run(500)
    assert sorted(ended.leg for ended in net.of(Ended)) == sorted(legs)
    assert net.empty
