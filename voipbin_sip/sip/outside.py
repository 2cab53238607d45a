"""Requests outside of dialogs, theirs and ours: REGISTER, OPTIONS and the like (RFC 3261 sections 8.1, 8.2, 10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from voipbin_sip.sip.client_digest import ClientDigest, Tried
from voipbin_sip.sip.client_transaction import ClientTransaction
from voipbin_sip.sip.dialog import Dialog, dialog_to_open
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.events import Asked, Hop
from voipbin_sip.sip.events import Response as ResponseEvent
from voipbin_sip.sip.message import Headers, Request, Response, make_response
from voipbin_sip.sip.server_transaction import ServerTransaction
from voipbin_sip.sip.status import REASONS
from voipbin_sip.sip.timers import Timer
from voipbin_sip.sip.transaction_key import Key
from voipbin_sip.sip.transactions import Transactions
from voipbin_sip.sip.wire import Wire

_PATIENCE = 10.0  # s until the peer gets an answer if our user gives none
_NOT_ALONE = frozenset(("INVITE", "ACK", "CANCEL", "BYE", "PRACK"))  # belong to dialogs


class Outside:
    """All requests outside of dialogs that wait for an answer."""

    def __init__(self, wire: Wire, transactions: Transactions) -> None:
        self._wire = wire
        self._transactions = transactions
        self._asked: dict[str, tuple[ServerTransaction, Timer]] = {}
        self._waiting: dict[str, ClientTransaction] = {}

    def ask(self, now: float, request: Request, hop: Hop, key: Key) -> None:
        """Give a request of a peer to our user."""
        token = self._wire.new_token()
        transaction = self._transactions.serve(key, request, hop, token)
        timer = self._wire.timers.start(now + _PATIENCE, partial(self._unanswered, token))
        self._asked[token] = (transaction, timer)
        self._wire.emit(Asked(token, request, hop))

    def respond(
        self,
        now: float,
        token: str,
        status: int,
        reason: str | None,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        content_type: str | None,
    ) -> None:
        """Answer; one that has been answered stays as it is. Raises LocalProtocolError as `make_response`."""
        if token not in self._asked:
            return
        transaction, timer = self._asked[token]
        lines = list(headers)
        if self._wire.server_name:
            lines.append(("Server", self._wire.server_name))
        response = make_response(
            transaction.request,
            status,
            reason,
            to_tag=token,
            headers=lines,
            body=body,
            content_type=content_type,
            received=transaction.source,
        )
        if status >= 200:
            del self._asked[token]
            self._wire.timers.cancel(timer)
        transaction.respond(now, response)

    def request(
        self,
        now: float,
        method: str,
        *,
        hop: Hop,
        uri: str,
        from_: str,
        to: str | None,
        call_id: str | None,
        cseq: int,
        headers: Iterable[tuple[str, str]],
        route: Iterable[str],
        credentials: tuple[str, str] | ClientDigest | None,
        body: bytes,
        content_type: str | None,
    ) -> str:
        """Send a request and return its token. Raises LocalProtocolError for what must not be written."""
        if method in _NOT_ALONE:
            raise LocalProtocolError(f"{method} outside of a dialog")
        token = self._wire.new_token()
        call_id = call_id or self._wire.new_token()
        dialog, _ = dialog_to_open(uri, token, hop, from_=from_, to=to, call_id=call_id, routes=route)
        digest = (
            ClientDigest(*credentials, self._wire.new_token)
            if isinstance(credentials, tuple)
            else credentials
        )
        question = _Question(self, token, method, dialog, digest, tuple(headers), body, content_type)
        question.send(now, cseq)
        return token

    def connection_lost(self, now: float, connection: int) -> None:
        """Send over a new connection what waits for an answer on one that is gone."""
        for client in list(self._waiting.values()):
            client.connection_lost(now, connection, client.hop.remote)

    def _unanswered(self, token: str, now: float) -> None:
        self.respond(now, token, 500, None, (), b"", None)


@dataclass(slots=True)
class _Question:
    """One request of ours, sent again with credentials where it is challenged."""

    outside: Outside
    token: str
    method: str
    dialog: Dialog  # without a peer: where the request goes and what names it
    digest: ClientDigest | None
    headers: tuple[tuple[str, str], ...]
    body: bytes
    content_type: str | None

    def send(self, now: float, cseq: int, tried: Tried | None = None) -> None:
        outside, dialog = self.outside, self.dialog
        uri, routes = dialog.routing()
        lines = [*self.headers]
        if self.digest is not None:
            lines += self.digest.headers(self.method, uri, self.body)
        request = outside._wire.request(
            dialog.hop,
            self.method,
            uri,
            from_=dialog.local_party,
            to=dialog.remote_party,
            call_id=dialog.call_id,
            cseq=cseq,
            routes=routes,
            headers=lines,
            body=self.body,
            content_type=self.content_type,
        )
        answered = partial(self._answered, cseq, Counter() if tried is None else tried)
        outside._waiting[self.token] = outside._transactions.request(now, request, dialog.hop, answered)

    def _answered(self, cseq: int, tried: Tried, now: float, response: Response | None) -> None:
        if response is not None and response.status < 200:
            return
        transaction = self.outside._waiting.pop(self.token)
        if response is not None and self.digest is not None and self.digest.learn(response, tried):
            self.send(now, cseq + 1, tried)
            return
        status = 408 if response is None else response.status
        reason = (response and response.reason) or REASONS.get(status, "")
        headers = Headers() if response is None else response.headers
        self.outside._wire.emit(ResponseEvent(self.token, status, reason, headers, cseq, transaction.heard))
