"""Peers that cannot be reached over TCP (RFC 3261 sections 8.1.3.1 and 18.1.1)."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable

from voipbin_sip.sip.core import SipCore
from voipbin_sip.sip.events import Ended, Event, Hop
from voipbin_sip.transport.address import parse_listen_address
from voipbin_sip.transport.endpoint import Endpoint


async def opened(on_event: Callable[[Event], None]) -> tuple[Endpoint, tuple[str, int]]:
    numbers = itertools.count()
    endpoint = Endpoint(SipCore(new_token=lambda: f"token{next(numbers)}"), on_event)
    (address,) = await endpoint.listen([parse_listen_address("udp://127.0.0.1:0")])
    return endpoint, (address.host, address.port)


async def test_a_long_invite_reaches_a_peer_without_tcp_over_udp() -> None:
    endpoint, local = await opened(lambda event: None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.setblocking(False)
        hop = Hop("UDP", local, peer.getsockname())
        endpoint.core.invite(
            endpoint.now(),
            hop=hop,
            uri="sip:bob@127.0.0.1",
            from_="<sip:100@server.test>",
            sdp=None,
            headers=(("X-Long", "x" * 1300),),
        )
        endpoint.flush()
        async with asyncio.timeout(5):
            data = await asyncio.get_running_loop().sock_recv(peer, 65_535)
    await endpoint.close()
    assert data.startswith(b"INVITE sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP ")


async def test_a_call_over_tcp_to_nobody_ends_at_once_with_503() -> None:
    events: asyncio.Queue[Event] = asyncio.Queue()
    endpoint, local = await opened(events.put_nowait)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        hop = Hop("TCP", local, nobody.getsockname())
        leg = endpoint.core.invite(
            endpoint.now(), hop=hop, uri="sip:bob@127.0.0.1", from_="<sip:100@server.test>", sdp=None
        )
        endpoint.flush()
        async with asyncio.timeout(5):
            event = await events.get()
    await endpoint.close()
    assert event == Ended(leg, "remote", 503, "Connection Failed")
