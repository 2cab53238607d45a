"""All transactions of a core, found by key, bounded in number."""

from __future__ import annotations

from collections.abc import Callable

from voipbin_sip.sip.client_transaction import ClientTransaction
from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.message import Request, Response
from voipbin_sip.sip.server_transaction import ServerTransaction
from voipbin_sip.sip.transaction_key import Key, client_key
from voipbin_sip.sip.wire import Wire


class Transactions:
    """The transaction layer between the wire and the users (RFC 3261 section 17)."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._servers: dict[Key, ServerTransaction] = {}
        self._clients: dict[Key, ClientTransaction] = {}

    def __len__(self) -> int:
        """Return how many transactions are alive."""
        return len(self._servers) + len(self._clients)

    @property
    def full(self) -> bool:
        """Whether the cap is reached; then nothing new is begun that could as well be refused."""
        return len(self) >= self._wire.limits.max_transactions

    def server(self, key: Key) -> ServerTransaction | None:
        """Return the server transaction of that key."""
        return self._servers.get(key)

    def serve(self, key: Key, request: Request, hop: Hop, to_tag: str) -> ServerTransaction:
        """Begin a server transaction for a new request; `to_tag` goes into its responses."""
        transaction = ServerTransaction(self._wire, key, request, hop, to_tag)
        transaction.on_end = self._server_ended
        self._servers[key] = transaction
        return transaction

    def request(
        self, now: float, request: Request, hop: Hop, on_response: Callable[[float, Response | None], None]
    ) -> ClientTransaction:
        """Begin a client transaction and send its request."""
        transaction = ClientTransaction(self._wire, request, hop, on_response)
        transaction.on_end = self._client_ended
        self._clients[transaction.key] = transaction
        transaction.start(now)
        return transaction

    def receive(self, now: float, response: Response) -> bool:
        """Take a response; return whether it belongs to a transaction of ours."""
        transaction = self._clients.get(client_key(response))
        if transaction is None:
            return False
        transaction.receive(now, response)
        return True

    def _server_ended(self, transaction: ServerTransaction) -> None:
        self._servers.pop(transaction.key, None)

    def _client_ended(self, transaction: ClientTransaction) -> None:
        self._clients.pop(transaction.key, None)
