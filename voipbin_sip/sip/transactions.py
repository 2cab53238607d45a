"""All transactions of a core, found by key, bounded in number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from voipbin_sip.sip.client_transaction import ClientTransaction
from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.message import Request, Response
from voipbin_sip.sip.server_transaction import ServerTransaction
from voipbin_sip.sip.transaction_key import Key, client_key
from voipbin_sip.sip.wire import Wire

_LONGEST_DATAGRAM = 1300  # bytes of a request over UDP where the path's MTU is unknown (RFC 3261 18.1.1)
_REMEMBERED = 600.0  # s, that long requests to a peer that cannot be reached over TCP stay on UDP
_MAX_REMEMBERED = 10_000


class Transactions:
    """The transaction layer between the wire and the users (RFC 3261 section 17)."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._servers: dict[Key, ServerTransaction] = {}
        self._clients: dict[Key, ClientTransaction] = {}
        self._datagrams_only: dict[tuple[str, int], float] = {}  # until when, by remote address

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
        """Begin a client transaction and send its request, over TCP if it is too long for UDP (RFC 3261 18.1.1)."""
        datagram = None
        limits = self._wire.limits
        if (
            hop.transport == "UDP"
            and limits.tcp_for_long
            and len(request.to_bytes()) > _LONGEST_DATAGRAM
            and self._datagrams_only.get(hop.remote, now) <= now
        ):
            datagram = (request, hop)
            hop = replace(hop, transport="TCP", connection=0)
            request = self._wire.moved(request, hop)
        transaction = ClientTransaction(self._wire, request, hop, on_response, datagram=datagram)
        transaction.on_end = self._client_ended
        self._clients[transaction.key] = transaction
        transaction.start(now)
        return transaction

    def receive(self, now: float, response: Response, hop: Hop) -> bool:
        """Take a response; return whether it belongs to a transaction of ours."""
        transaction = self._clients.get(client_key(response))
        if transaction is None:
            return False
        transaction.receive(now, response, hop)
        return True

    def send_failed(self, now: float, hop: Hop) -> None:
        """Tell all who wait for an answer from a hop that the transport does not reach it.

        Peers without TCP, as all phones behind a NAT that use UDP, are remembered: only one call waits for them.
        """
        if hop.transport == "TCP":
            if len(self._datagrams_only) >= _MAX_REMEMBERED:
                self._datagrams_only.clear()
            self._datagrams_only[hop.remote] = now + _REMEMBERED
        for client in self._waiting_for(hop):
            client.send_failed(now)

    def connection_lost(self, now: float, hop: Hop) -> None:
        """Tell all who wait for a first answer over the connection that was opened for a hop that none will come."""
        for client in self._waiting_for(hop):
            if not client.hop.connection:
                client.send_failed(now)

    def _waiting_for(self, hop: Hop) -> list[ClientTransaction]:
        way = (hop.transport, hop.remote, hop.name)
        return [
            client
            for client in self._clients.values()
            if (client.hop.transport, client.hop.remote, client.hop.name) == way
        ]

    def _server_ended(self, transaction: ServerTransaction) -> None:
        self._servers.pop(transaction.key, None)

    def _client_ended(self, transaction: ClientTransaction) -> None:
        self._clients.pop(transaction.key, None)
