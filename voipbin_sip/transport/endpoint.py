"""Drives the SIP core: bytes and time in, outputs to sockets and to the one who handles events.

Orders given to the core from outside (`answer`, `hang_up`, …) become bytes when `pump` runs; `Endpoint` offers
`flush` for that, so that callers write `core.answer(...)` and need not know about sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from voipbin_sip.sip.core import SipCore
from voipbin_sip.sip.events import Event, Hop, Refused, Send
from voipbin_sip.transport.address import ListenAddress, is_local, local_address_towards
from voipbin_sip.transport.stream import StreamConnections
from voipbin_sip.transport.tls import Tls
from voipbin_sip.transport.udp import UdpSocket

MAX_LOCAL_ADDRESSES = 4096  # remembered answers of the kernel's routing table


class Endpoint:
    """All SIP sockets of the server around one core."""

    def __init__(
        self,
        core: SipCore,
        on_event: Callable[[Event], None],
        admits: Callable[[str, float], bool] = lambda host, now: True,
        on_lost: Callable[[int], None] = lambda connection: None,
        tls: Tls | None = None,
    ) -> None:
        """Make an endpoint.

        `admits` says of a source address whether a message of it is looked at; `on_lost` hears of the numbers of
        stream connections that are closed. `tls` is needed to listen on tls:// and to send by it.
        """
        self.core = core
        self._on_event = on_event
        self._admits = admits
        self._on_lost = on_lost
        self.tap: Callable[[bool, bytes, Hop], None] | None = None  # sees each message; True: it came in
        self._listening: list[ListenAddress] = []
        self._loop = asyncio.get_running_loop()
        self._udp: list[UdpSocket] = []
        self._streams = StreamConnections(self._received, self._bad_stream, self._lost, self._failed, tls)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._pumping = False
        self._locals: dict[str, str] = {}

    def now(self) -> float:
        """Monotonic seconds, the clock that the core is given."""
        return self._loop.time()

    async def listen(self, addresses: list[ListenAddress]) -> list[ListenAddress]:
        """Open all sockets; returns them with the ports that were bound.

        Raises:
            OSError: with the address in `filename`; what was opened is closed again.
        """
        opened = []
        for address in addresses:
            try:
                if address.transport == "udp":
                    self._udp.append(UdpSocket(address, self._received))
                    opened.append(self._udp[-1].address)
                else:
                    opened.append(await self._streams.listen(address))
            except OSError as error:
                await self.close()
                error.filename = str(address)
                raise
        self._listening = opened
        return opened

    async def close(self) -> None:
        """Close all sockets."""
        if self._timer is not None:
            self._timer.cancel()
        for sock in self._udp:
            sock.close()
        self._udp.clear()
        await self._streams.close()

    def local_towards(self, remote: str) -> str:
        """Return our address as the kernel routes to `remote`; remembered."""
        known = self._locals.get(remote)
        if known is None:
            if len(self._locals) >= MAX_LOCAL_ADDRESSES:
                self._locals.clear()
            known = self._locals[remote] = local_address_towards(remote)
        return known

    def local_for(self, transport: str, remote: str) -> tuple[str, int]:
        """Return the address and port of ours that a message to `remote` leaves from. Raises LookupError."""
        v6 = ":" in remote
        for address in self._listening:
            if address.transport.upper() == transport and (":" in address.host) == v6:
                return (self.local_towards(remote) if address.is_wildcard else address.host), address.port
        raise LookupError(f"no {transport} socket that reaches {remote}")

    def shown(self, hop: Hop) -> tuple[str, int]:
        """Return the address and port of ours that a hop's Via and Contact name: one that its transport listens on."""
        if any(address.takes(hop.transport, hop.local) for address in self._listening):
            return hop.local
        try:
            return self.local_for(hop.transport, hop.remote[0])
        except LookupError:
            return hop.local

    def usable(self, hop: Hop) -> Hop | None:
        """Return the hop, with another address of ours where it has one that we do not listen on; None: no socket."""
        if any(address.takes(hop.transport, hop.local) for address in self._listening) and is_local(
            hop.local[0]
        ):
            return hop
        try:
            return replace(hop, local=self.local_for(hop.transport, hop.remote[0]))
        except LookupError:
            return None

    def keep_open(self, hop: Hop) -> None:
        """Send an empty line over a hop's connection, if that stands (RFC 5626 section 4.4.1)."""
        self._streams.keep_open(hop.connection)

    def flush(self) -> None:
        """Carry out what the core has to say: send, tell, set the timer."""
        if self._pumping:
            return  # an event handler gave an order: the loop below takes it
        self._pumping = True
        try:
            while outputs := self.core.take():
                for output in outputs:
                    if isinstance(output, Send):
                        self._send(output.data, output.hop)
                    else:
                        self._on_event(output)
        finally:
            self._pumping = False
        self._set_timer()

    def _received(self, data: bytes, hop: Hop) -> None:
        if not self._admits(hop.remote[0], self._loop.time()):
            return
        if self.tap is not None:
            self.tap(True, data, hop)
        self.core.receive(self._loop.time(), data, hop)
        self.flush()

    def _bad_stream(self, hop: Hop, error: Exception) -> None:
        self._on_event(Refused(hop, 0, f"unreadable stream: {error}"))

    def _lost(self, connection: int, opened_for: Hop | None) -> None:
        self.core.connection_lost(self._loop.time(), connection, opened_for)
        self._on_lost(connection)
        self.flush()

    def _failed(self, hop: Hop) -> None:
        self.core.send_failed(self._loop.time(), hop)
        self.flush()

    def _send(self, data: bytes, hop: Hop) -> None:
        if self.tap is not None:
            self.tap(False, data, hop)
        if hop.transport != "UDP":
            self._streams.send(data, hop)
            return
        for sock in self._udp:
            if sock.serves(hop):
                sock.send(data, hop)
                return

    def _set_timer(self) -> None:
        deadline = self.core.deadline()
        if deadline is None:
            return
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.core.tick(self._loop.time())
        self.flush()
