"""`fetch` and `webhook_send`."""

import json

import pytest

from flows import About, Ended, Outside, WebAnswer
from tests.fakes.outside import FakeWeb, Request, actions
from tests.flows.driving import Scene

FETCH = """
  - {id: ask, type: fetch, option: {event_url: "https://app.example.org/next", event_method: POST}}
  - {id: after, type: talk, option: {text: after}}
"""
CALL_ID = "5b1f0a52-0000-4000-8000-0000000000aa"
ASK = "https://app.example.org/hook"


def say(text: str) -> dict[str, object]:
    return {"type": "talk", "option": {"text": text}}


def scene_of(text: str, *answers: WebAnswer | str, **options: object) -> tuple[Scene, FakeWeb]:
    web = FakeWeb(None, *answers)
    scene = Scene(text, outside=Outside(web=web), about=About("call", CALL_ID), **options)  # type: ignore[arg-type]
    web.clock = scene.clock
    return scene, web


async def test_fetched_actions_run_and_then_the_flow_goes_on() -> None:
    scene, web = scene_of(FETCH, actions(say("one"), say("two")))
    result = await scene.play()
    assert scene.said == ["one", "two", "after"]
    (request,) = web.requests
    assert (request.method, request.url) == ("POST", "https://app.example.org/next")
    assert json.loads(request.body) == {"activeflow_id": scene.run.id, "reference_id": CALL_ID}
    assert request.content_type == "application/json; charset=utf-8"
    assert (result.ended, scene.details("ask")) == (Ended.FINISHED, ["2 actions"])
    assert [record.flow for record in scene.trace.records][1:3] == ["main/ask", "main/ask"]


async def test_fetched_actions_may_fetch_again_and_know_the_variables() -> None:
    again = {"type": "fetch", "option": {"event_url": "http://${host}/more"}}
    scene, web = scene_of(
        FETCH, actions(say("one ${host}"), again), actions(say("more")), variables={"host": "h.example"}
    )
    await scene.play()
    assert scene.said == ["one h.example", "more", "after"]
    assert web.requests[1].url == "http://h.example/more"


async def test_fetched_actions_lead_to_steps_of_the_flow_that_nothing_else_leads_to() -> None:
    text = FETCH.replace("text: after}", "text: after}, next_id: end") + (
        "  - {id: sales, type: talk, option: {text: sales}}\n  - {id: end, type: hangup}"
    )
    scene, _ = scene_of(text, actions({"type": "goto", "option": {"target_id": "sales", "loop_count": 1}}))
    await scene.play()
    assert scene.said == ["sales"]


async def test_an_empty_list_is_nothing_to_do() -> None:
    scene, _ = scene_of(FETCH, actions())
    await scene.play()
    assert (scene.said, scene.details("ask")) == (["after"], ["no actions"])


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("the host 'x' is in a private range", "private range"),
        (actions(say("x"), status=201), "answered 201"),
        (WebAnswer(200, "<html>"), "not JSON"),
        (WebAnswer(200, "[" * 100_000), "not JSON"),
        (WebAnswer(200, '{"actions": []}'), "not a list"),
        (actions({"type": "dance"}), "actions.0.type: 'dance' is an unknown action type"),
        (actions({"type": "goto", "option": {"target_id": "nowhere"}}), "no step 'nowhere'"),
        (actions(*[say("x")] * 501), "more than 500 items"),
    ],
)
async def test_any_fault_ends_the_run(answer: WebAnswer | str, why: str) -> None:
    scene, _ = scene_of(FETCH, answer)
    result = await scene.play()
    assert result.ended is Ended.FAILED
    assert why in scene.details("ask")[0]
    assert scene.said == []
    assert scene.log == ["hang_up normal"]


async def test_fetched_actions_play_no_files_of_this_machine() -> None:
    scene, _ = scene_of(FETCH, actions({"type": "play", "option": {"stream_urls": ["/etc/passwd"]}}))
    await scene.play()
    assert scene.log[0] == "play /etc/passwd (not trusted)"


