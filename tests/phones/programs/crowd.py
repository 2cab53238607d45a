"""Many callers in one process, who listen: `python crowd.py HOST:PORT NUMBER COUNT FREQUENCY`.

They send no sound. A line on standard input is an order: `report` prints what has been heard so far, `press D` lets
all of them press a digit and prints, when all calls are over, what each has heard as digits.
"""

from __future__ import annotations

import asyncio
import json
import sys

import numpy as np

from tests.phones.wire import WireCall, wire
from tests.phones.wire_sound import Packet, decode_ulaw

FRAME = 160  # samples
EDGE = 2  # frames in which the tone begins
LOUD = 0.2  # of full scale: the least amplitude of the tone


def judged(packets: list[Packet], frequency: float) -> dict[str, float]:
    """Return what is wrong with the sound of a call.

    Packets missing by their sequence numbers, frames skipped by their timestamps, frames without the tone, and the time
    between two packets in ms: the longest, and what one in a hundred passes.
    """
    sound = [packet for packet in packets if packet.payload_type == 0]
    sequence = np.array([packet.sequence for packet in sound], dtype=np.uint16)
    stamps = np.array([packet.timestamp for packet in sound], dtype=np.uint32)
    gaps = np.diff(np.array([packet.at for packet in sound])) * 1000
    frames = decode_ulaw(b"".join(packet.payload for packet in sound)).reshape(-1, FRAME)
    wave = np.exp(-2j * np.pi * frequency / 8000 * np.arange(FRAME)) * 2 / FRAME
    loud = np.abs(frames @ wave) >= LOUD
    return {
        "packets": len(sound),
        "missing": int(np.abs(np.diff(sequence).view(np.int16) - 1).sum()),  # twice, or late: too
        "skipped": int(np.abs(np.diff(stamps).view(np.int32) // FRAME - 1).sum()),
        "silent": int((~loud[int(loud.argmax()) + EDGE :]).sum()),
        "gap": round(float(gaps.max()), 1),
        "usual": round(float(np.percentile(gaps, 99)), 1),
    }


def report(calls: list[WireCall], frequency: float) -> dict[str, object]:
    found = [judged(call.sound.packets, frequency) for call in calls]
    return {
        "packets": min(one["packets"] for one in found),
        "missing": sum(one["missing"] for one in found),
        "skipped": max(one["skipped"] for one in found),
        "silent": sum(one["silent"] for one in found),
        "gap": max(one["gap"] for one in found),
        "usual": max(one["usual"] for one in found),
        "over": sum(call.ended.is_set() for call in calls),
        "statuses": sorted({status for call in calls for status in call.statuses}),
        "finals": [sum(status >= 200 for status in call.statuses) for call in calls].count(1),
    }


async def main(server: str, number: str, count: int, frequency: float) -> None:
    loop = asyncio.get_running_loop()
    async with wire(server) as line:
        calls = [await line.new_call(number) for _ in range(count)]
        assert await asyncio.gather(*(call.invite() for call in calls)) == [200] * count
        for call in calls:
            call.sound.talking = False
        say({"up": count})
        while order := (await loop.run_in_executor(None, sys.stdin.readline)).split():
            if order[0] == "report":
                say(await loop.run_in_executor(None, report, calls, frequency))
                continue
            await asyncio.gather(*(call.sound.press(order[1]) for call in calls))
            for call in calls:
                await call.ended.wait()
            say({"digits": [call.sound.digits() for call in calls]})


def say(what: dict[str, object]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
