"""A carrier that answers anything at any time, for hours: what holds whatever it does, and that it ends well."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from tests.carriers.world import CHALLENGE, PROVIDER, World, granting
from tests.sip.core_harness import Text

HOUR = 3600.0


class Moody:
    """A server whose mood lasts some minutes."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._until = 0.0
        self._mood = 0
        self.healed = False

    def answer(self, request: Text) -> tuple[int, str] | None:
        if self.healed:
            return self._challenged(request, 300)
        if request.at >= self._until:
            self._until = request.at + self._chance.uniform(1, 600)
            self._mood = self._chance.randrange(12)
        chance = self._chance
        match self._mood:
            case 0 | 1 | 2:
                return self._challenged(request, chance.choice((1, 5, 60, 3600)))
            case 3 | 4:
                return None
            case 5:
                return chance.choice(
                    (400, 403, 404, 480, 500, 503, 600, 606)
                ), f"Retry-After: {chance.randrange(9)}\r\n"
            case 6:
                return 423, f"Min-Expires: {chance.randrange(5000)}\r\n"
            case 7:
                return 302, f"Contact: <sip:192.0.2.{chance.choice((10, 11, 99))}:5070>\r\n"
            case 8:
                return 401, CHALLENGE.format(chance.randrange(99), chance.choice(("", ", stale=true")))
            case 9:
                return 200, "Contact: <sip:somebody@203.0.113.5>;expires=60, <sip:else@203.0.113.6>\r\n"
            case 10:
                return None if chance.random() < 0.7 else self._challenged(request, 30)
            case _:
                return self._challenged(request, 0)

    def _challenged(self, request: Text, seconds: int) -> tuple[int, str]:
        if 'nonce="good' not in dict(request.headers).get("Authorization", ""):
            return 401, CHALLENGE.format(f"good{int(request.at) // 500}", "")
        return granting(seconds)(request)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("seed", range(6))
async def test_whatever_a_carrier_does(seed: int, transport: str) -> None:
    chance = random.Random(seed)
    world = World()
    moods = [Moody(chance), Moody(chance)]
    servers = [
        world.server(mood.answer, host)
        for mood, host in zip(moods, ("192.0.2.10", "192.0.2.11"), strict=True)
    ]
    world.carriers.use([replace(PROVIDER, transport=transport, register=300, probe=30)])
    for _ in range(24):
        await world.run(chance.uniform(1, HOUR / 6), step=1)
        if chance.random() < 0.3:
            world.carriers.connection_lost(world.connection)
            world.connection += 1
        if transport == "tcp" and chance.random() < 0.3:
            world.fail("192.0.2.10", 5070)
        state = world.carriers.state("carrier")
        assert state is not None
        assert (state.expires is not None) >= (state.registration == "registered")
        assert world.carriers.sources("carrier") or state.registration != "registered"
        assert (state.registration == "failed") <= bool(state.why)
    first: dict[str, Text] = {}
    for text in world.net.requests("REGISTER"):
        first.setdefault(text["Via"], text)  # copies left out
    asked = list(first.values())
    numbers = [int(text["CSeq"].split()[0]) for text in asked]
    assert numbers == sorted(set(numbers))
    assert len({text["Call-ID"] for text in asked}) == 1
    minutes = Counter(int(text.at // 60) for text in asked)
    assert max(minutes.values()) <= 150  # registrations of one second are refreshed each second
    for mood in moods:
        mood.healed = True
    await world.run(2500, step=1)  # the longest pause after a refusal is half an hour, and a bit
    final = world.carriers.state("carrier")
    assert final is not None
    assert (final.registration, final.health_status) == ("registered", "healthy")
    world.carriers.use([])
    await world.run(100)
    assert servers[0].seen
    assert world.net.empty