async def test_fetching_without_end_is_limited() -> None:
    again = {"type": "fetch", "option": {"event_url": "http://h/more"}}
    scene, web = scene_of(FETCH, *[actions(again)] * 200)
    result = await scene.play()
    assert result.ended is Ended.FAILED
    assert len(web.requests) == 100


async def test_a_caller_who_hangs_up_ends_the_wait_for_actions() -> None:
    scene, _ = scene_of(FETCH, actions(say("late")))
    result = await scene.at(1, "end").play()
    assert (result.ended, scene.clock.now(), scene.said) == (Ended.CANCELLED, 1, [])


async def test_without_a_web_the_run_says_so() -> None:
    scene = Scene(FETCH)
    result = await scene.play()
    assert (result.ended, scene.details("ask")) == (Ended.FAILED, ["this run cannot reach web servers"])


SYNC = """
  - id: tell
    type: webhook_send
    option:
      sync: true
      uri: "https://app.example.org/hook"
      method: PUT
      data_type: application/json
      data: '{"from": "${voipbin.call.source.target}"}'
  - type: condition_variable
    option:
      {condition: "==", variable: "${voipbin.webhook.status}", value_type: number, value_number: 200,
       false_target_id: bad}
  - {type: talk, option: {text: "${voipbin.webhook.body}"}, next_id: end}
  - {id: bad, type: talk, option: {text: "bad ${voipbin.webhook.status}"}}
  - {id: end, type: hangup}
"""


async def test_a_sync_webhook_waits_and_keeps_the_answer() -> None:
    scene, web = scene_of(
        SYNC, WebAnswer(200, "Good morning"), variables={"voipbin.call.source.target": "+15550100"}
    )
    await scene.play()
    assert web.notified == [Request("PUT", ASK, '{"from": "+15550100"}', "application/json")]
    assert (scene.said, scene.details("tell")) == (["Good morning"], ["status 200"])


@pytest.mark.parametrize(
    ("answer", "said"),
    [(WebAnswer(503, "busy"), "bad 503"), ("nobody there", "bad 0")],
)
async def test_a_failed_sync_webhook_is_for_the_flow_to_judge(answer: WebAnswer | str, said: str) -> None:
    variables = {"voipbin.webhook.status": "200", "voipbin.webhook.body": "from before"}
    scene, _ = scene_of(SYNC, answer, variables=variables)
    result = await scene.play()
    assert (scene.said, result.ended) == ([said], Ended.HUNG_UP)


async def test_an_answer_too_long_for_a_variable_leaves_the_status() -> None:
    scene, _ = scene_of(SYNC, WebAnswer(200, "x" * 32_769))
    await scene.play()
    assert scene.run.variables["voipbin.webhook.status"] == "200"
    assert scene.run.variables["voipbin.webhook.body"] == ""
    assert scene.details("tell") == ["status 200; the text is too long to keep"]


async def test_an_async_webhook_is_handed_over_and_the_flow_goes_on() -> None:
    scene, web = scene_of(
        f"  - {{type: webhook_send, option: {{uri: '{ASK}', data_type: text/plain, data: 'a ${{b}}'}}}}\n"
        f"  - {{type: webhook_send, option: {{uri: '{ASK}', method: GET}}}}\n  - {{type: hangup}}",
        variables={"b": "c"},
    )
    await scene.play()
    assert web.sent == [
        Request("POST", ASK, "a c", "text/plain"),
        Request("GET", ASK, "", "application/json"),
    ]
    assert scene.clock.now() == 0
    assert "voipbin.webhook.status" not in scene.run.variables


async def test_an_address_that_is_none_is_seen_when_its_variables_are_filled_in() -> None:
    scene, web = scene_of(
        "  - {id: tell, type: webhook_send, option: {uri: '${where}'}}\n  - {type: beep}",
        variables={"where": "file:///etc/passwd"},
    )
    await scene.play()
    assert (web.sent, scene.log[0]) == ([], "beep")
    assert "uri does not fit" in scene.details("tell")[0]
