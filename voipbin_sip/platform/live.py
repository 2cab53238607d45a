"""Everything of the platform that needs calls: their records, and what the API does with them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from voipbin_sip.calls.background import Background
from voipbin_sip.calls.bridge import Bridges
from voipbin_sip.calls.call import Call
from voipbin_sip.calls.destinations import Destinations
from voipbin_sip.calls.dialer import Dialer
from voipbin_sip.calls.groupcall import Groupcalls
from voipbin_sip.calls.handover import Handover
from voipbin_sip.calls.live import LiveCalls
from voipbin_sip.calls.ringing import Ringing
from voipbin_sip.calls.rooms import Rooms
from voipbin_sip.flowhost import FlowHost
from voipbin_sip.flowhost.recording import RecordingSteps
from voipbin_sip.flowhost.reference import call_as_json
from voipbin_sip.platform.activeflows import Activeflows
from voipbin_sip.platform.call_records import CallRecords
from voipbin_sip.platform.calls import CallControl
from voipbin_sip.platform.conferences import Conferences
from voipbin_sip.platform.directory_book import DirectoryBook
from voipbin_sip.platform.flow_book import FlowBook
from voipbin_sip.platform.groupcalls import GroupcallRecords
from voipbin_sip.platform.hooks import Hooks
from voipbin_sip.platform.media_streams import MediaStreams
from voipbin_sip.platform.owners import Owners
from voipbin_sip.platform.placing import Placing
from voipbin_sip.platform.recordings import RecordingControl
from voipbin_sip.platform.shelf import Shelf
from voipbin_sip.platform.transfers import Transfers
from voipbin_sip.recordings.recorder import Recordings
from voipbin_sip.resources.catalogue import Catalogue
from voipbin_sip.resources.history import History
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.sounds.prompts import Prompts
from voipbin_sip.streams.streams import Streams


@dataclass(frozen=True, slots=True)
class Means:
    """What there is of calls and flows."""

    live: LiveCalls
    host: FlowHost
    groupcalls: Groupcalls
    rooms: Rooms
    bridges: Bridges
    dialer: Dialer
    ringing: Ringing
    destinations: Destinations
    background: Background
    handover: Handover
    prompts: Prompts
    streams: Streams
    recordings: Recordings
    recording: RecordingSteps


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is of the platform."""

    ledger: Ledger
    history: History
    catalogue: Catalogue
    hooks: Hooks
    flows: FlowBook
    directory: DirectoryBook
    shelf: Shelf


class Live:
    """The services for calls, groupcalls, runs, conferences and transfers; they watch from now on."""

    def __init__(self, means: Means, kept: Kept) -> None:
        owners = Owners(kept.catalogue)
        self.means = means
        self.records = CallRecords(kept.ledger, kept.history, owners)
        self.groupcalls = GroupcallRecords(kept.history, means.groupcalls)
        means.live.watchers += [self.records, self.groupcalls]
        self.activeflows = Activeflows(
            kept.ledger,
            kept.history,
            kept.hooks,
            kept.flows,
            means.host,
            self.records,
            means.live.get,
        )
        self.calls = CallControl(kept.history, means.live, self.records, means.background, means.prompts)
        self.conferences = Conferences(
            kept.ledger,
            kept.history,
            kept.catalogue,
            kept.directory,
            means.rooms,
            means.live,
            self.records,
        )
        self.streams = MediaStreams(means.streams, self.calls, kept.catalogue, kept.directory, means.rooms)
        self.recordings = RecordingControl(
            means.recordings,
            means.recording,
            kept.shelf,
            kept.ledger,
            kept.history,
            kept.catalogue,
            kept.directory,
            kept.flows,
            means.host,
            means.rooms,
            self.calls,
            self.records,
            self.conferences,
        )
        self.placing = Placing(
            means.dialer,
            means.ringing,
            means.destinations,
            means.groupcalls,
            means.host,
            self.records,
            self.groupcalls,
            self.activeflows,
            owners,
            means.live,
        )
        self.transfers = Transfers(kept.history, self.calls, means.handover)
        means.host.reference_data = self._reference_data

    async def close(self) -> None:
        """Stop what rings and what watches the time."""
        await self.placing.close()
        await self.conferences.close()

    def _reference_data(self, call: Call) -> str:
        record = self.records.get(call.id)
        return call_as_json(call) if record is None else json.dumps(record.public(), ensure_ascii=False)
