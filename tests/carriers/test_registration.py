"""Registrations with providers: what goes over the wire, what is made of the answers, and when (RFC 3261 10.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from tests.carriers.world import (
    CHALLENGE,
    PROVIDER,
    WALL,
    Server,
    World,
    always,
    challenging,
    gaps,
    granting,
    named,
    one_by_one,
    silent,
    srv,
)
from tests.sip.core_harness import Text
from voipbin_sip.carriers import Provider, ProviderState


async def started(
    answer: Callable[[Text], tuple[int, str] | None], provider: Provider = PROVIDER
) -> tuple[World, Server]:
    world = World()
    server = world.server(answer)
    world.carriers.use([provider])
    await world.run(1)
    return world, server


def state(world: World) -> ProviderState:
    found = world.carriers.state("carrier")
    assert found is not None
    return found


def number(text: Text) -> int:
    return int(text["CSeq"].split()[0])


async def test_it_registers_with_digest_and_refreshes_before_the_end() -> None:
    world, server = await started(challenging(granting(100)))
    first, second = server.seen
    assert first.start == second.start == "REGISTER sip:192.0.2.10:5070 SIP/2.0"
    assert first["To"] == "<sip:+15550100@192.0.2.10>"
    assert first["From"].partition(";")[0] == first["To"]
    assert first["Contact"] == "<sip:+15550100@198.51.100.1:5060>"
    assert first["Expires"] == "600"
    assert 'username="+15550100", realm="carrier.test", nonce="n1"' in second["Authorization"]
    assert state(world).registration == "registered"
    assert state(world).since == datetime.fromtimestamp(WALL + first.at, UTC)
    assert state(world).expires == datetime.fromtimestamp(WALL + first.at + 100, UTC)
    await world.run(1000)
    assert {text["Call-ID"] for text in server.seen} == {first["Call-ID"]}
    numbers = [number(text) for text in server.seen]
    assert numbers == sorted(set(numbers))
    refreshes = gaps(text.at for text in server.seen if "Authorization" in text)
    assert len(refreshes) >= 10
    assert all(75 <= gap <= 86 for gap in refreshes), refreshes
    assert len(set(refreshes)) > 1  # not in step with others


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        (
            "Contact: <sip:+15550100@203.0.113.1>;expires=5, {ours};expires=200, <sip:x@203.0.113.2>;q=1\r\n",
            200,
        ),
        ("Contact: {ours}\r\nExpires: 300\r\n", 300),
        ("Expires: 250\r\n", 250),
        ("", 600),
        ("Contact: {ours};expires=nonsense\r\n", 600),
        ("Contact: <sip:+15550100@203.0.113.99:1024;ob>;expires=90\r\n", 90),  # a registrar that rewrites it
        ('Contact: "me" <sip:+15550100@198.51.100.1:5060;x=y>;q=0.5;Expires=70, <sip:a@b>\r\n', 70),
        ("m: <<broken>, {ours};expires=80\r\n", 80),
        ("Contact: {ours};expires=99999999999999\r\n", 30 * 86_400),
    ],
)
async def test_the_time_granted_for_our_contact_counts(lines: str, seconds: int) -> None:
    world, server = await started(lambda request: (200, lines.format(ours=request["Contact"])))
    granted_at = server.seen[0].at
    assert state(world).expires == datetime.fromtimestamp(WALL + granted_at + seconds, UTC)


async def test_a_200_that_does_not_list_our_contact_is_no_registration() -> None:
    world, _ = await started(always(200, "Contact: <sip:a@203.0.113.1>, <sip:b@203.0.113.2>\r\n"))
    assert state(world).registration == "failed"
    assert "our Contact is not registered" in state(world).why


async def test_min_expires_is_asked_for_and_kept() -> None:
    world, server = await started(
        lambda request: (
            (423, "Min-Expires: 1800\r\n") if int(request["Expires"]) < 1800 else granting(1800)(request)
        )
    )
    assert [text["Expires"] for text in server.seen] == ["600", "1800"]
    assert state(world).registration == "registered"
    await world.run(1600)
    assert [text["Expires"] for text in server.seen] == ["600", "1800", "1800"]


@pytest.mark.parametrize("extra", ["", "Min-Expires: 60\r\n", "Min-Expires: x\r\n"])
async def test_a_423_that_makes_no_sense_is_a_refusal(extra: str) -> None:
    world, server = await started(always(423, extra))
    assert (state(world).registration, len(server.seen)) == ("failed", 1)


async def test_a_min_expires_that_always_grows_comes_to_an_end() -> None:
    world, server = await started(lambda request: (423, f"Min-Expires: {int(request['Expires']) + 1}\r\n"))
    await world.run(10)
    assert state(world).registration == "failed"
    assert len(server.seen) <= 7


async def test_a_nonce_is_used_again_until_the_registrar_wants_another() -> None:
    def answer(request: Text) -> tuple[int, str]:
        nonce = "a" if request.at < began + 250 else "b"
        if f'nonce="{nonce}"' in dict(request.headers).get("Authorization", ""):
            return granting(100)(request)
        return 401, CHALLENGE.format(nonce, "")  # a registrar that does not say "stale"

    began = World().net.now
    world, server = await started(answer)
    await world.run(440)
    given = [dict(text.headers).get("Authorization", "") for text in server.seen]
    assert [text.partition("nc=")[2][:8] for text in given if 'nonce="a"' in text][:3] == [
        "00000001",
        "00000002",
        "00000003",
    ]
    assert [text.partition("nc=")[2][:8] for text in given if 'nonce="b"' in text][:2] == [
        "00000001",
        "00000002",
    ]
    assert state(world).registration == "registered"
    assert len(server.seen) <= 8


async def test_an_operator_behind_a_nat_is_told_once() -> None:
    def answer(request: Text) -> tuple[int, str]:
        return granting(60)(request)

    world = World()
    world.seen_at = "203.0.113.80"
    world.server(answer)
    with capture_logs() as logs:
        world.carriers.use([PROVIDER])
        await world.run(300)
    hints = [log for log in logs if "another address" in log["event"]]
    assert [(log["seen"], log["ours"]) for log in hints] == [("203.0.113.80", "198.51.100.1")]


async def test_a_stale_nonce_costs_one_more_round() -> None:
    def answer(request: Text) -> tuple[int, str]:
        given = dict(request.headers).get("Authorization", "")
        if 'nonce="new"' in given:
            return granting(600)(request)
        return 401, CHALLENGE.format("new", ", stale=true") if given else CHALLENGE.format("old", "")

    world, server = await started(answer)
    assert len(server.seen) == 3
    assert state(world).registration == "registered"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (always(401, CHALLENGE.format("n", "")), "401 to REGISTER: check username and password"),
        (challenging(always(403)), "403 to REGISTER: check username and password"),
        (
            challenging(always(404)),
            "404 to REGISTER: the provider does not know this username: check username and hostname",
        ),
        (always(405), "405 to REGISTER: Whatever"),
    ],
)
async def test_a_refusal_says_what_to_do_and_is_tried_again_slowly(
    answer: Callable[[Text], tuple[int, str] | None], why: str
) -> None:
    with capture_logs() as logs:
        world, server = await started(answer)
        assert (state(world).registration, state(world).why) == ("failed", why)
        assert not world.carriers.usable("carrier")
        await world.run(4 * 3600, step=2)
    tries = [text.at for text in server.seen if "Authorization" in text or "401" not in why]
    if "Authorization" in server.seen[1]:
        tries = [text.at for text in server.seen if "Authorization" in text]
    waits = gaps(tries)
    for position, wait in enumerate(waits):
        expected = min(30 * 2**position, 1800)
        assert 0.79 * expected <= wait <= 1.21 * expected + 2, waits
    assert 9 <= len(waits) <= 14
    assert [(log["event"], log["why"], log["provider"]) for log in logs] == [
        ("not registered with provider", why, "carrier")
    ]


async def test_silence_leads_to_the_next_server_and_the_silent_one_is_passed_over() -> None:
    world = World()
    srv(world, "192.0.2.11", "192.0.2.12")
    dead = world.server(silent, "192.0.2.11")
    living = world.server(challenging(granting(60)), "192.0.2.12")
    world.carriers.use([named()])
    await world.run(40)
    assert set(dead.methods()) == {"REGISTER"}
    assert len(dead.at()) == 1
    assert state(world).registration == "registered"
    assert living.seen[0].at - dead.seen[0].at == pytest.approx(32, abs=1)
    await world.run(40)
    assert len(dead.at()) == 1  # the refresh went to the one that works
    assert len(living.seen) >= 3


@pytest.mark.parametrize("status", [500, 503, 504, 408])
async def test_a_server_that_cannot_is_left_for_the_next_one_at_once(status: int) -> None:
    world = World()
    srv(world, "192.0.2.11", "192.0.2.12")
    unable = world.server(always(status), "192.0.2.11")
    able = world.server(granting(600), "192.0.2.12")
    world.carriers.use([named()])
    await world.run(2)
    assert (len(unable.seen), len(able.seen)) == (1, 1)
    assert state(world).registration == "registered"
    assert world.carriers.sources("carrier") == {"192.0.2.11", "192.0.2.12"}


async def test_without_any_server_the_waits_double_to_five_minutes() -> None:
    with capture_logs() as logs:
        world, server = await started(always(500))
        await world.run(3600)
    waits = gaps(server.at())
    for position, wait in enumerate(waits):
        expected = min(2 * 2**position, 300)
        assert 0.79 * expected <= wait <= 1.21 * expected + 1, waits
    assert state(world).why == "500 to REGISTER from 192.0.2.10"
    assert len(logs) == 1


async def test_retry_after_is_kept() -> None:
    world, server = await started(
        one_by_one(always(503, "Retry-After: 120 (overloaded);duration=60\r\n"), granting(600))
    )
    assert state(world).registration == "failed"
    await world.run(200)
    assert state(world).registration == "registered"
    assert server.seen[1].at - server.seen[0].at == pytest.approx(120, abs=1)


async def test_nobody_there_says_where_to_look() -> None:
    world = World()
    world.carriers.use([PROVIDER])
    await world.run(40)
    assert state(world).why == "no answer from 192.0.2.10: check hostname, transport and firewall"


async def test_a_refused_connection_says_so_at_once() -> None:
    world, server = await started(silent, replace(PROVIDER, transport="tcp"))
    assert len(server.seen) == 1
    world.fail("192.0.2.10", 5070)
    await world.run(0.5)
    assert state(world).why == "no connection to 192.0.2.10: check hostname, transport and firewall"


async def test_a_transport_that_we_do_not_listen_on_is_a_failure_with_words() -> None:
    world = World()
    world.no_transport.add("TCP")
    world.carriers.use([replace(PROVIDER, transport="tcp")])
    await world.run(2)
    assert state(world).why == "no TCP socket that reaches 192.0.2.10: add one to sip.listen"


async def test_a_refresh_without_answer_leaves_the_registration_until_its_time_is_over() -> None:
    world, server = await started(one_by_one(granting(100), silent))
    began = server.seen[0].at
    await world.run(97)
    assert state(world).registration == "registered"
    assert "192.0.2.10" in world.carriers.sources("carrier")
    await world.run(5)
    assert world.net.now - began > 100
    assert state(world).registration == "failed"
    assert world.carriers.sources("carrier") == frozenset()
    server.answer = granting(100)
    await world.run(60)
    assert state(world).registration == "registered"


async def test_redirections_are_followed_and_refreshes_go_where_they_led() -> None:
    world = World()
    first = world.server(always(302, "Contact: <sip:nobody@192.0.2.98>;q=0.1, <sip:x@192.0.2.20:5080>\r\n"))
    second = world.server(granting(100), "192.0.2.20", 5080)
    world.carriers.use([PROVIDER])
    await world.run(300)
    assert state(world).registration == "registered"
    assert len(first.seen) == 1
    assert len(second.seen) >= 3
    assert second.seen[0].start == "REGISTER sip:192.0.2.20:5080 SIP/2.0"
    assert second.seen[0]["To"] == "<sip:+15550100@192.0.2.10>"


async def test_redirections_in_a_circle_end() -> None:
    world, server = await started(always(301, "Contact: <sip:192.0.2.10:5070>\r\n"))
    await world.run(10)
    assert state(world).registration == "failed"
    assert len(server.seen) == 6


async def test_the_service_route_is_what_calls_take() -> None:
    world, _ = await started(
        granting(600, "Service-Route: <sip:edge.carrier.test;lr>, <sip:192.0.2.30:5070;lr>;x=y")
    )
    assert world.carriers.route("carrier") == ("<sip:edge.carrier.test;lr>", "<sip:192.0.2.30:5070;lr>")


async def test_a_lost_connection_is_registered_anew_at_once() -> None:
    world, server = await started(granting(3600), replace(PROVIDER, transport="tcp"))
    assert server.seen[0]["Contact"] == "<sip:+15550100@198.51.100.1:5060;transport=tcp>"
    await world.run(60)
    world.carriers.connection_lost(99)  # somebody else's
    await world.run(10)
    assert len(server.seen) == 1
    world.connection = 8
    lost_at = world.net.now
    world.carriers.connection_lost(7)
    assert state(world).registration == "trying"
    await world.run(1)
    assert server.seen[1].at == lost_at
    assert state(world).registration == "registered"
    world.carriers.connection_lost(8)  # connections that do not last are not made in a hurry
    await world.run(1)
    assert len(server.seen) == 2
    await world.run(5)
    assert len(server.seen) == 3


async def test_a_provider_that_goes_is_told_so() -> None:
    world, server = await started(challenging(granting(600)))
    server.answer = challenging(lambda request: (200, "") if request["Expires"] == "0" else (500, ""), "n2")
    world.carriers.use([])
    await world.run(5)
    last = server.seen[-1]
    assert (last["Expires"], last["Contact"]) == ("0", "<sip:+15550100@198.51.100.1:5060>")
    assert "Authorization" in last
    assert last["Call-ID"] == server.seen[0]["Call-ID"]
    assert world.carriers.state("carrier") is None
    await world.run(3600)
    assert server.seen[-1] is last


async def test_dns_that_does_not_answer_delays_nobody_else() -> None:
    world = World()
    other = world.server(granting(600))
    world.dns.broken = True
    world.carriers.use([named(), replace(PROVIDER, id="other")])
    await world.run(2)
    assert len(other.seen) == 1
    assert "DNS" in state(world).why or "address" in state(world).why
    world.dns.broken = False
    srv(world, "192.0.2.11")
    world.server(granting(600), "192.0.2.11")
    await world.run(60)
    assert state(world).registration == "registered"


async def test_a_username_with_a_domain_is_an_address_of_its_own() -> None:
    _, server = await started(
        granting(600), replace(PROVIDER, credentials=("bob smith@pbx.example", "secret"))
    )
    assert server.seen[0]["To"] == "<sip:bob%20smith@pbx.example>"
    assert server.seen[0]["Contact"] == "<sip:carrier@198.51.100.1:5060>"  # nothing that needs escapes
