"""Thousands of random REGISTERs against a plain model of RFC 3261 section 10.3."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.registrar.phone import Office, Phone, values

LIMIT = 3
URIS = tuple(f"sip:1000@198.51.100.{number}" for number in range(6))


@dataclass
class Known:
    ends: float
    updated: float
    call_id: str
    cseq: int


class Model:
    """What a registrar knows: the URIs of the test differ in plain text, so comparing them is simple."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}

    def register(self, now: float, call_id: str, cseq: int, wishes: dict[str, int]) -> int:
        self.known = {uri: known for uri, known in self.known.items() if known.ends > now}
        if any(0 < seconds < 60 for seconds in wishes.values()):
            return 423
        if any(self._newer(uri, call_id, cseq) for uri in wishes):
            return 500
        for uri, seconds in wishes.items():
            self.known.pop(uri, None)
            if seconds:
                self.known[uri] = Known(now + seconds, now, call_id, cseq)
        while len(self.known) > LIMIT:
            del self.known[min(self.known, key=lambda uri: self.known[uri].updated)]
        return 200

    def clear(self, now: float, call_id: str, cseq: int) -> int:
        self.register(now, "", 0, {})
        if any(self._newer(uri, call_id, cseq) for uri in self.known):
            return 500
        self.known.clear()
        return 200

    def _newer(self, uri: str, call_id: str, cseq: int) -> bool:
        known = self.known.get(uri)
        return known is not None and known.call_id == call_id and known.cseq >= cseq


def test_against_a_model() -> None:
    chance = random.Random(2026)
    office, model = Office(contacts=LIMIT), Model()
    phones = [Phone(office, call_id=f"call-{number}") for number in range(3)]
    statuses = set()
    for _ in range(1500):
        office.now += chance.choice([1, 5, 30, 90])
        phone = chance.choice(phones)
        cseq = phone.cseq + 2 if chance.random() < 0.85 else max(1, phone.cseq - chance.randrange(4))
        if chance.random() < 0.05:
            answer = phone.register("*", headers=["Expires: 0"], cseq=cseq)
            expected = model.clear(office.now, phone.call_id, cseq)
        else:
            first, *others = chance.sample(URIS, chance.choice([1, 1, 2, 3]))
            wishes = {first: chance.choice([0, 30, 60, 120, 600])} | dict.fromkeys(others, 0)
            answer = phone.register(*(f"<{uri}>;expires={s}" for uri, s in wishes.items()), cseq=cseq)
            expected = model.register(office.now, phone.call_id, cseq, wishes)
        phone.cseq = max(phone.cseq, cseq)
        statuses.add(answer.status)
        assert answer.status == expected
        known = {f"<{uri}>;expires={round(k.ends - office.now)}" for uri, k in model.known.items()}
        if answer.status == 200:
            assert set(values(answer, "Contact")) == known
        assert set(office.uris()) == set(model.known)
    assert statuses == {200, 423, 500}
