"""Providers in virtual time: the SIP core, a DNS of made-up records, and carriers that answer as a test tells them."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from tests.fakes.dns import FakeDns
from tests.sip.core_harness import SERVER, Net, Phone, Text
from voipbin_sip.carriers import Carriers, Line, Provider
from voipbin_sip.sip.core import SipCore
from voipbin_sip.sip.events import Hop, Response
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.resolver import Resolver

WALL = 1_800_000_000.0
STEP = 0.25  # s, between two looks at the clock
PATIENCE = 30  # rounds of the event loop for DNS to answer
CHALLENGE = 'WWW-Authenticate: Digest realm="carrier.test", nonce="{}", qop="auth"{}\r\n'

PROVIDER = Provider("carrier", "192.0.2.10", 5070, credentials=("+15550100", "secret"), register=600, probe=0)


@dataclass
class Server:
    """A server of a carrier. `answer` returns a status and more header lines, or None for silence."""

    answer: Callable[[Text], tuple[int, str] | None]
    seen: list[Text] = field(default_factory=list)

    def methods(self) -> list[str]:
        return [text.method for text in self.seen]

    def at(self) -> list[float]:
        """Return when requests came, retransmissions left out."""
        branches = {text["Via"]: text.at for text in reversed(self.seen)}
        return sorted(branches.values())


class World:
    """Implements `Outlet`."""

    def __init__(self) -> None:
        self.net = Net()
        self.net.on_send = self._sent
        self.dns = FakeDns()
        self.servers: dict[tuple[str, int], Server] = {}
        self.no_transport: set[str] = set()
        self.connection = 7
        self.seen_at = ""  # the address of ours that carriers see, where a NAT changes it
        self._answers: list[tuple[Text, int, str]] = []
        self._expected: dict[str, Callable[[Response], None]] = {}
        clock = lambda: self.net.now  # noqa: E731
        chance = random.Random(1)
        resolver = Resolver(
            DnsCache(self.dns, clock=clock), transports=("UDP", "TCP"), clock=clock, chance=chance
        )
        self.line = Line(
            self,
            resolver,
            expect=self._expected.__setitem__,
            advertise=lambda hop: hop.local,
            domain="voipbin.test",
            wall=lambda: WALL + self.net.now,
            chance=chance,
        )
        self.carriers = Carriers(self.line)

    @property
    def core(self) -> SipCore:
        return self.net.core

    def now(self) -> float:
        return self.net.now

    def local_for(self, transport: str, remote: str) -> tuple[str, int]:
        if transport in self.no_transport:
            raise LookupError(f"no {transport} socket that reaches {remote}")
        return SERVER

    def flush(self) -> None:
        """Leave what the core has to say to `run`."""

    def server(
        self,
        answer: Callable[[Text], tuple[int, str] | None],
        host: str = "192.0.2.10",
        port: int = 5070,
    ) -> Server:
        self.servers[host, port] = Server(answer)
        return self.servers[host, port]

    async def run(self, seconds: float, step: float = STEP) -> None:
        """Let time pass; who sends what is precise to a step."""
        end = self.net.now + seconds
        while True:
            await self._settle()
            if self.net.now >= end:
                return
            self.net.run(min(step, end - self.net.now))

    async def _settle(self) -> None:
        """Let everything happen that happens now."""
        idle = rounds = 0
        while idle < 2:
            sent = len(self.net.sent)
            self.carriers.tick(self.net.now)
            self.net.collect()
            while self._answers:
                self._deliver(*self._answers.pop(0))
            while self.net.events:
                event = self.net.events.pop(0)
                if isinstance(event, Response):
                    self._expected.pop(event.token)(event)
            rounds += 1
            looks_up = self.line.locator.busy and rounds < PATIENCE
            idle = idle + 1 if sent == len(self.net.sent) and not looks_up else 0
            if looks_up:
                await asyncio.sleep(0)

    def _sent(self, text: Text) -> None:
        server = self.servers.get(text.hop.remote)
        if server is None or text.status:
            return
        server.seen.append(text)
        answer = server.answer(text)
        if answer is not None:
            self._answers.append((text, *answer))

    def _deliver(self, request: Text, status: int, extra: str) -> None:
        connection = self.connection if request.hop.transport == "TCP" else 0
        peer = Phone(
            self.net, address=request.hop.remote, transport=request.hop.transport, connection=connection
        )
        if self.seen_at:
            via = f"{request['Via']};received={self.seen_at}"
            request = replace(
                request,
                headers=tuple((name, via if name == "Via" else value) for name, value in request.headers),
            )
        peer.reply(request, status, extra=extra)

    def fail(self, host: str, port: int, transport: str = "TCP") -> None:
        """Let a connection not come about."""
        self.net.core.send_failed(self.net.now, Hop(transport, SERVER, (host, port)))


def challenging(
    answer: Callable[[Text], tuple[int, str] | None], nonce: str = "n1"
) -> Callable[[Text], tuple[int, str] | None]:
    """Ask for credentials first."""

    def answered(request: Text) -> tuple[int, str] | None:
        if "Authorization" not in request:
            return 401, CHALLENGE.format(nonce, "")
        return answer(request)

    return answered


def granting(seconds: int, *more: str) -> Callable[[Text], tuple[int, str]]:
    """Register for so many seconds, with more header lines."""

    def answered(request: Text) -> tuple[int, str]:
        if request.method != "REGISTER":
            return 200, ""
        lines = [f"Contact: {request['Contact']};expires={seconds}", *more]
        return 200, "".join(f"{line}\r\n" for line in lines)

    return answered


def always(status: int, extra: str = "") -> Callable[[Text], tuple[int, str]]:
    return lambda request: (status, extra)


def silent(request: Text) -> None:
    """Say nothing."""


def one_by_one(
    *answers: Callable[[Text], tuple[int, str] | None],
) -> Callable[[Text], tuple[int, str] | None]:
    """Answer each new request in another way, all later ones in the last way; copies as before."""
    branches: list[str] = []

    def answered(request: Text) -> tuple[int, str] | None:
        if request["Via"] not in branches:
            branches.append(request["Via"])
        return answers[min(branches.index(request["Via"]), len(answers) - 1)](request)

    return answered


def named() -> Provider:
    """Return the provider with a name in DNS that leads to several servers, in this order."""
    return replace(PROVIDER, host="carrier.test", port=None)


def srv(world: World, *hosts: str, transport: str = "udp") -> None:
    """Let carrier.test have servers s0, s1 … at these addresses, port 5070."""
    world.dns.srv(
        f"_sip._{transport}.carrier.test",
        *((10 * (number + 1), 1, 5070, f"s{number}.carrier.test") for number in range(len(hosts))),
    )
    for number, host in enumerate(hosts):
        world.dns.a(f"s{number}.carrier.test", host)


def gaps(times: Iterable[float]) -> list[float]:
    """Return the times between neighbours."""
    ordered = sorted(times)
    return [later - earlier for earlier, later in itertools.pairwise(ordered)]
