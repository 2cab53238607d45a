"""Any order of orders, requests, answers and time: nothing raises but LocalProtocolError, each leg ends once."""

import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.sip.core_harness import ANSWER, OFFER, Net, Phone, description
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.events import Ended, Incoming

TIMER = "Supported: timer\r\nSession-Expires: 90\r\nAllow: UPDATE\r\n"
RELIABLE = "Supported: 100rel, timer\r\n"


def orders(net: Net, leg: str) -> list[Callable[[], None]]:
    core = net.core
    return [
        lambda: core.ring(net.now, leg),
        lambda: core.progress(net.now, leg, description()),
        lambda: core.answer(net.now, leg, description()),
        lambda: core.answer(net.now, leg, description()),
        lambda: core.reject(net.now, leg, 486),
        lambda: core.accept_offer(net.now, leg, description()),
        lambda: core.refuse_offer(net.now, leg),
        lambda: core.offer(net.now, leg, description()),
        lambda: core.info_digit(net.now, leg, "5"),
        lambda: core.refer(net.now, leg, "sip:bob@example.com"),
        lambda: core.notify_transfer(net.now, leg, 200, "OK", final=True),
        lambda: core.hang_up(net.now, leg),
    ]


def peer_moves(net: Net, phone: Phone, chance: random.Random) -> list[Callable[[], None]]:
    def say(method: str, body: str = "", extra: str = "", content_type: str = "application/sdp") -> None:
        phone.give(phone.text(method, body=body, extra=extra, content_type=content_type))

    def acknowledge() -> None:
        """Send a PRACK for the last reliable response."""
        numbers = [text["RSeq"] for text in net.sent if "RSeq" in text] or ["1"]
        say("PRACK", chance.choice(("", OFFER)), extra=f"RAck: {numbers[-1]} 1 INVITE\r\n")

    def answer() -> None:
        asked = [text for text in net.sent if not text.status and text.method != "ACK"]
        if asked:
            status = chance.choice((100, 200, 200, 200, 404, 408, 422, 481, 491, 500))
            extra = chance.choice(("", TIMER, "Min-SE: 200\r\n"))
            phone.reply(chance.choice(asked), status, body=chance.choice(("", OFFER)), extra=extra)

    return [
        lambda: phone.give(phone.invite_text),
        lambda: phone.ack(chance.choice(("", OFFER)), cseq=chance.randint(1, max(1, phone.cseq))),
        phone.ack_failure,
        phone.cancel,
        lambda: say("BYE"),
        lambda: say("INVITE", chance.choice(("", OFFER))),
        lambda: say("UPDATE", chance.choice(("", OFFER))),
        lambda: say("UPDATE", extra=TIMER),
        lambda: say("INFO"),
        lambda: say("REFER", extra="Refer-To: <sip:bob@example.com>\r\n"),
        lambda: say("NOTIFY", "SIP/2.0 200 OK", "Event: refer\r\n", "message/sipfrag"),
        acknowledge,
        acknowledge,
        answer,
        answer,
        answer,
        lambda: net.core.connection_lost(net.now, phone.connection),
    ]


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("seed", range(25))
def test_any_order_of_things_in_calls_of_ours(seed: int, transport: str) -> None:
    chance = random.Random(seed)
    net = Net()
    legs = []
    for number in range(4):
        phone = Phone(net, transport=transport, connection=number if transport == "TCP" else 0)
        phone.invite_text = phone.text("OPTIONS")
        leg = phone.called(sdp=chance.choice((None, ANSWER, ANSWER)), credentials=("carol", "secret"))
        legs.append(leg)
        for _ in range(40):
            phone.from_tag = chance.choice(("b1", "b1", "b2"))
            kind = chance.random()
            if kind < 0.2:
                with suppress(LocalProtocolError):
                    chance.choice(orders(net, leg))()
            elif kind < 0.6:
                answer_as_callee(net, phone, chance)
            elif kind < 0.85:
                chance.choice(peer_moves(net, phone, chance))()
            else:
                net.run(chance.choice((0.1, 0.5, 3, 33, 200)))
            net.collect()
        net.core.hang_up(net.now, leg)
        net.core.send_failed(net.now, phone.hop)
        net.collect()
    net.run(600)
    assert sorted(ended.leg for ended in net.of(Ended)) == sorted(legs)
    assert net.empty


def answer_as_callee(net: Net, phone: Phone, chance: random.Random) -> None:
    asked = [text for text in net.sent if not text.status and text.method != "ACK"]
    status = chance.choice((100, 180, 180, 183, 200, 200, 200, 401, 302, 486, 408, 481, 503))
    extra = chance.choice(("", "Contact: <sip:b@203.0.113.7>\r\n", "Record-Route: <sip:192.0.2.9;lr>\r\n"))
    extra += chance.choice(("", TIMER, f"Require: 100rel\r\nRSeq: {chance.randint(1, 3)}\r\n"))
    extra += 'WWW-Authenticate: Digest realm="r", nonce="n"\r\n' if status == 401 else ""
    phone.reply(
        chance.choice(asked), status, tag=phone.from_tag, body=chance.choice(("", OFFER)), extra=extra
    )


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("seed", range(40))
def test_any_order_of_things(seed: int, transport: str) -> None:
    chance = random.Random(seed)
    net = Net()
    for number in range(6):
        phone = Phone(net, transport=transport, connection=number if transport == "TCP" else 0)
        phone.call_id = f"c{number}"
        leg = phone.invite(chance.choice(("", OFFER)), extra=chance.choice(("", TIMER, RELIABLE)))
        for _ in range(30):
            tags = [text.to_tag for text in net.sent if text.status and text["Call-ID"] == phone.call_id]
            phone.to_tag = tags[-1]
            kind = chance.random()
            if kind < 0.4:
                with suppress(LocalProtocolError):
                    chance.choice(orders(net, leg))()
            elif kind < 0.85:
                chance.choice(peer_moves(net, phone, chance))()
            else:
                net.run(chance.choice((0.1, 0.5, 3, 33, 200)))
            net.collect()
        for incoming in net.of(Incoming):  # an INVITE repeated long after its call is a call too
            net.core.hang_up(net.now, incoming.leg)
        net.collect()
    net.run(600)
    assert sorted(ended.leg for ended in net.of(Ended)) == sorted(
        incoming.leg for incoming in net.of(Incoming)
    )
    assert net.empty
