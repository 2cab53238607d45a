"""Who may open a media stream, and how the others are told; what it carries is in tests/phones."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.api.serving import Api, add_agent
from voipbin_sip.resources.kinds.agent import Permission

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def asked(api: Api, path: str, **query: str) -> tuple[int, dict[str, Any]]:
    """The status and the error with which an upgrade is answered."""
    params = {"accesskey": api.token, **query}
    async with api.http.get(f"{api.base}/v1.0{path}/media_stream", params=params, headers=UPGRADE) as answer:
        return answer.status, (await answer.json())["error"]


async def test_who_and_what_is_refused(api: Api) -> None:
    for kind in ("call", "conference"):
        status, error = await asked(api, f"/{kind}s/{uuid4()}", encapsulation="sln")
        assert (status, error["reason"]) == (404, f"{kind.upper()}_NOT_FOUND")
    status, error = await asked(api, f"/calls/{uuid4()}", encapsulation="mp3")
    assert (status, error["message"]) == (400, "no encapsulation 'mp3': one of rtp, sln, audiosocket")
    assert (await asked(api, f"/conferences/{uuid4()}"))[0] == 400  # there it has to be named
    assert (await asked(api, "/calls/7"))[0] == 400
    status, error = await asked(api, f"/calls/{uuid4()}", accesskey="vb_wrong")
    assert (status, error["status"]) == (401, "UNAUTHENTICATED")


async def test_an_agent_who_manages_nothing(api: Api) -> None:
    agent = await add_agent(api, "kim@example.com", Permission.AGENT)
    params = {"token": api.services.tokens.make(agent.id), "encapsulation": "sln"}
    path = f"{api.base}/v1.0/calls/{uuid4()}/media_stream"
    async with api.http.get(path, params=params, headers=UPGRADE) as answer:
        assert answer.status == 403
