"""Asking and telling web servers: `fetch`, `webhook_send`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from flows.actions.base import DONE, ActionType, Context, Failure, Option, Outcome
from flows.ports import StepFailed, WebPort
from flows.refused import StepsRefused
from flows.variables import MAX_VALUE_BYTES

JSON = "application/json; charset=utf-8"
STATUS = "voipbin.webhook.status"
BODY = "voipbin.webhook.body"


def _web_address(text: str) -> str:
    if not text.lower().startswith(("http://", "https://")):
        raise ValueError("is not an http or https address")
    return text


WebAddress = Annotated[
    str,
    AfterValidator(_web_address),
    WithJsonSchema({"type": "string", "pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://|\$\{.*\}"}),
]


def _web(run: Context) -> WebPort:
    if run.outside.web is None:
        raise StepFailed("this run cannot reach web servers")
    return run.outside.web


class Fetch(ActionType):
    """Ask a web server for actions and run them, then go on with the following step.

    It is sent `{"activeflow_id": …, "reference_id": …}` and answers with status 200 and a JSON list of actions. They
    are checked like a flow; they may lead to steps of this run, and cannot play files of this machine.
    """

    type: ClassVar[str] = "fetch"
    opens: ClassVar[bool] = True
    waits: ClassVar[bool] = True

    event_url: WebAddress = Field(description="http or https address")
    event_method: Literal["", "GET", "POST", "PUT", "DELETE"] = Field(
        default="POST", description="Method of the request"
    )

    async def execute(self, run: Context) -> Outcome:
        """Ask, and put the actions before the following step."""
        question = json.dumps({"activeflow_id": run.id, "reference_id": run.reference_id})
        answer = await _web(run).request(
            self.event_method or "POST", self.event_url, body=question, content_type=JSON
        )
        if answer.status != 200:
            raise StepFailed(f"the server answered {answer.status}")
        actions = _actions(answer.body)
        if not actions:
            return Outcome("no actions")
        try:
            flow = run.read_steps(actions, f"{run.flow.name}/{run.action.id}")
        except StepsRefused as fault:
            raise StepFailed(f"the actions that came are faulty: {fault}") from None
        return Outcome(f"{len(actions)} actions", push=flow)


def _actions(text: str) -> list[Any]:
    try:
        actions = json.loads(text)
    except (ValueError, RecursionError):
        raise StepFailed("the answer is not JSON") from None
    if not isinstance(actions, list):
        raise StepFailed("the answer is not a list of actions")
    return actions


class WebhookSend(ActionType):
    """Send a request to a web server, signed like every webhook.

    With `sync` the flow waits for the answer: `voipbin.webhook.status` is its status (0: none came) and
    `voipbin.webhook.body` its text. Without, the flow goes on at once, and the request is sent even when the call ends.
    It is tried three times where nothing or a status of 500 and above comes back. Whatever comes, the flow goes on.
    """

    type: ClassVar[str] = "webhook_send"
    failure: ClassVar[Failure] = Failure.SKIP
    waits: ClassVar[bool] = True

    sync: bool = Field(default=False, description="Wait for the answer")
    uri: WebAddress = Field(description="http or https address")
    method: Literal["", "GET", "POST", "PUT", "DELETE"] = Field(
        default="POST", description="Method of the request"
    )
    data_type: str = Field(default="application/json", description="Content-Type of `data`")
    data: str = Field(default="", description="Body of the request")

    @classmethod
    def advice(cls, option: Option) -> Iterator[tuple[tuple[str, ...], str]]:
        """Warn of a body that is not sent."""
        if option.get("method") == "GET" and option.get("data"):
            yield ("data",), "'data' is not sent with the method GET"

    async def execute(self, run: Context) -> Outcome:
        """Send, and perhaps wait."""
        method = self.method or "POST"
        body = "" if method == "GET" else self.data
        if not self.sync:
            _web(run).send(method, self.uri, body=body, content_type=self.data_type)
            return DONE
        _keep(run, 0, "")
        answer = await _web(run).notify(method, self.uri, body=body, content_type=self.data_type)
        if len(answer.body.encode()) > MAX_VALUE_BYTES:
            _keep(run, answer.status, "")
            return Outcome(f"status {answer.status}; the text is too long to keep")
        _keep(run, answer.status, answer.body)
        return Outcome(f"status {answer.status}")


def _keep(run: Context, status: int, body: str) -> None:
    run.variables.set(STATUS, str(status), bounded=False)
    run.variables.set(BODY, body, bounded=bool(body))
