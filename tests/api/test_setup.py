"""Flows, phones, numbers, trunks, carriers, routes and conferences by HTTP, as VoIPBIN's clients ask for them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.api.serving import Api, add_agent
from voipbin_sip.resources.kinds.agent import Permission

ZERO = str(UUID(int=0))
ANSWER = {"type": "answer"}


async def ask(api: Api, method: str, path: str, body: Any = None) -> Any:
    status, answer = await api.ask(method, path, body)
    assert status == 200, answer
    return answer


async def test_a_flow_as_a_client_of_voipbin_writes_it(api: Api) -> None:
    first, second = str(uuid4()), str(uuid4())
    actions = [
        {"id": first, "next_id": ZERO, "type": "answer", "tm_execute": ""},
        {"id": second, "next_id": first, "type": "sleep", "option": {"duration": 1000}},
        {"type": "message_send", "option": {"text": "hello"}},
    ]
    body = {"name": "greet", "detail": "", "actions": actions, "on_complete_flow_id": ""}
    made = await ask(api, "POST", "/flows", body)
    assert [action["id"] for action in made["actions"][:2]] == [first, second]
    assert UUID(made["actions"][2]["id"]).int
    assert made["actions"][0] == {"id": first, "next_id": ZERO, "type": "answer", "option": {}}
    assert made["on_complete_flow_id"] == ZERO
    assert await ask(api, "PUT", f"/flows/{made['id']}", made) == made | {
        "tm_update": (await ask(api, "GET", f"/flows/{made['id']}"))["tm_update"]
    }
    renamed = await ask(api, "PUT", f"/flows/{made['id']}", {"name": "other"})
    assert (renamed["name"], renamed["actions"]) == ("other", made["actions"])


async def test_a_flow_may_be_written_later(api: Api) -> None:
    made = await ask(api, "POST", "/flows", {"name": "later", "detail": "", "actions": []})
    assert made["actions"] == []
    assert api.services.flows.find(UUID(made["id"])) is not None


@pytest.mark.parametrize(
    ("actions", "reason", "path"),
    [
        ([{"type": "anwser"}], "INVALID_ACTION_TYPE", "actions.0.type"),
        ([ANSWER, {"type": "talk", "option": {"txt": "x"}}], "INVALID_ARGUMENT", "actions.1.option"),
        ([{"type": "goto", "option": {"target_id": "no"}}], "INVALID_ARGUMENT", "actions.0.option.target_id"),
        ([{"type": "answer", "optoin": {}}], "INVALID_ARGUMENT", "actions.0.optoin"),
    ],
)
async def test_the_faults_of_a_flow_are_told_with_their_paths(
    api: Api, actions: Any, reason: str, path: str
) -> None:
    status, answer = await api.ask("POST", "/flows", {"name": "x", "actions": actions})
    assert (status, answer["error"]["status"], answer["error"]["reason"]) == (400, "INVALID_ARGUMENT", reason)
    assert path in [detail["path"] for detail in answer["error"]["details"]]
    assert (await ask(api, "GET", "/flows"))["result"] == []


@pytest.mark.parametrize("text", ["[NaN]", '["\\ud800"]', "[" * 40 + "]" * 40])
async def test_json_that_nobody_could_read_again_is_refused(api: Api, text: str) -> None:
    data = f'{{"name": "x", "data": {{"a": {text}}}}}'
    status, answer = await api.ask(
        "POST", "/conferences", data=data, headers={"Content-Type": "application/json"}
    )
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_managers_see_passwords_and_others_do_not(api: Api) -> None:
    made = await ask(api, "POST", "/extensions", {"extension": "2000", "password": "quite a secret"})
    generated = await ask(api, "POST", "/extensions", {"extension": "2001", "password": ""})
    assert made["password"] == "quite a secret"
    assert len(generated["password"]) == 16
    kept = await ask(api, "PUT", f"/extensions/{made['id']}", {"name": "a", "detail": "", "password": ""})
    assert (kept["name"], kept["password"]) == ("a", "quite a secret")
    await add_agent(api, "ann@example.com", Permission.AGENT)
    _, login = await api.ask(
        "POST", "/auth/login", {"username": "ann@example.com", "password": "open sesame"}, params={}
    )
    api.http.cookie_jar.clear()
    for path in ("/extensions", f"/extensions/{made['id']}"):
        status, seen = await api.ask("GET", path, params={"token": login["token"]})
        assert status == 200
        assert "quite a secret" not in str(seen)
    assert (await api.ask("POST", "/extensions", {"extension": "1"}, params={"token": login["token"]}))[
        0
    ] == 403
    deleted = await ask(api, "DELETE", f"/extensions/{made['id']}")
    assert deleted["password"] == ""
    assert (await ask(api, "GET", f"/extensions/{made['id']}"))["password"] == ""


async def test_numbers_of_both_kinds(api: Api) -> None:
    flow = await ask(api, "POST", "/flows", {"name": "x", "actions": [ANSWER]})
    offers = (await ask(api, "GET", "/available_numbers?type=virtual&page_size=3"))["result"]
    assert [offer["number"][:4] for offer in offers] == ["+899"] * 3
    body = {"number": offers[0]["number"], "call_flow_id": flow["id"], "message_flow_id": "", "name": "n"}
    virtual = await ask(api, "POST", "/numbers", body)
    assert (virtual["type"], virtual["call_flow_id"], virtual["status"]) == ("virtual", flow["id"], "active")
    status, again = await api.ask("POST", "/numbers", body)
    assert (status, again["error"]["status"], again["error"]["reason"]) == (
        409,
        "ALREADY_EXISTS",
        "ALREADY_EXISTS",
    )
    normal = await ask(api, "POST", "/numbers", {"number": "+493012345678"})
    unset = await ask(api, "PUT", f"/numbers/{virtual['id']}/flow_ids", {"call_flow_id": ZERO})
    assert unset["call_flow_id"] == ZERO
    debug = await ask(api, "PUT", f"/numbers/{normal['id']}/metadata", {"rtp_debug": True})
    assert debug["metadata"] == {"rtp_debug": True}
    renewed = await ask(api, "POST", "/numbers/renew", {"tm_renew": "9999-01-01 00:00:00.000000"})
    assert {number["id"] for number in renewed} == {virtual["id"], normal["id"]}
    assert all(number["tm_renew"] > normal["tm_renew"] for number in renewed)
    assert await ask(api, "POST", "/numbers/renew", {"tm_renew": normal["tm_renew"]}) == []
    gone = await ask(api, "DELETE", f"/numbers/{normal['id']}")
    assert (gone["status"], gone["tm_delete"] is None) == ("deleted", False)
    assert (await ask(api, "POST", "/numbers", {"number": "+493012345678"}))["id"] != normal["id"]
    assert (await api.ask("GET", "/available_numbers"))[0] == 400


async def test_a_carrier_with_its_route_and_its_health(api: Api) -> None:
    body = {"type": "sip", "hostname": "sip.example.com", "tech_prefix": "9", "codecs": "PCMU,PCMA"}
    provider = await ask(api, "POST", "/providers", body | {"username": "me", "password": "secret"})
    assert (provider["health_status"], provider["password"]) == ("unknown", "secret")
    route = {"customer_id": ZERO, "name": "", "detail": "", "provider_id": provider["id"], "priority": 1}
    made = await ask(api, "POST", "/routes", route | {"target": "+49"})
    assert (await ask(api, "GET", "/routes"))["result"] == [made]
    status, answer = await api.ask("PUT", f"/routes/{made['id']}", {"provider_id": str(uuid4())})
    assert (status, answer["error"]["details"][0]["field"]) == (400, "provider_id")
    assert (await api.ask("POST", "/providers/setup", {"carrier": "any", "api_key": "x"}))[0] == 409
    await ask(api, "DELETE", f"/providers/{provider['id']}")
    assert (await api.ask("PUT", f"/providers/{provider['id']}", {"name": "x"}))[0] == 404


async def test_a_conference_with_an_id_of_the_clients_choice(api: Api) -> None:
    id_ = str(uuid4())
    body = {"id": id_, "type": "conference", "name": "c", "detail": "", "timeout": 5, "data": {"a": [1]}}
    made = await ask(api, "POST", "/conferences", body | {"pre_flow_id": "", "post_flow_id": ZERO})
    assert (made["id"], made["timeout"], made["status"], made["data"]) == (
        id_,
        86_400,
        "progressing",
        {"a": [1]},
    )
    assert (await api.ask("POST", "/conferences", body))[0] == 409
    hashed = await ask(api, "POST", f"/conferences/{id_}/direct-hash-regenerate")
    assert hashed["direct_hash"] != made["direct_hash"]
    assert len(hashed["direct_hash"]) == len("direct.") + 12
    ended = await ask(api, "DELETE", f"/conferences/{id_}")
    assert (ended["status"], ended["tm_end"] is None) == ("terminated", False)


async def test_the_one_outbound_config(api: Api) -> None:
    assert (await api.ask("GET", "/outbound_config"))[1]["error"]["reason"] == "OUTBOUND_CONFIG_NOT_FOUND"
    made = await ask(api, "POST", "/outbound_configs", {"destination_whitelist": ["DE"], "codecs": None})
    assert made["destination_whitelist"] == ["de"]
    changed = await ask(api, "PUT", "/outbound_config", {"codecs": "PCMA", "destination_whitelist": None})
    assert (changed["id"], changed["codecs"], changed["destination_whitelist"]) == (
        made["id"],
        "PCMA",
        ["de"],
    )
    status, answer = await api.ask(
        "PUT", f"/outbound_configs/{made['id']}", {"destination_whitelist": ["xx"]}
    )
    assert (status, answer["error"]["details"][0]["field"]) == (400, "destination_whitelist.0")
    assert (await api.ask("POST", "/outbound_configs", {}))[0] == 409


async def test_a_trunk(api: Api) -> None:
    body = {"name": "", "detail": "", "domain_name": "pbx", "auth_types": ["basic", "ip"], "username": "me"}
    status, answer = await api.ask("POST", "/trunks", body | {"password": "x", "allowed_ips": []})
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    made = await ask(api, "POST", "/trunks", body | {"password": "x", "allowed_ips": ["192.0.2.1"]})
    changed = await ask(api, "PUT", f"/trunks/{made['id']}", {"domain_name": "other", "password": ""})
    assert (changed["domain_name"], changed["password"]) == ("pbx", "x")
    assert (await api.ask("POST", "/trunks", body | {"password": "x", "auth_types": ["basic"]}))[0] == 409
