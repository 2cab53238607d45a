"""Sounds by name: files and URLs become clips in the media engine's bank, decoded once and off the event loop."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from pathlib import Path

from media.client import Clip, MediaClient
from media.files import AudioError, decode
from media.tones import beep
from voipbin_sip.sounds.errors import FetchError, SoundError
from voipbin_sip.sounds.fetch import Fetcher

MAX_CLIPS = 1000
MAX_SOUND_SECONDS = 4 * 3600
URL_LIFETIME = 60.0  # seconds for which a downloaded sound is taken as current


class SoundLibrary:
    """Clips by source and rate, the least used forgotten first.

    Args:
        base: folder that relative file names start from.
    """

    def __init__(self, media: MediaClient, *, base: Path, fetcher: Fetcher) -> None:
        self._media = media
        self._base = base
        self._fetcher = fetcher
        self._clips: OrderedDict[tuple[object, ...], Clip] = OrderedDict()
        self._loading: dict[tuple[object, ...], asyncio.Task[Clip]] = {}

    async def clip(self, source: str, rate: int, *, trusted: bool) -> Clip:
        """Return the sound of a URL, or of a file if `trusted`, at 8000 or 16000 Hz.

        Raises:
            SoundError: it cannot be had, or a file was named by a flow that may not read files.
        """
        is_url = "://" in source
        if not is_url and not trusted:
            raise SoundError(f"{source}: only flows from the flows folder may play files")
        if is_url:
            key: tuple[object, ...] = (source, rate, int(time.monotonic() / URL_LIFETIME))
        else:
            path = self._base / source
            try:
                stat = path.stat()
            except OSError as error:
                raise SoundError(f"{source}: {error.strerror}") from error
            key = (str(path), rate, stat.st_mtime_ns, stat.st_size)
        clip = self._clips.get(key)
        if clip is not None:
            self._clips.move_to_end(key)
            return clip
        task = self._loading.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._load(key, source, rate, is_url=is_url))
            self._loading[key] = task
            task.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(task)  # others may wait for it too: one caller's end must not stop it

    def beep(self, rate: int) -> Clip:
        """Return the beep of the beep action."""
        key = ("beep", rate)
        if key not in self._clips:
            self._clips[key] = self._media.add_clip(beep(rate), rate)
        return self._clips[key]

    async def _load(self, key: tuple[object, ...], source: str, rate: int, *, is_url: bool) -> Clip:
        try:
            data = await self._fetcher.get(source) if is_url else self._base / source
            pcm = await asyncio.to_thread(decode, data, rate, MAX_SOUND_SECONDS)
        except (FetchError, AudioError) as error:
            raise SoundError(f"{source}: {error}") from error
        clip = self._clips[key] = self._media.add_clip(pcm, rate)
        while len(self._clips) > MAX_CLIPS:
            self._clips.popitem(last=False)[1].release()
        return clip
