"""Calls over a link that loses, doubles, delays and reorders packets: both sides always come to the same end."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable

import pytest

from tests.sip.core_harness import OFFER, Net, Phone, Text, description
from voipbin_sip.sip.events import Confirmed, Ended, Incoming, InfoDigit

T1 = 0.5


class Link:
    """Time and packets between the core and the phones."""

    def __init__(self, net: Net, seed: int, loss: float) -> None:
        self.net = net
        self.chance = random.Random(seed)
        self.loss = loss
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.net.now + seconds, next(self._numbers), do))

    def carry(self, deliver: Callable[[], None]) -> None:
        """Deliver a packet: perhaps not at all, perhaps twice, after up to 0.4 s."""
        copies = 0 if self.chance.random() < self.loss else 2 if self.chance.random() < 0.1 else 1
        for _ in range(copies):
            self.after(self.chance.uniform(0.01, 0.4), deliver)

    def run(self, seconds: float) -> None:
        end = self.net.now + seconds
        while self._queue and self._queue[0][0] <= end:
            at, _, do = heapq.heappop(self._queue)
            self.net.run(at - self.net.now)
            do()
        self.net.run(end - self.net.now)


class Caller:
    """A phone with a mind of its own: it calls, talks, sends a digit, hangs up, and repeats what is not answered."""

    def __init__(self, link: Link, phone: Phone, *, talk: float, gives_up: float) -> None:
        self.link = link
        self.phone = phone
        self.talk = talk
        self.answered = False
        self.over = False
        self.final: set[str] = set()  # CSeq values that have a final response
        phone.branches += 1
        phone.invite_branch = f"z9hG4bK-{phone.name}-i"
        self.request(phone.text("INVITE", body=OFFER, branch=phone.invite_branch))
        link.after(gives_up, self.give_up)

    def request(self, text: str, interval: float = T1, until: float = 0.0) -> None:
        """Send a request now and again until a final response or for 64*T1."""
        until = until or self.link.net.now + 64 * T1
        cseq = text.partition("CSeq: ")[2].partition("\r\n")[0]
        if cseq in self.final or self.link.net.now >= until:
            return
        self.link.carry(lambda: self.phone.give(text))
        self.link.after(interval, lambda: self.request(text, min(2 * interval, 4.0), until))

    def give_up(self) -> None:
        if not self.answered and not self.over:
            cancel = self.phone.text("CANCEL", cseq=1, branch=self.phone.invite_branch, to_tag="")
            self.request(cancel)

    def receive(self, text: Text) -> None:
        if not text.status:
            self.over = True
            lines = ["SIP/2.0 200 OK", *(f"{n}: {text[n]}" for n in ("Via", "From", "To", "Call-ID", "CSeq"))]
            answer = "\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n"
            self.link.carry(lambda: self.phone.give(answer))
        elif text.status >= 200:
            self.final.add(text["CSeq"])
            if text.method == "INVITE":
                self.invite_answered(text)
            elif text.method == "BYE":
                self.over = True

    def invite_answered(self, text: Text) -> None:
        branch = None if text.status < 300 else self.phone.invite_branch
        ack = self.phone.text("ACK", cseq=1, branch=branch, to_tag=text.to_tag)
        self.link.carry(lambda: self.phone.give(ack))
        if text.status >= 300:
            self.over = True
        elif not self.answered:
            self.answered = True
            self.phone.to_tag = text.to_tag
            self.link.after(self.talk / 2, self.press)
            self.link.after(self.talk, self.hang_up)

    def press(self) -> None:
        if not self.over:
            self.request(self.phone.text("INFO", body="Signal=5\r\n", content_type="application/dtmf-relay"))

    def hang_up(self) -> None:
        if not self.over:
            self.request(self.phone.text("BYE"))


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_calls_over_a_bad_link_end_cleanly(seed: int, loss: float) -> None:
    net = Net()
    link = Link(net, seed, loss)
    callers: dict[str, Caller] = {}
    seen: set[str] = set()

    def sent(text: Text) -> None:
        link.carry(lambda: callers[text["Call-ID"]].receive(text))

    def serve(leg: str) -> None:
        """Ring, then answer or reject; sometimes hang up whatever became of it."""
        seen.add(leg)
        net.core.ring(net.now, leg)
        wait = link.chance.uniform(0.0, 3.0)
        if link.chance.random() < 0.2:
            link.after(wait, lambda: net.core.reject(net.now, leg, 486))
        else:
            link.after(wait, lambda: net.core.answer(net.now, leg, description()))
        if link.chance.random() < 0.3:
            link.after(wait + link.chance.uniform(0, 6), lambda: net.core.hang_up(net.now, leg))

    def look() -> None:
        for incoming in net.of(Incoming):
            if incoming.leg not in seen:
                serve(incoming.leg)
        net.collect()
        link.after(0.1, look)

    net.on_send = sent
    look()
    for number in range(25):
        phone = Phone(net, call_id=f"c{number}", name=f"u{number}", address=("203.0.113.7", 6000 + number))
        callers[phone.call_id] = Caller(
            link, phone, talk=link.chance.uniform(0.1, 6.0), gives_up=link.chance.uniform(0.2, 10.0)
        )
    link.run(400)
    legs = [incoming.leg for incoming in net.of(Incoming)]
    assert len({incoming.request.call_id for incoming in net.of(Incoming)}) == len(legs)
    assert sorted(ended.leg for ended in net.of(Ended)) == sorted(legs)
    assert len({digit.leg for digit in net.of(InfoDigit)}) == len(net.of(InfoDigit))
    assert {confirmed.leg for confirmed in net.of(Confirmed)} <= set(legs)
    assert net.empty
    if loss == 0.0:
        assert len(legs) == 25
        assert all(caller.over for caller in callers.values())
