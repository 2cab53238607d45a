"""What must stay secret is nowhere in plain: not in the database, not in events, not in the log."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.api.serving import Api
from tests.store.waiting import until
from voipbin_sip.store.tables import metadata

SECRET = "Correct-Horse-7-Battery"


async def everything_kept(api: Api) -> str:
    """Return all that the database holds."""
    store = api.services.store
    await until(lambda: not store.waiting)
    rows = [row for table in metadata.sorted_tables for row in await store.fetch(select(table))]
    return "\n".join(str(dict(row)) for row in rows)


async def test_secrets_are_sealed_or_hashed(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    hook = {"webhook_uri": "http://127.0.0.1:9/", "webhook_secret": f"{SECRET}-0"}
    assert (await api.ask("PUT", "/customer", hook))[0] == 200
    extension = {"extension": "2000", "password": f"{SECRET}-1"}
    trunk = {"domain_name": "office", "auth_types": ["basic"], "username": "u", "password": f"{SECRET}-2"}
    provider = {"hostname": "sip.example.com", "username": "u", "password": f"{SECRET}-3"}
    agent = {"username": "ann", "password": f"{SECRET}-4"}
    made = [
        await api.ask("POST", "/extensions", extension),
        await api.ask("POST", "/trunks", trunk),
        await api.ask("POST", "/providers", provider),
        await api.ask("POST", "/agents", agent),
        await api.ask("POST", "/accesskeys", {"name": "shop"}),
    ]
    assert [status for status, _ in made] == [200, 200, 200, 201, 200], made
    changed = {"password": f"{SECRET}-5"}
    assert (await api.ask("PUT", f"/extensions/{made[0][1]['id']}", changed))[0] == 200
    kept = await everything_kept(api)
    for hidden in (SECRET, made[4][1]["token"], api.token):
        assert hidden not in kept
    assert "extension_updated" in kept
    assert made[4][1]["token_prefix"] in kept
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err
    assert api.token not in said.out + said.err


async def test_what_was_sealed_can_be_opened_again(api: Api) -> None:
    extension = {"extension": "2000", "password": SECRET}
    _, made = await api.ask("POST", "/extensions", extension)
    assert (await api.ask("GET", f"/extensions/{made['id']}"))[1]["password"] == SECRET
    assert api.services.directory.directory.password("2000") == SECRET
