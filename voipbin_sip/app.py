"""The server: the one place where the parts are put together."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from flows.interpreter import Limits as RunLimits
from flows.ports import Conference
from media.client import MediaClient
from media.tones import hold_music, ringback
from voipbin_sip.calls.admission import Admission, Admitted
from voipbin_sip.calls.bridge import Bridges
from voipbin_sip.calls.connecting import Connecting
from voipbin_sip.calls.destinations import Destinations
from voipbin_sip.calls.dialer import Dialer
from voipbin_sip.calls.dialplan import DialPlan
from voipbin_sip.calls.groupcall import Groupcalls
from voipbin_sip.calls.incoming import IncomingSession
from voipbin_sip.calls.places import Places
from voipbin_sip.calls.ringing import Ringing
from voipbin_sip.calls.rooms import Rooms
from voipbin_sip.calls.routing import Routing
from voipbin_sip.calls.session import CallLimits
from voipbin_sip.calls.switchboard import Switchboard
from voipbin_sip.calls.tones import Tone
from voipbin_sip.calls.transfers import Transfers
from voipbin_sip.carriers import Carriers, Line, Provider
from voipbin_sip.config import Config, split_host_port
from voipbin_sip.directory import Directory, read_secrets
from voipbin_sip.flowhost import FlowHost, Parts, spoken_prompts
from voipbin_sip.guard import DigestGuard
from voipbin_sip.loading import Loaded
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.registrar.registrar import Registrar, Terms
from voipbin_sip.sip.core import SipCore
from voipbin_sip.sip.events import Hop, Limits
from voipbin_sip.sounds.fetch import Fetcher
from voipbin_sip.sounds.library import SoundLibrary
from voipbin_sip.sounds.prompts import Prompts
from voipbin_sip.speech import Speech
from voipbin_sip.toll.allowed import Allowed
from voipbin_sip.toll.guard import TollGuard
from voipbin_sip.toll.metering import Metering, local_day
from voipbin_sip.toll.terms import Terms as TollTerms
from voipbin_sip.transport.address import ListenAddress, parse_listen_address
from voipbin_sip.transport.bans import BanTerms
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.dns_client import DnsClient
from voipbin_sip.transport.endpoint import Endpoint
from voipbin_sip.transport.limits import Rate, SourceLimits, as_networks, in_networks
from voipbin_sip.transport.resolver import Resolver
from voipbin_sip.transport.tls import Tls
from voipbin_sip.upkeep import Upkeep

if TYPE_CHECKING:
    from voipbin_sip.store.store import Store
    from voipbin_sip.transport.certificate import Certificates


class StartError(Exception):
    """The server cannot start; the message says why and what to do."""


class Server:
    """One running server. `start`, then `serve` until it is told to stop."""

    def __init__(self, loaded: Loaded) -> None:
        config = loaded.config
        self._loaded = loaded
        self._log = structlog.get_logger("server")
        self._stop = asyncio.Event()
        self._at_once = asyncio.Event()
        self._preparing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        data = _make_data_folder(loaded.places.data)
        self.directory = _directory(loaded, data)
        self._media = MediaClient(ports=config.media.port_range, workers=config.media.worker_count)
        self._speech = Speech(
            cache_dir=data / "speech",
            cache_bytes=config.speech.cache_mb * 1024 * 1024,
            engines=config.speech.engines or None,
        )
        self._locations = Locations()
        self._store: Store | None = None
        self._limits = _limits(config, self._is_known)
        self._local_networks = as_networks(config.sip.local_networks)
        self._toll = self._toll_guard()
        self.groupcalls = Groupcalls()
        self._metering = Metering(self._toll, asyncio.get_running_loop().time)
        guard = DigestGuard(config.domain, secrets.token_bytes(32), watch=self._judged, barred=self._barred)
        registrar = Registrar(
            domain=config.domain,
            password=lambda extension: self.directory.password(extension),
            guard=guard,
            locations=self._locations,
            terms=Terms(
                config.registrar.contacts,
                config.registrar.expires,
                config.registrar.min_expires,
                config.registrar.max_expires,
            ),
        )
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
            on_call=self._arrived,
            on_transfer=lambda session, event: self._transfers.begin(session, event),
            registrar=lambda request, hop: registrar.answer(request, hop, time.time()),
        )
        core = SipCore(
            new_token=lambda: secrets.token_hex(8),
            limits=Limits(session_expires=config.sip.session_expires),
            advertise=self._contact,
            asks=frozenset({"REGISTER"}),
        )
        self._certificates = _certificates(loaded)
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
        self._host = self._flow_host(limits, plan)

    def _flow_host(self, limits: CallLimits, plan: DialPlan) -> FlowHost:
        """Return what runs flows, with all that it and transfers need to place and join calls."""
        config, media = self._loaded.config, self._media
        destinations = Destinations(
            lambda: self.directory,
            self._locations,
            self._resolver,
            Routing(lambda: self.directory, self._carriers),
            domain=config.domain,
            check=self._toll.check,
            meaning=plan.meaning,
            local=self._endpoint.local_for,
            number=config.outbound.default_outgoing_source_number,
        )
        dialer = Dialer(
            self._endpoint,
            media,
            self.switchboard,
            destinations,
            toll=self._toll,
            limits=limits,
            advertised=self._advertised,
        )
        rooms, ringing = Rooms(media), Ringing(dialer, self.groupcalls)
        bridges, tone = Bridges(rooms, Tone(media, hold_music)), Tone(media, ringback)
        parts = Parts(
            Prompts(media, self._speech),
            SoundLibrary(media, base=self._loaded.places.base, fetcher=Fetcher(config.http.allow_private)),
            Connecting(ringing, destinations, rooms, bridges, tone),
            ringing,
            destinations,
            rooms,
            self._conference,
            self.switchboard.ended_status,
        )
        run_limits = RunLimits(config.limits.steps, config.limits.steps_without_waiting)
        host = FlowHost(lambda: self._loaded.flows, parts, run_limits)
        self._places = Places(
            bridges, rooms, session=self.switchboard.sessions.get, enter_room=host.enter_room
        )
        self._transfers = Transfers(
            self._endpoint,
            bridges,
            self._places,
            ringing,
            destinations,
            session=self.switchboard.sessions.get,
            meaning=plan.meaning,
            divert=host.divert,
            ringback=tone,
            domain=config.domain,
        )
        return host

    def _arrived(self, session: IncomingSession, admitted: Admitted) -> None:
        if admitted.replaces:
            self._places.take_over(session, admitted.replaces)
        else:
            self._host.start(session, admitted)

    def _toll_guard(self) -> TollGuard:
        outbound = self._loaded.config.outbound
        return TollGuard(
            Allowed(outbound.allow, outbound.countries),
            TollTerms(outbound.limits, lambda: self.directory).limits,
            today=local_day,
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

    def _conference(self, name: str) -> Conference | None:
        entry = self.directory.conferences.get(name)
        return Conference(name, entry.pre_flow_id, entry.post_flow_id) if entry is not None else None

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

    async def start(self) -> list[ListenAddress]:
        """Open everything; returns the SIP addresses. Raises StartError."""
        config = self._loaded.config
        media = asyncio.create_task(self._media.start())
        try:
            await self._remember()
        except StartError:
            await media
            await self._close()
            raise
        await media
        await self._speech.start()
        self._preparing = asyncio.create_task(self._prepare_prompts())
        try:
            opened = await self._endpoint.listen([parse_listen_address(text) for text in config.sip.listen])
        except OSError as error:
            await self._close()
            raise StartError(
                f"cannot listen on {error.filename}: {error.strerror}; "
                "end the program that uses it or change sip.listen"
            ) from error
        self._upkeep.start()
        self._carriers.use(_providers(self.directory))
        self._carriers.start()
        self._metering.start()
        if self._certificates is not None:
            self._watching = asyncio.get_running_loop().create_task(self._certificates.watch())
        return opened

    def reload(self) -> None:
        """Read again what may change while the server runs: the certificate for TLS."""
        if self._certificates is not None:
            self._certificates.reload()

    def stop(self) -> None:
        """Begin to drain; a second time: end at once."""
        if self.switchboard.draining:
            self._at_once.set()
        self.switchboard.draining = True
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

    async def _remember(self) -> None:
        """Know what was known before the restart. Raises StartError."""
        await asyncio.to_thread(import_module, "voipbin_sip.memory")  # while the media workers start
        from voipbin_sip.memory import StoreError, remember

        try:
            self._store = await remember(
                self._loaded.config.database.url,
                self._loaded.places.data,
                locations=self._locations,
                known=self.directory.extensions.__contains__,
                toll=self._toll,
                today=local_day(),
            )
        except StoreError as error:
            raise StartError(f"{error}; change database.url") from error

    async def _prepare_prompts(self) -> None:
        """Speak what the flows say into the cache before a caller waits for it."""
        faults = await self._speech.prepare(spoken_prompts(self._loaded.flows), rate=8000)
        for fault in faults:
            self._log.warning("a text of the flows cannot be spoken", why=str(fault))

    async def _close(self) -> None:
        for task in (self._preparing, self._watching):
            if task is not None:
                task.cancel()
        await self._transfers.close()
        await self._host.close()
        await self._upkeep.close()
        await self._carriers.close()
        await self._metering.close()
        await self._endpoint.close()
        await self._speech.close()
        await self._media.close()
        if self._store is not None:
            await self._store.close()
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


def _make_data_folder(data: Path) -> Path:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = data / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StartError(
            f"cannot write to the data folder {data}: {error.strerror}; "
            "give this user the right to, or change data_dir"
        ) from error
    return data


def _directory(loaded: Loaded, data: Path) -> Directory:
    try:
        passwords = read_secrets(loaded.directory, loaded.places.base, data)
    except (OSError, ValueError) as error:
        raise StartError(f"cannot read the passwords of the directory: {error}") from error
    return Directory.of(loaded.directory, passwords)


def _providers(directory: Directory) -> list[Provider]:
    return [
        Provider(
            entry.id,
            entry.host,
            entry.port,
            entry.transport,
            directory.credentials(entry.id),
            entry.register_seconds,
            entry.probe,
        )
        for entry in directory.providers.values()
    ]


def _certificates(loaded: Loaded) -> Certificates | None:
    """Return what TLS is spoken with, None where it is not."""
    if not loaded.config.sip.secure:
        return None
    # Slow to load, rarely needed:
    from voipbin_sip.transport.certificate import CertificateError, Certificates

    try:
        return Certificates(loaded.config.sip.tls.terms(loaded.places.base))
    except CertificateError as error:
        raise StartError(f"TLS cannot be served: {error}") from error


def _limits(config: Config, exempt: Callable[[str], bool]) -> SourceLimits:
    terms = config.protection
    return SourceLimits(
        Rate(terms.messages_per_second, terms.burst),
        BanTerms(terms.ban_after, terms.ban_window, terms.ban_seconds),
        networks=terms.exempt,
        exempt=exempt,
    )
