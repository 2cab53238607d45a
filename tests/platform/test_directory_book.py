"""What files declare and what the API makes is one directory, as calls see it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.databases import sqlite_url
from tests.platform.books import Books, open_books
from voipbin_sip.directory import Directory, Reach
from voipbin_sip.platform.direct import declared_hashes, new_hash
from voipbin_sip.platform.entries import Unfit
from voipbin_sip.platform.setup import Taken
from voipbin_sip.resources.base import Resource, declared_id
from voipbin_sip.resources.catalogue import Declared
from voipbin_sip.resources.kinds.agent import StoredAgent
from voipbin_sip.resources.kinds.conference import ConferenceResource
from voipbin_sip.resources.kinds.fields import AddressField
from voipbin_sip.resources.kinds.flow import FlowResource
from voipbin_sip.resources.kinds.telephony import (
    NumberResource,
    OutboundConfigResource,
    RouteResource,
    StoredExtension,
    StoredProvider,
    StoredTrunk,
)
from voipbin_sip.store.tables import events, resources


@pytest.fixture
def sqlite(newest_sqlite: Path, tmp_path: Path) -> str:
    shutil.copy(newest_sqlite, tmp_path / "test.db")
    return sqlite_url(tmp_path / "test.db")


@pytest.fixture
async def books(sqlite: str, tmp_path: Path) -> AsyncIterator[Books]:
    async with open_books(sqlite) as books:
        books.declare(tmp_path)
        yield books


async def test_both_lie_side_by_side(books: Books) -> None:
    await books.setup.add(StoredExtension(extension="2000"), "extension_created", password="word")
    flow = books.flows.flows.get("after")
    assert flow is not None
    await books.setup.add(NumberResource(number="+15550199", call_flow_id=flow.uuid), "number_created")
    now = books.directory.directory
    assert set(now.extensions) == {"1000", "2000"}
    assert (now.password("1000"), now.password("2000")) == ("opensesame", "word")
    assert {number: entry.flow for number, entry in now.numbers.items()} == {
        "+15550100": "menu",
        "100": "after",
        "+15550199": str(flow.uuid),
    }
    assert now.extension_ids[str(declared_id("extension", "1000"))] == "1000"


async def test_each_change_gives_its_users_a_new_directory_and_leaves_the_old_one(books: Books) -> None:
    seen: list[Directory] = []
    books.directory.use(seen.append)
    made = await books.setup.add(StoredExtension(extension="2000"), "extension_created", password="a")
    await books.setup.change(StoredExtension, made.id, "extension_updated", password="b")
    await books.catalogue.delete(StoredExtension, made.id)
    assert [directory.password("2000") for directory in seen] == [None, "a", "b", None]


async def test_passwords_are_sealed_in_the_database_and_in_no_event(books: Books) -> None:
    extension = StoredExtension(extension="2000")
    await books.setup.add(extension, "extension_created", password="quite a secret")
    trunk = StoredTrunk(domain_name="branch", auth_types=["basic"], username="pbx")
    await books.setup.add(trunk, "trunk_created", password="quite a secret")
    rows = [*await books.store.fetch(select(resources)), *await books.store.fetch(select(events))]
    written = "".join(str(dict(row)) for row in rows)
    assert "branch" in written
    assert "quite a secret" not in written


@pytest.mark.parametrize(
    "resource",
    [
        StoredExtension(extension="1000"),
        NumberResource(number="+15550100"),
        StoredTrunk(domain_name="office"),
    ],
    ids=lambda resource: resource.kind,
)
async def test_what_a_file_declares_is_taken_and_stays_as_it_is(books: Books, resource: Resource) -> None:
    with pytest.raises(Taken):
        await books.setup.add(resource, "created")
    (declared,) = [r for r in books.catalogue.all(type(resource)) if books.catalogue.where(r.id)][-1:]
    with pytest.raises(Declared, match=r"directory\.yaml:\d+"):
        await books.setup.change(type(resource), declared.id, "updated", name="x")


@pytest.mark.parametrize(
    ("resource", "field"),
    [
        (NumberResource(number="555"), "number"),
        (NumberResource(number="+155501"), "number"),
        (NumberResource(number="+1555012345678901"), "number"),
        (NumberResource(number="+899123456789"), "type"),
        (NumberResource(number="+15550123", type="virtual"), "type"),
        (NumberResource(number="+89912345678", type="virtual"), "number"),
        (NumberResource(number="+899000456789", type="virtual"), "number"),
        (NumberResource(number="+15550123", call_flow_id=declared_id("x", "y")), "call_flow_id"),
        (StoredExtension(extension="two words"), "extension"),
        (StoredTrunk(domain_name="No Label"), "domain_name"),
        (StoredTrunk(domain_name="pbx", auth_types=["ip"]), ""),
        (StoredTrunk(domain_name="pbx", auth_types=["ip"], allowed_ips=["everywhere"]), "allowed_ips.0"),
        (StoredProvider(hostname=""), "hostname"),
        (StoredProvider(hostname="sip.example.com", codecs="PCMU,MP3"), "codecs.1"),
        (StoredProvider(hostname="sip.example.com", tech_headers={"Via": "x"}), "tech_headers.Via"),
        (
            StoredProvider(hostname="sip.example.com", tech_headers={"X-Note": "a\r\nb"}),
            "tech_headers.X-Note",
        ),
        (RouteResource(), "provider_id"),
        (RouteResource(provider_id=declared_id("provider", "none")), "provider_id"),
        (RouteResource(provider_id=declared_id("provider", "carrier"), target="49"), "target"),
        (OutboundConfigResource(destination_whitelist=["germany"]), "destination_whitelist.0"),
        (ConferenceResource(pre_flow_id=declared_id("x", "y")), "pre_flow_id"),
    ],
    ids=lambda value: value.kind if isinstance(value, Resource) else value,
)
async def test_what_cannot_be_used_is_refused_with_its_field(
    books: Books, resource: Resource, field: str
) -> None:
    before = books.directory.directory
    with pytest.raises(Unfit) as refused:
        await books.setup.add(resource, "created", password="x" if "extension" in resource.kind else "")
    assert [name for name, _ in refused.value.faults] == [field]
    assert books.directory.directory is before


async def test_routes_lead_to_carriers_of_both_kinds(books: Books) -> None:
    carrier = declared_id("provider", "carrier")
    made = await books.setup.add(
        StoredProvider(hostname="192.0.2.7:5070", username="me"), "provider_created", password="x"
    )
    await books.setup.add(RouteResource(provider_id=made.id, target="+49"), "route_created")
    await books.setup.add(RouteResource(provider_id=carrier, target="+43"), "route_created")
    now = books.directory.directory
    assert [(route.provider_id, route.target) for route in now.routes] == [
        ("carrier", "all"),
        (str(made.id), "+49"),
        ("carrier", "+43"),
    ]
    assert now.credentials(str(made.id)) == ("me", "x")
    assert now.credentials("carrier") == ("we", "secret")


async def test_a_trunk_without_a_way_to_prove_itself_is_kept_and_not_let_in(books: Books) -> None:
    made = await books.setup.add(StoredTrunk(domain_name="pbx"), "trunk_created")
    assert "pbx" not in books.directory.directory.trunks
    await books.setup.change(
        StoredTrunk, made.id, "trunk_updated", auth_types=["ip"], allowed_ips=["192.0.2.9"]
    )
    owners = books.directory.directory.sources.owners("192.0.2.9")
    assert [getattr(owner, "domain_name", "") for owner in owners] == ["pbx"]


async def test_a_conference_is_one_by_word_and_by_id(books: Books) -> None:
    weekly = declared_id("conference", "weekly")
    made = await books.setup.add(ConferenceResource(name="daily"), "conference_created")
    known = books.directory.directory.conferences
    assert known["weekly"] is known[str(weekly)]
    assert known["weekly"].id == "weekly"
    assert known[str(made.id)].id == str(made.id)
    assert set(known) == {"weekly", str(weekly), str(made.id)}
    with pytest.raises(Taken):
        await books.setup.add(ConferenceResource(id=made.id), "conference_created")


async def test_direct_hashes_lead_to_everything_that_has_one(books: Books) -> None:
    phone = await books.setup.add(
        StoredExtension(extension="2000", direct_hash=new_hash()), "extension_created", password="x"
    )
    agent = await books.catalogue.create(
        StoredAgent(direct_hash=new_hash(), addresses=[AddressField(type="extension", target="2000")])
    )
    actions = [{"id": "a", "next_id": "", "type": "answer", "option": {}}]
    flow = await books.setup.add(FlowResource(name="f", actions=actions), "flow_created")
    flow = await books.setup.renew_hash(FlowResource, flow.id, "flow_updated")
    weekly = declared_hashes(bytes(32))("conference", "weekly")
    direct = books.directory.directory.direct
    assert direct[phone.direct_hash] == Reach("extension", "2000")
    assert direct[agent.direct_hash] == Reach("agent", str(agent.id))
    assert direct[flow.direct_hash] == Reach("flow", str(flow.id))
    assert direct[weekly] == Reach("conference", "weekly")
    assert len(direct) == 5  # and the phone of the file
    assert books.directory.directory.agents[str(agent.id)] == (Reach("extension", "2000"),)
    renewed = await books.setup.renew_hash(StoredExtension, phone.id, "extension_updated")
    direct = books.directory.directory.direct
    assert phone.direct_hash not in direct
    assert direct[renewed.direct_hash] == Reach("extension", "2000")


async def test_the_outbound_config_narrows_and_names_the_number_that_is_shown(books: Books) -> None:
    own = await books.setup.add(NumberResource(number="+493012345678"), "number_created")
    virtual = await books.setup.add(NumberResource(number="+899123456789", type="virtual"), "number_created")
    with pytest.raises(Unfit, match="cannot be used for this"):
        await books.setup.add(
            OutboundConfigResource(default_outgoing_source_number_id=virtual.id), "outbound_config_created"
        )
    config = OutboundConfigResource(
        destination_whitelist=["de", "at"], codecs="PCMA", default_outgoing_source_number_id=own.id
    )
    made = await books.setup.add(config, "outbound_config_created")
    now = books.directory.directory
    assert now.countries == frozenset({"DE", "AT"})
    assert now.default_number == "+493012345678"
    assert now.sip_codecs == ("PCMA",)
    with pytest.raises(Taken):
        await books.setup.add(OutboundConfigResource(), "outbound_config_created")
    await books.setup.change(
        OutboundConfigResource, made.id, "outbound_config_updated", destination_whitelist=[]
    )
    assert books.directory.directory.countries == frozenset()
    await books.catalogue.delete(OutboundConfigResource, made.id)
    assert books.directory.directory.countries is None


async def test_it_is_all_there_after_a_restart(database: str, tmp_path: Path) -> None:
    async with open_books(database) as books:
        books.declare(tmp_path)
        await books.setup.add(StoredExtension(extension="2000"), "extension_created", password="word")
        before = books.directory.directory
    async with open_books(database) as books:
        books.declare(tmp_path)
        after = books.directory.directory
    assert (after.passwords, after.extensions, after.direct) == (
        before.passwords,
        before.extensions,
        before.direct,
    )


async def test_declared_resources_have_times_of_their_own_that_stay(sqlite: str, tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        async with open_books(sqlite) as books:
            books.declare(tmp_path)
            seen.append([number.tm_create for number in books.catalogue.all(NumberResource)])
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 2
