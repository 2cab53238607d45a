"""Who is let in, and how they say who they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.serving import Api, add_agent
from voipbin_sip.resources.kinds.accesskey import StoredAccesskey, new_token, token_hash
from voipbin_sip.resources.kinds.agent import Permission


async def test_nobody_is_let_in_without_a_key(api: Api) -> None:
    status, body = await api.ask("GET", "/tags", params={})
    assert status == 401
    error = body["error"]
    assert (error["status"], error["reason"]) == ("UNAUTHENTICATED", "AUTHENTICATION_REQUIRED")
    assert error["request_id"].startswith("req_")


@pytest.mark.parametrize(
    "how",
    [
        lambda key: {"params": {"accesskey": key}},
        lambda key: {"params": {}, "cookies": {"accesskey": key}},
        lambda key: {"params": {}, "headers": {"Authorization": f"AccessKey {key}"}},
        lambda key: {"params": {}, "headers": {"Authorization": f"Bearer {key}"}},
    ],
)
async def test_a_key_is_read_wherever_clients_put_it(api: Api, how: Any) -> None:
    assert (await api.ask("GET", "/tags", **how(api.token)))[0] == 200
    status, body = await api.ask("GET", "/tags", **how("vb_" + "x" * 32))
    assert (status, body["error"]["reason"]) == (401, "INVALID_CREDENTIALS")


async def test_expired_and_deleted_keys_are_refused(api: Api) -> None:
    token = new_token()
    await api.services.catalogue.create(
        StoredAccesskey(token_hash=token_hash(token), tm_expire=datetime.now(UTC) - timedelta(seconds=1))
    )
    assert (await api.ask("GET", "/tags", params={"accesskey": token}))[0] == 401
    _, made = await api.ask("POST", "/accesskeys", {"name": "n", "detail": "", "expire": 60})
    mine = {"accesskey": made["token"]}
    assert (await api.ask("GET", "/tags", params=mine))[0] == 200
    assert (await api.ask("DELETE", f"/accesskeys/{made['id']}"))[0] == 200
    assert (await api.ask("GET", "/tags", params=mine))[0] == 401


async def test_a_token_is_shown_once(api: Api) -> None:
    _, made = await api.ask("POST", "/accesskeys", {"name": "n", "detail": "d", "expire": 60})
    assert made["token"].startswith("vb_")
    assert len(made["token"]) == 35
    assert made["token_prefix"] == made["token"][:11]
    _, shown = await api.ask("GET", f"/accesskeys/{made['id']}")
    assert shown["token"] is None
    _, listed = await api.ask("GET", "/accesskeys")
    assert made["token"] not in str(listed)
    assert "token_hash" not in str(listed)


async def test_agents_log_in_and_do_what_they_may(api: Api) -> None:
    agent = await add_agent(api, "a@example.com", Permission.AGENT)
    wrong = {"username": "a@example.com", "password": "no"}
    assert (await api.ask("POST", "/auth/login", wrong, params={}))[0] == 400
    nobody = {"username": "b@example.com", "password": "open sesame"}
    assert (await api.ask("POST", "/auth/login", nobody, params={}))[0] == 400
    right = {"username": "a@example.com", "password": "open sesame"}
    status, answer = await api.ask("POST", "/auth/login", right, params={})
    assert status == 200
    for how in (
        {"params": {"token": answer["token"]}},
        {"params": {}, "headers": {"Authorization": f"Bearer {answer['token']}"}},
        {"params": {}, "cookies": {"token": answer["token"]}},
    ):
        assert (await api.ask("GET", "/me", **how))[1]["id"] == str(agent.id)
    mine = {"params": {"token": answer["token"]}}
    status, body = await api.ask("POST", "/tags", {"name": "x"}, **mine)
    assert (status, body["error"]["reason"]) == (403, "PERMISSION_DENIED")
    assert (await api.ask("PUT", f"/agents/{agent.id}/status", {"status": "away"}, **mine))[0] == 200
    assert (await api.ask("PUT", f"/agents/{agent.id}/permission", {"permission": 32}, **mine))[0] == 403
    await api.ask("DELETE", f"/agents/{agent.id}")
    assert (await api.ask("GET", "/me", **mine))[0] == 401


async def test_a_token_of_another_server_is_refused(api: Api) -> None:
    import jwt

    agent = await add_agent(api, "a@example.com", Permission.ADMIN)
    for forged in (
        jwt.encode({"sub": str(agent.id), "aud": "voipbin-api", "exp": 9e9}, "other" * 8),
        jwt.encode({"sub": str(agent.id), "aud": "voipbin-api", "exp": 9e9}, "", algorithm="none"),
        jwt.encode({"sub": str(agent.id), "aud": "voipbin-api", "exp": 1}, b"secret" * 8),
    ):
        assert (await api.ask("GET", "/me", params={"token": forged}))[0] == 401
