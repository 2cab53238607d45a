"""The server: the parts put together, started and stopped in order."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING

import structlog

from flows import FlowSet, Outside
from media.client import MediaClient
from voipbin_sip import logs
from voipbin_sip.app.calling import Calling
from voipbin_sip.app.errors import StartError
from voipbin_sip.app.opening import answer_api, open_api, open_sip, refuse_open_api
from voipbin_sip.app.parts import (
    api_certificates,
    mailer,
    make_data_folder,
    make_registrar,
    providers_of,
    read_directory,
    sip_certificates,
    source_limits,
    toll_guard,
)
from voipbin_sip.app.reload import Reloader
from voipbin_sip.calls.admission import Admission
from voipbin_sip.calls.dialplan import DialPlan
from voipbin_sip.calls.session import CallLimits
from voipbin_sip.calls.switchboard import Switchboard
from voipbin_sip.carriers import Carriers, Line
from voipbin_sip.directory import Directory
from voipbin_sip.flowhost import spoken_prompts
from voipbin_sip.flowhost.web import PER_HOST, FlowWeb
from voipbin_sip.guard import DigestGuard
from voipbin_sip.loading import Loaded
from voipbin_sip.mail.faults import MailFaults
from voipbin_sip.observe.running import Running, announce, new_token, withdraw
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.sip.core import SipCore
from voipbin_sip.sip.events import Hop, Limits
from voipbin_sip.sounds.prompts import Prompts
from voipbin_sip.speech import Speech
from voipbin_sip.toll.metering import Metering, local_day
from voipbin_sip.transport.address import ListenAddress
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.dns_client import DnsClient
from voipbin_sip.transport.endpoint import Endpoint
from voipbin_sip.transport.limits import as_networks, in_networks
from voipbin_sip.transport.resolver import Resolver
from voipbin_sip.transport.tls import Tls
from voipbin_sip.upkeep import Upkeep
from voipbin_sip.values import split_host_port
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import HostGuard

if TYPE_CHECKING:
    from voipbin_sip.observe.hep import HepSender
    from voipbin_sip.observe.observed import Observed
    from voipbin_sip.platform.explaining import Explaining
    from voipbin_sip.platform.platform import Platform
    from voipbin_sip.transport.certificate import Certificates


@dataclass(frozen=True, slots=True)
class Opened:
    """Where the server can be reached."""

    sip: Sequence[ListenAddress]
    http: str  # base URL of the API


class Server:
    """One running server. `start`, then `serve` until it is told to stop."""

    def __init__(self, loaded: Loaded) -> None:
        config = loaded.config
        self._loaded = loaded
        self._log = structlog.get_logger("server")
        self._stop = asyncio.Event()
        self._at_once = asyncio.Event()
        self._preparing: list[asyncio.Task[None]] = []
        self._speaking: asyncio.Task[None] | None = None
        self._unspoken: FlowSet | None = None  # the newest flows, until their texts are being spoken
        self._watching: list[asyncio.Task[None]] = []
        data = make_data_folder(loaded.places.data)
        self.directory = read_directory(loaded, data)
        self._media = MediaClient(
            ports=config.media.port_range, workers=config.media.worker_count, words=logs.worker_words
        )
        hosts = HostGuard(config.http.allow_private)
        self._web = WebClient(hosts)
        self._flow_web, self._mailer = FlowWeb(WebClient(hosts, per_host=PER_HOST)), mailer(loaded)
        self._speech = Speech(
            cache_dir=data / "speech",
            cache_bytes=config.speech.cache_mb * 1024 * 1024,
            engines=config.speech.engines or None,
        )
        self._locations = Locations()
        self.platform: Platform | None = None  # from the start on
        self._limits = source_limits(config, self._is_known)
        self._local_networks = as_networks(config.sip.local_networks)
        self._toll = toll_guard(config, lambda: self.directory)
        self._metering = Metering(self._toll, asyncio.get_running_loop().time)
        guard = DigestGuard(config.domain, secrets.token_bytes(32), watch=self._judged, barred=self._barred)
        registrar = make_registrar(config, lambda: self.directory, guard, self._locations)
        plan = DialPlan(
            config.domain.lower(),
            lambda: self.directory,
            own=config.outbound.default_outgoing_source_number,
        )
        admission = Admission(
            domain=config.domain,
            directory=lambda: self.directory,
            guard=guard,
            clock=time.time,
            plan=plan,
            carrier_at=lambda host, user: self._carriers.is_source(host, user),
        )
        limits = CallLimits(config.limits.call_seconds, config.media.rtp_timeout, config.media.srtp)
        self.switchboard = Switchboard(
            self._media,
            admission,
            limits=limits,
            advertised=self._advertised,
            on_call=lambda session, admitted: self.calling.arrived(session, admitted),
            on_transfer=lambda session, event: self.calling.transfers.begin(session, event),
            registrar=lambda request, hop: registrar.answer(request, hop, time.time()),
        )
        core = SipCore(
            new_token=lambda: secrets.token_hex(8),
            limits=Limits(session_expires=config.sip.session_expires),
            advertise=self._contact,
            asks=frozenset({"REGISTER"}),
        )
        self._certificates = sip_certificates(loaded)
        self._api_certificates = api_certificates(loaded)
        self.reloader = Reloader(loaded, self._all_certificates(), self._readied, self.directory)
        self._running: Running | None = None  # from the start on
        self._observed: Observed | None = None  # too
        self._hep: HepSender | None = None
        self._endpoint = Endpoint(
            core, self.switchboard.handle, self._limits.admits, self._connection_lost, self._tls()
        )
        self.switchboard.attach(self._endpoint)
        self._resolver = self._make_resolver()
        self._carriers = Carriers(
            Line(
                self._endpoint,
                self._resolver,
                expect=self.switchboard.expect,
                advertise=self._contact,
                domain=config.domain,
                wall=time.time,
            )
        )
        self._upkeep = Upkeep(
            self._locations,
            self._endpoint,
            domain=config.domain,
            interval=config.registrar.keepalive,
            wall=time.time,
            expect=self.switchboard.expect,
        )
        self.calling = Calling(
            loaded,
            lambda: self.directory,
            flows=self._flows,
            media=self._media,
            endpoint=self._endpoint,
            switchboard=self.switchboard,
            locations=self._locations,
            resolver=self._resolver,
            carriers=self._carriers,
            toll=self._toll,
            plan=plan,
            limits=limits,
            prompts=Prompts(self._media, self._speech),
            web=self._web,
            advertised=self._advertised,
            outside=Outside(self._flow_web, self._mailer),
        )

    def _make_resolver(self) -> Resolver:
        terms, clock = self._loaded.config.dns, asyncio.get_running_loop().time
        client = DnsClient([split_host_port(server, 53) for server in terms.servers], timeout=terms.timeout)
        self._dns = DnsCache(client, clock=clock, timeout=terms.timeout)
        transports = ("UDP", "TCP", "TLS") if self._loaded.config.sip.secure else ("UDP", "TCP")
        return Resolver(self._dns, transports=transports, families=(4, 6), clock=clock)

    def _tls(self) -> Tls | None:
        if self._certificates is None:
            return None
        return Tls(self._certificates, admits=lambda host: not self._barred(host))

    def _connection_lost(self, connection: int) -> None:
        self._locations.connection_lost(connection)
        self._carriers.connection_lost(connection)

    def _is_known(self, host: str) -> bool:
        """Return whether phones, trunks or providers of ours are at an address: they are never limited."""
        return (
            self._locations.has_source(host)
            or bool(self.directory.sources.owners(host))
            or self._carriers.is_source(host) is not None
        )

    def _judged(self, source: str, good: bool) -> None:
        self._limits.judged(source, good, self._endpoint.now())

    def _barred(self, source: str) -> bool:
        return self._limits.bars(source, self._endpoint.now())

    def _banned(self, source: str) -> float:
        return self._limits.standing(source, self._endpoint.now()).banned

    async def start(self) -> Opened:
        """Open everything; returns where. Raises StartError."""
        http = self._loaded.config.http
        media = asyncio.create_task(self._media.start())
        try:
            platform = self.platform = await self._remember()
            self._flow_web.signed = platform.signed
            platform.directory.provider_state = self._carriers.state
            platform.attach(self.calling.means())
            if self._mailer is not None:
                self._mailer.recordings = platform.shelf
            refuse_open_api(http, platform)
            await media
            await self._speech.start()
            self._prepare_prompts(self._loaded.flows)
            sip = await open_sip(self._endpoint, self._loaded.config.sip.listen)
            self._upkeep.start()
            platform.directory.use(self._use_directory)
            self._carriers.start()
            self._metering.start()
            api = open_api(http, platform)
            self._show(platform, api)
        except StartError:
            await media
            await self._close()
            raise
        for watched in self._all_certificates():
            self._watching.append(asyncio.create_task(watched.watch()))
        if self._loaded.config.reload == "auto":
            self.reloader.watch()
        self._preparing.append(asyncio.create_task(answer_api(http, platform, self._api_certificates)))
        return Opened(sip, api)

    def reload(self) -> None:
        """Read flows, directory and certificates again."""
        self.reloader.soon()

    def _readied(self, loaded: Loaded, directory: Directory) -> Callable[[], None]:
        """Return what puts another configuration into force; runs in a thread. The first one is there by `remember`."""
        platform = self.platform
        assert platform is not None
        declared = platform.declaration(loaded, directory)

        def use() -> None:
            platform.declare(declared)
            self._prepare_prompts(loaded.flows)

        return use

    def stop(self) -> None:
        """Begin to drain; a second time: end at once."""
        if self.switchboard.draining:
            self._at_once.set()
        self.switchboard.draining = self.switchboard.calls.closing = True
        self._stop.set()

    async def serve(self) -> None:
        """Run until `stop`, let calls end by themselves for `drain_seconds`, then end the rest and close."""
        await self._stop.wait()
        self._log.info("draining", calls=len(self.switchboard.sessions))
        await _first_of(self._loaded.config.drain_seconds, self.switchboard.idle, self._at_once)
        for session in list(self.switchboard.sessions.values()):
            session.hang_up("normal", "server is shutting down")
        await _first_of(2, self.switchboard.idle)  # the answers to our BYEs
        await self._close()

    async def _remember(self) -> Platform:
        """Know what was known before the restart. Raises StartError."""
        for name in ("memory", "sight"):
            await asyncio.to_thread(import_module, f"voipbin_sip.app.{name}")  # while the media workers start
        from voipbin_sip.app.memory import remember

        return await remember(
            self._loaded.config.database,
            self._loaded.places.data,
            web=self._web,
            locations=self._locations,
            loaded=self._loaded,
            directory=self.directory,
            toll=self._toll,
            today=local_day(),
        )

    def _use_directory(self, directory: Directory) -> None:
        """Take another directory. Phones whose password has changed have to register anew."""
        before, self.directory = self.directory, directory
        for extension, password in before.passwords.items():
            if directory.password(extension) != password:
                self._locations.forget(extension)
        self._carriers.use(providers_of(directory))

    def _flows(self) -> FlowSet:
        """Return the flows of now."""
        return self._loaded.flows if self.platform is None else self.platform.flows.flows

    def _show(self, platform: Platform, http: str) -> None:
        """Let the API show the server itself, and commands on this machine find it. Raises StartError."""
        from voipbin_sip.app.sight import (  # loaded by now, in a thread
            Observed,
            RefusedAttempts,
            SipRing,
            Sources,
            hep_sender,
        )

        data, token = self._loaded.places.data, new_token()
        sources = Sources(
            self.switchboard,
            self.switchboard.calls,
            self._media,
            self._endpoint.core.counters,
            self._limits,
            self._locations,
            self._carriers,
            platform.store,
            platform.webhooks,
            self.reloader,
            self._all_certificates(),
            RefusedAttempts(
                self._loaded.config.domain,
                known=lambda name: name in self.directory.extensions,
                banned=self._banned,
            ),
            MailFaults() if self._mailer is None else self._mailer.faults,
        )
        trace = self._loaded.config.trace
        self._hep = hep_sender(trace.hep_address)
        heard = None if self._hep is None else self._hep.send
        ring = SipRing(trace.sip_mb * 1024 * 1024, trace.sip_hours * 3600, time.time, heard)
        self._endpoint.tap = ring.take
        self._observed = platform.observed = Observed(sources, token, ring)
        self._running = Running(os.getpid(), self._loaded.config.http.local_url(http), token)
        platform.explaining = self._explaining(platform)
        try:
            announce(data, self._running)
        except OSError as error:
            raise StartError(f"cannot write to the data folder {data}: {error.strerror}") from error

    def _explaining(self, platform: Platform) -> Explaining:
        """Return what tells what would happen to a call."""
        from voipbin_sip.app.sight import CataloguePlaces, Explaining, SettingPlaces, View  # loaded by now

        clock = asyncio.get_running_loop().time

        def look() -> View:
            return View(
                self._loaded.config,
                self.directory,
                self._flows(),
                CataloguePlaces(platform.catalogue),
                SettingPlaces(self._loaded.path),
                self._toll,
                self._resolver,
                self._locations,
                self._carriers,
                self._carriers.state,
                lambda host: self._limits.standing(host, self._endpoint.now()),
                self._carriers.is_source,
                clock(),
                True,
            )

        return Explaining(look)

    def _all_certificates(self) -> list[Certificates]:
        return [found for found in (self._certificates, self._api_certificates) if found is not None]

    def _prepare_prompts(self, flows: FlowSet) -> None:
        """Speak what the flows say into the cache before a caller waits for it; what older flows say is left."""
        self._unspoken = flows
        if self._speaking is None or self._speaking.done():
            self._speaking = asyncio.create_task(self._speak_newest())

    async def _speak_newest(self) -> None:
        while (flows := self._unspoken) is not None:
            self._unspoken = None
            prompts = takewhile(lambda _: self._unspoken is None, spoken_prompts(flows))
            for fault in await self._speech.prepare(prompts, rate=8000):
                self._log.warning("a text of the flows cannot be spoken", why=str(fault))

    async def _close(self) -> None:
        await self.reloader.close()
        if self._observed is not None:
            await self._observed.close()
        if self._hep is not None:
            self._hep.close()
        speaking = () if self._speaking is None else (self._speaking,)
        for task in (*self._preparing, *self._watching, *speaking):
            task.cancel()
        if self._running is not None:
            withdraw(self._loaded.places.data, self._running)
        if self.platform is not None:
            await self.platform.close_api()
        await self.calling.close()
        await self._upkeep.close()
        await self._carriers.close()
        await self._metering.close()
        await self._endpoint.close()
        await self._speech.close()
        await self._media.close()
        await self.calling.recordings.close()
        outside = (self._flow_web, self._mailer)
        await asyncio.gather(*(part.close() for part in outside if part is not None))
        if self.platform is not None:
            await self.platform.close()
        await self._web.close()
        await self._dns.close()

    def _contact(self, hop: Hop) -> tuple[str, int]:
        host, port = self._endpoint.shown(hop)
        return self._advertised(host, hop.remote[0]), port

    def _advertised(self, local: str, peer: str) -> str:
        """Return what a peer is told as ours: `sip.advertise`, unless both are on this side of the NAT."""
        sip = self._loaded.config.sip
        return local if sip.advertise == "auto" or in_networks(peer, self._local_networks) else sip.advertise


async def _first_of(seconds: float, *events: asyncio.Event) -> None:
    """Wait until one of the events is set, but no longer than `seconds`."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
