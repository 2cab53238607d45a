"""Web servers and mail as a simulated flow sees them: nothing leaves this machine."""

from __future__ import annotations

from flows.ports import Clock, Mail, WebAnswer
from flows.simulate.answers import Answers
from flows.simulate.journal import Journal, Kind

LATENCY = 0.2  # seconds that a web server takes


class SimulatedWeb:
    """Implements `flows.ports.WebPort`."""

    def __init__(self, clock: Clock, journal: Journal, answers: Answers) -> None:
        self._clock = clock
        self._journal = journal
        self._answers = answers

    async def request(self, method: str, url: str, *, body: str, content_type: str) -> WebAnswer:
        """Ask `Answers`."""
        self._journal.note(Kind.ASKED, f"{method} {url}", body)
        await self._clock.sleep(LATENCY)
        return self._answers.web(method, url, body)

    async def notify(self, method: str, url: str, *, body: str, content_type: str) -> WebAnswer:
        """Do the same."""
        return await self.request(method, url, body=body, content_type=content_type)

    def send(self, method: str, url: str, *, body: str, content_type: str) -> None:
        """Put down what would be sent."""
        self._journal.note(Kind.ASKED, f"{method} {url}", body)


class SimulatedMail:
    """Implements `flows.ports.MailPort`."""

    def __init__(self, journal: Journal) -> None:
        self.sent: list[Mail] = []
        self._journal = journal

    def send(self, mail: Mail) -> None:
        """Put down what would be sent."""
        self.sent.append(mail)
        self._journal.note(Kind.MAILED, f"to {', '.join(mail.to)}: {mail.subject}", mail.content)
