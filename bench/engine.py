"""CPU time of the media worker per leg and 20 ms frame, kernel included, with its own RTP sender on loopback.

    python bench/engine.py --legs 1000 --seconds 6 --case play echo idle

Cases: `idle` (the peer sends, we send silence), `play` (a looping prompt that is never silent), `echo`, and rooms:
`bridge` (two of one codec), `transcode` (PCMU and PCMA), `wideband` (G.722 and PCMU), `conf3` (three), `conf1` (all
legs in one). In-band digits are listened for but with `--no-inband`; with `--srtp` all packets are protected. The
peer sends noise from a process of its own and reads what comes back. Prints one line per case: µs per leg and frame,
share of a core, ticks skipped, packets.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import select
import socket
import struct
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from media.client import MediaClient, MediaLeg
from media.messages import Digit, FirstPacket, RtpTimeout, SrtpKeys, Stream
from media.srtp import Srtp

PEER = "127.0.0.2"
CODECS = {"PCMU": 0, "PCMA": 8, "G722": 9}

KEYS = SrtpKeys("AES_CM_128_HMAC_SHA1_80", bytes(30), bytes(range(30)))
ROOMS = {"bridge": 2, "transcode": 2, "wideband": 2, "conf3": 3, "conf1": 0}  # legs of a room, 0 = all
PAIRS = {"transcode": ("PCMU", "PCMA"), "wideband": ("G722", "PCMU")}


class Silent:
    """A listener that has nothing to do."""

    def on_digit(self, digit: Digit) -> None: ...

    def on_first_packet(self, packet: FirstPacket) -> None: ...

    def on_rtp_timeout(self, timeout: RtpTimeout) -> None: ...

    def on_lost(self, reason: str) -> None:
        raise SystemExit(f"the worker was lost: {reason}")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def peer(pipe: Connection, payload_types: list[int], srtp: bool) -> None:
    """Send 50 packets a second for each leg, spread over the 20 ms, and count what comes back."""
    legs = len(payload_types)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    sockets = []
    poll = select.epoll()
    for _ in range(legs):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((PEER, 0))
        sock.setblocking(False)
        poll.register(sock.fileno(), select.EPOLLIN)
        sockets.append(sock)
    pipe.send([sock.getsockname()[1] for sock in sockets])
    for sock, port in zip(sockets, pipe.recv(), strict=True):
        sock.connect(("127.0.0.1", port))
    receive = {sock.fileno(): sock.recv_into for sock in sockets}
    noise = np.random.default_rng(1).integers(0, 256, 160, dtype=np.uint8).tobytes()
    buffer = bytearray(2048)
    received, sequence, groups = 0, 0, 4
    protect = Srtp(SrtpKeys(KEYS.suite, KEYS.receive, KEYS.send)).protect if srtp else bytes
    packets: dict[int, bytes] = {}
    deadline = time.monotonic()
    while not pipe.poll():
        for kind in set(payload_types):  # the same packet for all legs, whose keys are the same
            header = struct.pack(
                "!BBHII", 0x80, kind, sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, 7 + kind
            )
            packets[kind] = protect(header + noise)
        for group in range(groups):
            for sock, kind in zip(sockets[group::groups], payload_types[group::groups], strict=True):
                try:
                    sock.send(packets[kind])
                except OSError:
                    continue
            for fd, _ in poll.poll(0, 4 * legs):
                receive[fd](buffer)
                received += 1
            deadline += 0.02 / groups
            time.sleep(max(0.0, deadline - time.monotonic()))
        sequence += 1
    pipe.send((received, sequence * legs))


async def measure(case: str, codec: str, legs: int, seconds: float, *, inband: bool, srtp: bool) -> None:
    """Run one case."""
    codecs = [(PAIRS.get(case) or (codec, codec))[index % 2] for index in range(legs)]
    payload_types = [CODECS[name] for name in codecs]
    pipe, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=peer, args=(theirs, payload_types, srtp))
    process.start()
    peers: list[int] = pipe.recv()
    client = MediaClient(ports=range(22000, 22000 + 2 * legs + 2000))
    await client.start()
    opened = [client.open_leg("127.0.0.1", Silent(), inband_digits=inband) for _ in range(legs)]
    sound = np.random.default_rng(2).normal(0, 3000, 8000 * 20).astype(np.int16)
    clip = client.add_clip(sound, 8000)
    for index, leg in enumerate(opened):
        port = peers[index]
        kind = payload_types[index]
        leg.set_stream(Stream(codecs[index], kind, kind, PEER, port, port + 1, srtp=KEYS if srtp else None))
        begin(leg, case, [clip])
        if index % 100 == 99:
            await asyncio.sleep(0.01)
    pipe.send([leg.port for leg in opened])
    if case in ROOMS:
        size = ROOMS[case] or legs
        rooms = [client.room() for _ in range(0, legs, size)]
        for index, leg in enumerate(opened):
            leg.join(rooms[index // size])
    await asyncio.sleep(2.0)
    pid = client.worker_pids[0]
    late = client.load[0].late_ticks
    before, started = cpu_seconds(pid), time.monotonic()
    await asyncio.sleep(seconds)
    used, passed = cpu_seconds(pid) - before, time.monotonic() - started
    busy = client.load[0]
    sent = sum(leg.stats().packets_sent for leg in opened)
    heard = sum(leg.stats().packets_received for leg in opened)
    pipe.send("stop")
    received, said = pipe.recv()
    process.join()
    frames = legs * passed * 50
    label = f"{case:10} {'+'.join(sorted(set(codecs))):9} {'inband' if inband else '      '}"
    label += " srtp" if srtp else "     "
    print(
        f"{label} {legs:5} legs: {used / frames * 1e6:5.2f} us/leg/frame,"
        f" {used / passed:4.0%} of a core, {busy.late_ticks - late} ticks late,"
        f" worker sent {sent} heard {heard}, peer sent {said} got {received}"
    )
    await client.close()


def begin(leg: MediaLeg, case: str, clips: list) -> None:  # type: ignore[type-arg]
    """Let a leg do what the case is about."""
    if case == "play":
        leg.play(clips, loop=True)
    elif case == "echo":
        leg.echo("sound")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--legs", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--codec", choices=CODECS, default="PCMU")
    parser.add_argument(
        "--case",
        nargs="+",
        choices=("idle", "play", "echo", *ROOMS),
        default=["idle", "play", "echo", *ROOMS],
    )
    parser.add_argument("--no-inband", action="store_true")
    parser.add_argument("--srtp", action="store_true")
    options = parser.parse_args()
    for case in options.case:
        asyncio.run(
            measure(
                case,
                options.codec,
                options.legs,
                options.seconds,
                inband=not options.no_inband,
                srtp=options.srtp,
            )
        )


if __name__ == "__main__":
    main()
