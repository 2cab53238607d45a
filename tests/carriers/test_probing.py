"""Health of providers: what counts as a sign of life, how soon silence is noticed, and how it comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from tests.carriers.world import (
    PROVIDER,
    WALL,
    Server,
    World,
    always,
    gaps,
    granting,
    named,
    silent,
    srv,
)
from voipbin_sip.carriers import Provider

PROBED = replace(PROVIDER, register=0, probe=30)


async def started(server_answer: Server | None = None, provider: Provider = PROBED) -> World:
    world = World()
    if server_answer is not None:
        world.servers["192.0.2.10", 5070] = server_answer
    world.carriers.use([provider])
    await world.run(3)
    return world


def health(world: World) -> str:
    state = world.carriers.state("carrier")
    assert state is not None
    return state.health_status


@pytest.mark.parametrize("status", [200, 401, 404, 405, 483, 503, 600])
async def test_any_answer_is_a_sign_of_life(status: int) -> None:
    server = Server(always(status))
    world = await started(server)
    assert health(world) == "healthy"
    assert world.carriers.usable("carrier")
    first = server.seen[0]
    assert first.start == "OPTIONS sip:192.0.2.10:5070 SIP/2.0"
    assert first["From"].startswith("<sip:voipbin.test>;tag=")
    state = world.carriers.state("carrier")
    assert state is not None
    assert state.health_checked_at == datetime.fromtimestamp(WALL + first.at, UTC)
    assert state.registration == ""
    await world.run(600)
    waits = gaps(server.at())
    assert 17 <= len(waits) <= 24
    assert all(23.5 <= wait <= 36.5 for wait in waits), waits
    assert len({round(wait, 3) for wait in waits}) > 5


async def test_nothing_is_known_before_the_first_answer_and_calls_may_try() -> None:
    world = World()
    world.carriers.use([PROBED])
    assert health(world) == "unknown"
    assert world.carriers.usable("carrier")
    assert not world.carriers.usable("nobody")


async def test_two_probes_without_answer_are_enough_and_one_answer_too() -> None:
    server = Server(always(200))
    with capture_logs() as logs:
        world = await started(server)
        server.answer = silent
        before = len(server.at())
        while len(server.at()) == before:
            await world.run(0.25)
        asked_at = world.net.now
        await world.run(4.5)
        assert health(world) == "healthy"
        assert len(server.at()) == before + 2  # the second one follows at once
        await world.run(4.5)
        assert health(world) == "unhealthy"
        assert world.net.now - asked_at < 10
        assert not world.carriers.usable("carrier")
        await world.run(300)
        assert health(world) == "unhealthy"
        server.answer = always(200)
        await world.run(37)
        assert health(world) == "healthy"
    assert [log["event"] for log in logs] == ["provider does not answer", "provider answers again"]
    assert "probe: 0" in logs[0]["advice"]


async def test_a_late_answer_is_an_answer() -> None:
    server = Server(silent)
    world = await started(server, replace(PROBED, probe=3))
    server.answer = always(200)  # to the copies of the first request
    await world.run(4)
    assert health(world) == "healthy"


async def test_one_of_several_servers_is_enough() -> None:
    world = World()
    srv(world, "192.0.2.11", "192.0.2.12", "192.0.2.13")
    for host in ("192.0.2.11", "192.0.2.12"):
        world.server(silent, host)
    third = world.server(always(200), "192.0.2.13")
    world.carriers.use([replace(named(), register=0, probe=30)])
    with capture_logs() as logs:
        await world.run(300)
    assert health(world) == "healthy"
    assert len(third.seen) >= 5
    assert logs == []


async def test_a_refused_connection_is_noticed_at_once() -> None:
    world = await started(Server(silent), replace(PROBED, transport="tcp"))
    for _ in range(2):
        world.fail("192.0.2.10", 5070)
        await world.run(0.5)
    assert health(world) == "unhealthy"


async def test_a_name_that_dns_does_not_know_is_unhealthy() -> None:
    world = await started(provider=replace(named(), register=0, probe=30))
    await world.run(40)
    assert health(world) == "unhealthy"


async def test_calls_that_nobody_answers_count_and_are_checked() -> None:
    server = Server(always(200))
    world = await started(server)
    asked = len(server.seen)
    world.carriers.failed("carrier")
    await world.run(0.5)
    assert len(server.seen) == asked + 1  # is it really gone?
    assert health(world) == "healthy"
    server.answer = silent
    world.carriers.failed("carrier")
    world.carriers.failed("carrier")
    assert health(world) == "unhealthy"
    world.carriers.answered("carrier")
    assert health(world) == "healthy"


async def test_without_probes_bad_news_is_forgotten_after_a_minute() -> None:
    server = Server(always(200))
    world = await started(server, replace(PROBED, probe=0))
    assert (health(world), server.seen) == ("unknown", [])
    world.carriers.failed("carrier")
    world.carriers.failed("carrier")
    assert health(world) == "unhealthy"
    await world.run(62)
    assert health(world) == "unknown"
    assert server.seen == []
    world.carriers.failed("nobody")


async def test_registrations_tell_of_health_too() -> None:
    world = World()
    server = world.server(granting(60))
    world.carriers.use([PROVIDER])  # probe: 0
    await world.run(1)
    assert health(world) == "healthy"
    server.answer = silent
    await world.run(120)
    assert health(world) == "unhealthy"


async def test_a_hundred_providers_are_not_asked_in_the_same_moment() -> None:
    world = World()
    hosts = [f"198.18.0.{number}" for number in range(100)]
    servers = [world.server(always(200), host) for host in hosts]
    world.carriers.use(
        [Provider(f"carrier-{number}", host, 5070, probe=30) for number, host in enumerate(hosts)]
    )
    await world.run(40)
    times = [time for server in servers for time in server.at()]
    assert len(times) >= 200
    assert max(times.count(time) for time in times) <= 30
