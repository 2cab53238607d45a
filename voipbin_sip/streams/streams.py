"""Taps on calls and rooms, five at most on each, closed with what they are on."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from media.client import MediaClient, NoPort, TapEnd, WorkerLost
from media.messages import TapClosed
from voipbin_sip.calls.rooms import Room
from voipbin_sip.calls.session import CallSession

MAX_STREAMS = 5  # on one call or room, external media included


class StreamRefused(Exception):  # noqa: N818 - reads as what happened
    """There can be no stream now; the message says why."""


class Streams:
    """All streams that go on."""

    def __init__(self, media: MediaClient) -> None:
        self._media = media
        self._log = structlog.get_logger("call")
        self._open: dict[object, set[TapEnd]] = {}
        self._watching: set[asyncio.Task[None]] = set()

    def tap(self, session: CallSession, **terms: Any) -> TapEnd:
        """Tap a call; `terms` as for `media.media_leg.MediaLeg.tap`. Raises StreamRefused."""
        sound = session.sound
        if sound is None or sound.agreed is None:
            raise StreamRefused(f"the call {session.call.id} has no sound now")
        self._admit(session)
        try:
            return self._enter(session, sound.leg.tap(**terms))
        except WorkerLost as error:
            raise StreamRefused(str(error)) from error

    def tap_room(self, room: Room) -> TapEnd:
        """Tap a room at 8 kHz: everybody in it is heard, and hears. Raises StreamRefused."""
        self._admit(room)
        try:
            tap = self._media.tap_room(room.media)
        except (WorkerLost, NoPort, ValueError) as error:
            raise StreamRefused(str(error)) from error
        watch = asyncio.get_running_loop().create_task(_close_with(room, tap))
        self._watching.add(watch)
        watch.add_done_callback(self._watching.discard)
        tap.closed.add_done_callback(lambda _: watch.cancel())
        return self._enter(room, tap)

    def count(self, on: CallSession | Room) -> int:
        """Return how many streams there are on a call or room."""
        return len(self._open.get(on, ()))

    async def close(self) -> None:
        """Close all of them."""
        for taps in [*self._open.values()]:
            for tap in [*taps]:
                tap.close()
        for watch in [*self._watching]:
            watch.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    def _admit(self, on: CallSession | Room) -> None:
        if self.count(on) >= MAX_STREAMS:
            raise StreamRefused(f"there are {MAX_STREAMS} media streams on it already")

    def _enter(self, on: CallSession | Room, tap: TapEnd) -> TapEnd:
        self._open.setdefault(on, set()).add(tap)
        log = self._log.bind(room=on.name) if isinstance(on, Room) else on.log
        log = log.bind(stream=tap.id)
        log.info("stream", listen=tap.listen, speak=tap.speak, rate=tap.rate)

        def ended(_: object) -> None:
            taps = self._open.get(on, set())
            taps.discard(tap)
            if not taps:
                self._open.pop(on, None)
            counts = tap.closed.result() or TapClosed(0, tap.id, 0, 0, 0)
            log.info(
                "stream ended",
                sent=counts.sent,
                received=counts.received,
                dropped=counts.dropped,
                unread=tap.unread,
                unplayed_seconds=round(tap.unplayed / 2 / tap.rate, 1),
            )

        tap.closed.add_done_callback(ended)
        return tap


async def _close_with(room: Room, tap: TapEnd) -> None:
    """Close the tap of a room when everybody has left it."""
    while room.members:
        await room.changed.wait()
    tap.close()
