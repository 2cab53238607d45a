"""The INVITE of a question, and a guard that supposes its caller to know the password."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voipbin_sip.explain.question import Question
from voipbin_sip.guard import ALGORITHMS, Outcome
from voipbin_sip.sip.build import make_request
from voipbin_sip.sip.events import Hop, Incoming
from voipbin_sip.sip.message import Request
from voipbin_sip.sip.uri import party_uri

HERE = ("192.0.2.1", 5060)


class Supposing:
    """Asks nobody: whoever is one of `users` has the password of it.

    Attributes:
        asked: whether a password was asked for.
        user: who has proved to be calling; "" = nobody.
    """

    def __init__(self, *users: str) -> None:
        self._users = users
        self.asked = False
        self.user = ""

    def check(
        self,
        request: Request,
        now: float,
        password: Callable[[str], str | None],
        *,
        source: str = "",
        realm: str = "",
        algorithms: Sequence[str] = ALGORITHMS,
    ) -> Outcome:
        """Return who it is, or that a password is asked for. Judges and counts nothing."""
        self.asked = True
        self.user = next((name for name in self._users if password(name) is not None), "")
        return Outcome(self.user, why="" if self.user else "no credentials")


def invite(question: Question, domain: str) -> Incoming:
    """Return the event of the INVITE that is asked about. Raises BadQuestion."""
    uri, caller = question.request_uri(domain), question.from_uri(domain)
    request = make_request(
        "INVITE",
        uri,
        via=f"SIP/2.0/{question.transport.upper()} {HERE[0]};branch=z9hG4bKexplain",
        from_=f"<{caller}>;tag=explain",
        to=f"<{party_uri(uri)}>",
        call_id="explain",
        cseq=1,
        contact=f"<sip:{HERE[0]}>",
    )
    hop = Hop(question.transport.upper(), HERE, (question.source, question.port))
    return Incoming("explain", request, hop, None)
