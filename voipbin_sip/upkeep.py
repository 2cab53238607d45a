"""Looks after the registered phones: ends what has expired, keeps the NATs in front open, notices who is silent.

Once a second, which is precise enough for both, costs nothing and survives a wall clock that is set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from voipbin_sip.registrar.keepalive import Keepalive, Ping
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.sip.errors import SipError
from voipbin_sip.sip.events import Hop, Response
from voipbin_sip.transport.endpoint import Endpoint

PERIOD = 1.0  # seconds
PINGS_PER_PERIOD = 200  # 6,000 phones behind NATs in 30 s


def _nobody_asks(token: str, answered: Callable[[Response], None]) -> None:
    """Let the answer go."""


class Upkeep:
    """The task. Start it when the sockets are open and the locations restored."""

    def __init__(
        self,
        locations: Locations,
        endpoint: Endpoint,
        *,
        domain: str,
        interval: float,
        wall: Callable[[], float],
        expect: Callable[[str, Callable[[Response], None]], None] = _nobody_asks,
        period: float = PERIOD,
    ) -> None:
        """Make the task.

        `interval` is seconds between signs of life, 0 for none; `wall` is seconds since 1970; `expect` takes the
        token of a request and who wants its answer.
        """
        self._locations = locations
        self._endpoint = endpoint
        self._from = f"<sip:{domain}>"
        self._interval = interval
        self._wall = wall
        self._expect = expect
        self._period = period
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("phones")

    def start(self) -> None:
        """Begin."""
        self._locations.rehome(self._endpoint.usable)
        keepalive = Keepalive(self._locations, self._interval, self._wall())
        self._task = asyncio.get_running_loop().create_task(self._run(keepalive))

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _run(self, keepalive: Keepalive) -> None:
        while True:
            await asyncio.sleep(self._period)
            now = self._wall()
            self._locations.tick(now)
            pings = keepalive.due(now, PINGS_PER_PERIOD)
            for ping in pings:
                self._send(ping, keepalive)
            if pings:
                self._endpoint.flush()

    def _send(self, ping: Ping, keepalive: Keepalive) -> None:
        contact = ping.contact
        if ping.how == "CRLF":
            self._endpoint.keep_open(contact.hop)
            return
        try:
            token = self._endpoint.core.request(
                self._endpoint.now(), "OPTIONS", hop=contact.hop, uri=contact.uri, from_=self._from
            )
        except SipError as error:  # a Contact that cannot be written as a Request-URI
            self._log.warning("phone cannot be kept reachable", extension=ping.extension, why=str(error))
            return
        self._expect(token, partial(_answered, keepalive, contact.hop))


def _answered(keepalive: Keepalive, hop: Hop, event: Response) -> None:
    keepalive.answered(hop, len(event.headers) > 0)  # without any: nobody said this, the core did
