"""A web and a mail server for flows: they note what they get and answer as they were told."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flows import Mail, StepFailed, WebAnswer
from flows.ports import Clock


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    body: str
    content_type: str


class FakeWeb:
    """Implements `flows.ports.WebPort`."""

    def __init__(self, clock: Clock | None = None, *answers: WebAnswer | str) -> None:
        self.clock = clock
        self.answers = list(answers)  # one after the other; texts are faults
        self.requests: list[Request] = []
        self.notified: list[Request] = []
        self.sent: list[Request] = []

    async def request(self, method: str, url: str, *, body: str, content_type: str) -> WebAnswer:
        self.requests.append(Request(method, url, body, content_type))
        return await self._answer()

    async def notify(self, method: str, url: str, *, body: str, content_type: str) -> WebAnswer:
        self.notified.append(Request(method, url, body, content_type))
        return await self._answer()

    def send(self, method: str, url: str, *, body: str, content_type: str) -> None:
        self.sent.append(Request(method, url, body, content_type))

    async def _answer(self) -> WebAnswer:
        if self.clock is not None:
            await self.clock.sleep(2)
        answer = self.answers.pop(0) if self.answers else "nobody there"
        if isinstance(answer, str):
            raise StepFailed(answer)
        return answer


class FakeMail:
    """Implements `flows.ports.MailPort`."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []

    def send(self, mail: Mail) -> None:
        self.sent.append(mail)


def actions(*steps: object, status: int = 200) -> WebAnswer:
    """Return an answer that holds these steps."""
    return WebAnswer(status, json.dumps(steps))
