"""Phones stay registered over a restart."""

from __future__ import annotations

import pytest
from sqlalchemy import Float, Integer

from tests.registrar.phone import NOW, Office, Phone, hop
from voipbin_sip.registrar.contact import Contact
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.store.bindings import record_bindings, restore_bindings
from voipbin_sip.store.store import Store
from voipbin_sip.store.tables import bindings
from voipbin_sip.store.write_behind import Pace, Value


class Server:
    """An office whose locations are stored; `restart` gives what the next one finds."""

    def __init__(self, database: str) -> None:
        self.office = Office()
        self._url = database
        self.store = Store(self._url, Pace(gather=0.001))

    async def start(self) -> None:
        assert await self.store.open()
        record_bindings(self.store, self.office.locations)

    async def restart(
        self, *, now: float = NOW, known: frozenset[str] = frozenset(("1000", "1001"))
    ) -> Locations:
        await self.store.close()
        self.store = Store(self._url, Pace(gather=0.001))
        assert await self.store.open()
        locations = Locations()
        await restore_bindings(self.store, locations, known.__contains__, now)
        return locations

    async def contacts(self) -> list[Contact]:
        locations = await self.restart()
        await self.store.close()
        return [contact for _, contact in locations]


@pytest.fixture
async def server(database: str) -> Server:
    server = Server(database)
    await server.start()
    return server


async def test_all_that_a_phone_said_is_kept(server: Server) -> None:
    instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'
    Phone(server.office, hop=hop("198.51.100.7", 40_000)).register(
        f'"Desk" <sip:1000@10.0.0.9:5070;ob>;q=0.3;{instance};reg-id=1',
        headers=["User-Agent: Desk 3", "Path: <sip:p2.test;lr>, <sip:p1.test;lr>"],
    )
    before = server.office.locations.contacts("1000")
    assert before[0].path and before[0].instance and before[0].reg_id
    assert await server.contacts() == before


async def test_refreshed_moved_and_removed_phones(server: Server) -> None:
    office = server.office
    phone = Phone(office)
    phone.register("<sip:1000@198.51.100.7>")
    office.now += 100
    phone.register("<SIP:%31000@198.51.100.7>")
    Phone(office, "1001", password="other").register("<sip:1001@198.51.100.8>")
    Phone(office, "1001", password="other", call_id="b").register("*", headers=["Expires: 0"])
    (contact,) = await server.contacts()
    assert contact == office.locations.contacts("1000")[0]
    assert contact.updated_at == NOW + 100


async def test_expired_bindings_are_deleted(server: Server) -> None:
    Phone(server.office).register("<sip:1000@198.51.100.7>", headers=["Expires: 60"])
    Phone(server.office, call_id="b").register("<sip:1000@198.51.100.8>", headers=["Expires: 600"])
    locations = await server.restart(now=NOW + 60)
    assert [contact.uri for _, contact in locations] == ["sip:1000@198.51.100.8"]
    assert [contact.uri for contact in await server.contacts()] == ["sip:1000@198.51.100.8"]


async def test_extensions_that_are_gone_are_not_restored(server: Server) -> None:
    Phone(server.office).register("<sip:1000@198.51.100.7>")
    assert len(await server.restart(known=frozenset(("1001",)))) == 0
    assert await server.contacts() == []


async def test_connections_do_not_survive_but_addresses_do(server: Server) -> None:
    Phone(server.office, hop=hop("198.51.100.7", 40_000, "TCP", 5)).register("<sip:a@10.0.0.9;transport=tcp>")
    Phone(server.office, call_id="b", hop=hop("198.51.100.8", 40_000, "TCP", 6)).register(
        "<sip:b@198.51.100.8:5060;transport=tcp>"
    )
    (contact,) = await server.contacts()
    assert contact.hop == hop("198.51.100.8", 5060, "TCP")


async def test_rows_that_nobody_can_read_are_deleted(server: Server) -> None:
    Phone(server.office).register("<sip:1000@198.51.100.7>")
    Phone(server.office, call_id="b").register("<sip:1000@198.51.100.8>")
    row: dict[str, Value] = {
        column.name: 0 if isinstance(column.type, (Float, Integer)) else "" for column in bindings.columns
    }
    server.store.put(bindings, row | {"extension": "1000", "uri": "nothing", "path": "["})
    assert len(await server.contacts()) == 2
    assert len(await server.contacts()) == 2
