"""What runs flows on calls, places calls of their own, joins and transfers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flows import FlowSet, Outside
from flows.interpreter import Limits
from flows.ports import Conference
from media.client import MediaClient
from media.tones import hold_music, ringback
from voipbin_sip.calls.background import Background
from voipbin_sip.calls.bridge import Bridges
from voipbin_sip.calls.connecting import Connecting
from voipbin_sip.calls.destinations import Destinations
from voipbin_sip.calls.dialer import Dialer
from voipbin_sip.calls.dialplan import DialPlan
from voipbin_sip.calls.groupcall import Groupcalls
from voipbin_sip.calls.handover import Handover
from voipbin_sip.calls.incoming import IncomingSession
from voipbin_sip.calls.places import Places
from voipbin_sip.calls.ringing import Ringing
from voipbin_sip.calls.rooms import Rooms
from voipbin_sip.calls.routing import Routing
from voipbin_sip.calls.session import CallLimits
from voipbin_sip.calls.switchboard import Switchboard
from voipbin_sip.calls.tones import Tone, quiet
from voipbin_sip.calls.transfers import Transfers
from voipbin_sip.calls.verdict import Admitted
from voipbin_sip.carriers import Carriers
from voipbin_sip.directory import Directory
from voipbin_sip.flowhost import FlowHost, Parts
from voipbin_sip.flowhost.recording import RecordingSteps
from voipbin_sip.loading import Loaded
from voipbin_sip.recordings.folder import RecordingFolder
from voipbin_sip.recordings.recorder import Recordings
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.sounds.fetch import Fetcher
from voipbin_sip.sounds.library import SoundLibrary
from voipbin_sip.sounds.prompts import Prompts
from voipbin_sip.streams.external import Externals
from voipbin_sip.streams.streams import Streams
from voipbin_sip.toll.guard import TollGuard
from voipbin_sip.transport.endpoint import Endpoint
from voipbin_sip.transport.resolver import Resolver
from voipbin_sip.web.client import WebClient

if TYPE_CHECKING:
    from voipbin_sip.platform.live import Means


class Calling:
    """The parts between the switchboard, which knows single calls, and the flows, which say what becomes of them."""

    def __init__(
        self,
        loaded: Loaded,
        directory: Callable[[], Directory],
        *,
        flows: Callable[[], FlowSet],
        media: MediaClient,
        endpoint: Endpoint,
        switchboard: Switchboard,
        locations: Locations,
        resolver: Resolver,
        carriers: Carriers,
        toll: TollGuard,
        plan: DialPlan,
        limits: CallLimits,
        prompts: Prompts,
        web: WebClient,
        advertised: Callable[[str, str], str],
        outside: Outside,
    ) -> None:
        config, find = loaded.config, switchboard.sessions.get
        self._directory = directory
        self.groupcalls = Groupcalls()
        self.destinations = Destinations(
            directory,
            locations,
            resolver,
            Routing(directory, carriers),
            domain=config.domain,
            check=toll.check,
            meaning=plan.meaning,
            local=endpoint.local_for,
            number=config.outbound.default_outgoing_source_number,
        )
        self.dialer = Dialer(
            endpoint,
            media,
            switchboard,
            self.destinations,
            toll=toll,
            limits=limits,
            advertised=advertised,
        )
        self.rooms, self.ringing = Rooms(media), Ringing(self.dialer, self.groupcalls)
        music, tone = Tone(media, hold_music), Tone(media, ringback)
        self.bridges = Bridges(self.rooms, music)
        self.background = Background(music, Tone(media, quiet))
        self.prompts, self.live = prompts, switchboard.calls
        self.recordings = Recordings(media, RecordingFolder(loaded.places.data))
        self.recording = RecordingSteps(self.recordings)
        self.streams = Streams(media)
        self.externals = Externals(self.streams, web)
        parts = Parts(
            prompts,
            SoundLibrary(media, base=loaded.places.base, fetcher=Fetcher(web)),
            Connecting(self.ringing, self.destinations, self.rooms, self.bridges, tone),
            self.ringing,
            self.destinations,
            self.rooms,
            self._conference,
            switchboard.ended_status,
            self.externals,
            self.recording,
        )
        run_limits = Limits(config.limits.steps, config.limits.steps_without_waiting)
        self.host = FlowHost(flows, parts, run_limits, outside)
        self.places = Places(self.bridges, self.rooms, session=find, enter_room=self.host.enter_room)
        self.transfers = Transfers(
            endpoint,
            self.bridges,
            self.places,
            self.ringing,
            self.destinations,
            session=find,
            meaning=plan.meaning,
            divert=self.host.divert,
            ringback=tone,
            domain=config.domain,
        )

        self.handover = Handover(
            self.bridges, self.groupcalls, self.ringing, self.destinations, self.background, tone
        )

    def means(self) -> Means:
        """Return what the platform works with."""
        from voipbin_sip.platform.live import Means  # loaded by now, in a thread

        return Means(
            self.live,
            self.host,
            self.groupcalls,
            self.rooms,
            self.bridges,
            self.dialer,
            self.ringing,
            self.destinations,
            self.background,
            self.handover,
            self.prompts,
            self.streams,
            self.recordings,
            self.recording,
        )

    def arrived(self, session: IncomingSession, admitted: Admitted) -> None:
        """Begin with a call that came in: it takes over another one, or a flow runs on it."""
        if admitted.replaces:
            self.places.take_over(session, admitted.replaces)
        else:
            self.host.start(session, admitted)

    async def close(self) -> None:
        """End all flows."""
        await self.handover.close()
        await self.transfers.close()
        await self.host.close()
        self.recording.run = None  # recordings that end now are followed by nothing
        await self.externals.close()
        await self.streams.close()

    def _conference(self, name: str) -> Conference | None:
        entry = self._directory().conferences.get(name)
        # By one name only, whichever was given: who comes by the UUID meets those who came by the word.
        return Conference(entry.id, entry.pre_flow_id, entry.post_flow_id) if entry is not None else None
