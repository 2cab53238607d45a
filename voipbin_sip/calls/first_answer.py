"""Who is waited for while several phones ring: the first answer counts, the silent hold up nobody."""

from __future__ import annotations

import asyncio

from voipbin_sip.calls.outgoing import OutgoingSession
from voipbin_sip.calls.pursuit import SILENCE, Pursuit

DOUBT = 1.0  # s that a phone which has given no signs of life has for one where others are rung too


async def first_answer(
    running: dict[asyncio.Future[OutgoingSession | None], Pursuit], seconds: float
) -> OutgoingSession | None:
    """Wait for the first answer, until all failed or `seconds` are over.

    Phones that have not sent anything yet when all others have failed are not waited for much longer.
    """
    clock = asyncio.get_running_loop().time
    begun = failed_at = clock()
    waiting = set(running)
    while waiting:
        until = begun + seconds
        left = [running[task] for task in waiting]
        if all(pursuit.is_silent for pursuit in left):
            alone = len(left) == len(running)
            if all(pursuit.is_doubtful for pursuit in left):
                until = min(until, begun + SILENCE if alone else max(failed_at, begun + DOUBT))
            elif not alone:
                until = min(until, failed_at + SILENCE)
        if clock() >= until:
            return None
        done, waiting = await asyncio.wait(
            waiting, timeout=until - clock(), return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            if (session := task.result()) is not None:
                return session
            failed_at = clock()
    return None
