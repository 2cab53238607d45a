"""Who is rung of a group in which the caller's own phone is."""

from __future__ import annotations

import pytest

from tests.calls.exchange import HOP, Exchange
from voipbin_sip.calls.call import Address
from voipbin_sip.calls.outgoing import Target
from voipbin_sip.calls.own_phone import without_own_phone
from voipbin_sip.calls.session import CallSession
from voipbin_sip.sip.dialog import Dialog
from voipbin_sip.sip.events import Hop

AWAY = Hop("UDP", ("192.0.2.1", 5060), ("192.0.2.3", 5060))
PROXY = Hop("UDP", ("192.0.2.1", 5060), ("192.0.2.9", 5060))


def calling(contact: str = "sip:1000@192.0.2.2:5060", hop: Hop = HOP) -> CallSession:
    exchange = Exchange()
    caller = exchange.new_call("1000")
    caller.call.peer = "extension:1000"
    exchange.core.dialogs["1000"] = Dialog(
        "id", "ours", "theirs", "<sip:9@x>", "<sip:1000@x>", 0, 1, (), contact, False, False, hop
    )
    return caller


def phone(extension: str, hop: Hop = HOP, uri: str = "", *, path: bool = False) -> Target:
    uri = uri or f"sip:{extension}@{hop.remote[0]}:5060"
    return Target(uri, (hop,), extension=extension, route=("<sip:192.0.2.9;lr>",) if path else ())


def rung(caller: CallSession, **wanted: list[Target]) -> list[list[str]]:
    asked = [(Address("extension", name), targets) for name, targets in wanted.items()]
    return [[target.uri for target in targets] for _, targets in without_own_phone(caller, asked)]


async def test_the_others_of_a_group_ring() -> None:
    own, other = phone("1000"), phone("1001", AWAY)
    assert rung(calling(), a=[own], b=[other]) == [[], [other.uri]]


async def test_other_phones_of_the_same_extension_ring() -> None:
    own, at_home = phone("1000"), phone("1000", AWAY)
    assert rung(calling(), a=[own, at_home]) == [[at_home.uri]]


async def test_who_calls_only_himself_is_rung() -> None:
    own = phone("1000")
    assert rung(calling(), a=[own]) == [[own.uri]]


async def test_a_group_of_which_nobody_else_can_be_reached_does_not_ring_the_caller() -> None:
    assert rung(calling(), a=[phone("1000")], b=[]) == [[], []]


@pytest.mark.parametrize("port", [5060, 40_000])
async def test_behind_a_nat_the_phone_is_known_by_its_address(port: int) -> None:
    hop = Hop("UDP", HOP.local, ("192.0.2.2", port))
    own = phone("1000", hop, "sip:1000@10.0.0.5:5060")
    assert rung(calling("sip:1000@10.0.0.5:6000", hop), a=[own], b=[phone("1001", AWAY)])[0] == []


async def test_behind_a_proxy_it_is_known_by_its_contact() -> None:
    own = phone("1000", PROXY, "sip:1000@10.0.0.5:5060", path=True)
    desk = phone("1000", PROXY, "sip:1000@10.0.0.6:5060", path=True)
    caller = calling("sip:1000@10.0.0.5:5060;ob", PROXY)
    assert rung(caller, a=[own, desk], b=[phone("1001", AWAY)])[0] == [desk.uri]


async def test_another_extension_at_the_same_address_rings() -> None:
    beside = phone("1001", HOP, "sip:1001@192.0.2.2:5060")
    assert rung(calling(), a=[beside], b=[phone("1002", AWAY)])[0] == [beside.uri]


async def test_who_was_not_asked_for_a_password_is_known_by_name_and_address() -> None:
    caller = calling()
    caller.call.peer = ""  # a public number
    assert rung(caller, a=[phone("1000")], b=[phone("1001", AWAY)])[0] == []
    beside = phone("1001", HOP, "sip:1001@192.0.2.2:5060")  # another line of the same box
    assert rung(caller, a=[beside], b=[phone("1002", AWAY)])[0] == [beside.uri]
    away = calling("sip:1000@198.51.100.1:5060", Hop("UDP", HOP.local, ("198.51.100.1", 5060)))
    away.call.peer = ""
    assert rung(away, a=[phone("1000")], b=[phone("1001", AWAY)])[0] == ["sip:1000@192.0.2.2:5060"]


async def test_a_trunk_has_no_phone_of_ours() -> None:
    caller = calling()
    caller.call.peer = "trunk:office"
    assert rung(caller, a=[phone("1000")], b=[phone("1001", AWAY)])[0] == ["sip:1000@192.0.2.2:5060"]
