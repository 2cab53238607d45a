"""Phones of an office: each registers as an extension and says a tone of its own, whatever program it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tests.phones import prompts, sound
from tests.phones.account import Account
from tests.phones.baresip import baresip
from tests.phones.installed import HAS_BARESIP, HAS_LINPHONE, HAS_PJSUA
from tests.phones.linphone import linphone
from tests.phones.phone import Phone
from tests.phones.pjsua import Pjsua, pjsua
from tests.phones.server import Server

VOICES = {"baresip": 700, "linphone": 1200, "pjsua": 1900}  # Hz
KINDS = {"baresip": HAS_BARESIP, "linphone": HAS_LINPHONE, "pjsua": HAS_PJSUA}
PASSWORD = "opensesame"

_AUDIBLE = 0.05  # amplitude of a tone; the phones send 0.3
_WINDOW = 0.2  # s


class Desk(Phone, Protocol):
    """A phone that can be called."""

    async def rings(self, seconds: float = 10.0) -> None:
        """Wait until somebody calls."""
        ...

    async def answer(self) -> None:
        """Answer the call that rings, and wait until it sounds."""
        ...

    async def refuse(self) -> None:
        """Refuse the call that rings."""
        ...

    async def closed(self, seconds: float = 15.0) -> int:
        """Wait for the end of the call only; returns as `over` does."""
        ...


@asynccontextmanager
async def desk(kind: str, user: str, server: Server, folder: Path) -> AsyncIterator[Desk]:
    """Start a phone of a kind (key of VOICES) that registers as an extension."""
    account, name, voice = _outfit(kind, user, server, folder)
    async with AsyncExitStack() as stack:
        phone: Desk
        if kind == "baresip":
            phone = await stack.enter_async_context(
                baresip(folder, voice=voice, account=account, answers=False, name=name)
            )
        elif kind == "linphone":
            phone = await stack.enter_async_context(linphone(folder, voice=voice, account=account, name=name))
        else:
            phone = await stack.enter_async_context(pjsua_desk(user, server, folder))
        yield phone


@asynccontextmanager
async def pjsua_desk(
    user: str, server: Server, folder: Path, *, codec: str = "PCMU", transport: str = "udp"
) -> AsyncIterator[Pjsua]:
    """Start a PJSIP phone that registers as an extension; it can do more than the others."""
    account, name, voice = _outfit("pjsua", user, server, folder)
    async with pjsua(
        folder, voice=voice, account=account, name=name, codec=codec, transport=transport
    ) as phone:
        yield phone


def _outfit(kind: str, user: str, server: Server, folder: Path) -> tuple[Account, str, Path]:
    """Return a phone's account, its name, and its voice."""
    name = f"{kind}-{user}"
    voice = prompts.write(folder / f"voice-{name}.wav", prompts.tone(VOICES[kind], 60.0))
    return Account(user, PASSWORD, server.address), name, voice


@asynccontextmanager
async def desks(kinds: Mapping[str, str], server: Server, folder: Path) -> AsyncIterator[dict[str, Desk]]:
    """Start several phones at once: kind by extension; gives the phones by extension."""
    async with AsyncExitStack() as stack:
        started = await asyncio.gather(
            *(stack.enter_async_context(desk(kind, user, server, folder)) for user, kind in kinds.items())
        )
        yield dict(zip(kinds, started, strict=True))


def voices(recording: Path, among: Iterable[str] = tuple(VOICES)) -> dict[str, float]:
    """Return for how many seconds a recording holds the tone of each kind of phone, others beside it or not."""
    return voices_in(*sound.load(recording), among)


def voices_in(
    samples: npt.NDArray[np.float64], rate: int, among: Iterable[str] = tuple(VOICES)
) -> dict[str, float]:
    """Return the same for float64 [samples] from -1 to 1."""
    size = int(_WINDOW * rate)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    window = np.hanning(size)
    found = {}
    for kind in among:
        turn = np.exp(-2j * np.pi * VOICES[kind] * np.arange(size) / rate)
        amplitude = 2 * np.abs(frames @ (window * turn)) / window.sum()
        found[kind] = float(np.count_nonzero(amplitude > _AUDIBLE) * _WINDOW)
    return found
