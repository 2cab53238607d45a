"""The PJSIP phone as tests use it; the phone itself is programs/pjsua_phone.py, in a process of its own."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.phones import ports, prompts
from tests.phones.account import Account
from tests.phones.child import Child
from tests.phones.installed import PJSUA_PYTHON
from tests.phones.nat import Host

PROGRAM = Path(__file__).parent / "programs" / "pjsua_phone.py"


class Pjsua:
    """A phone on the loopback address; made by `pjsua`."""

    def __init__(self, child: Child, recording: Path, transport: str, port: int) -> None:
        self.child = child
        self.recording = recording
        self.port = port  # SIP
        self._suffix = "" if transport == "udp" else f";transport={transport}"

    async def call(self, number: str, server: str) -> None:
        """Call a number at HOST:PORT and wait until it is answered and sounds."""
        await self.dial(number, server)
        await self.child.line(r'"state": "CONFIRMED"')

    async def dial(self, number: str, server: str, *, scheme: str = "sip") -> None:
        """Call a number at HOST:PORT; returns while it rings."""
        await self._do("call", uri=f"{scheme}:{number}@{server}{self._suffix}")

    async def rings(self, seconds: float = 10.0) -> None:
        """Wait until somebody calls."""
        await self.child.line(r'"event": "incoming"', seconds)

    async def answer(self) -> None:
        """Answer the call that rings, and wait until it sounds."""
        await self._do("answer", code="200")
        await self.child.line(r'"state": "CONFIRMED"')

    async def speak_early(self) -> None:
        """Answer the call that rings with 183: it sounds already."""
        await self._do("answer", code="183")
        await self.child.line(r'"event": "media", .*"sound": true')

    async def refuse(self, status: int = 603) -> None:
        """Refuse the call that rings with a SIP status."""
        await self._do("answer", code=str(status))

    async def press(self, digits: str) -> None:
        """Press digits, sent as RFC 4733 events."""
        await self._do("digits", digits=digits)

    async def press_by_info(self, digits: str) -> None:
        """Press digits, each sent by SIP INFO (application/dtmf-relay)."""
        for digit in digits:
            await self._do("info", digits=digit)

    async def play(self, file: Path) -> None:
        """Send a wav file as the caller's voice, once."""
        await self._do("play", file=str(file))

    async def play_digits(self, digits: str) -> None:
        """Send digits as DTMF in the sound."""
        file = self.recording.with_name(f"{self.recording.stem}-digits-{digits}.wav")
        await self.play(prompts.write(file, prompts.dtmf(digits)))

    async def hold(self) -> None:
        """Put the other side on hold (re-INVITE, sendonly) and wait for the new media."""
        await self._do("hold")
        await self.child.line(r'"event": "media"')

    async def resume(self) -> None:
        """Take the call back and wait for the new media."""
        await self._do("resume")
        await self.child.line(r'"event": "media", .*"sound": true')

    async def transfer(self, number: str, server: str) -> None:
        """Send the other side to a number at HOST:PORT (REFER)."""
        await self._do("transfer", uri=f"sip:{number}@{server}{self._suffix}")

    async def consult(self, number: str, server: str) -> None:
        """Call a number at HOST:PORT beside the first call; returns while it rings."""
        await self._do("consult", uri=f"sip:{number}@{server}{self._suffix}")

    async def consulting(self) -> None:
        """Wait until the second call is answered."""
        await self.child.line(r'"event": "consulted", .*"state": "CONFIRMED"')

    async def join(self) -> None:
        """Send the other side of the first call to the other side of the second one (REFER with Replaces)."""
        await self._do("join")

    async def transferred(self, seconds: float = 10.0) -> int:
        """Wait for the final word on a transfer; returns its SIP status."""
        line = await self.child.line(r'"event": "transfer", .*"code": (\d+), "final": true', seconds)
        return int(line[1])

    async def consultation_over(self, seconds: float = 10.0) -> None:
        """Wait for the end of the second call."""
        await self.child.line(r'"event": "consulted", .*"state": "DISCONN', seconds)

    async def packets(self) -> int:
        """Return how many RTP packets the stream has received since its last negotiation."""
        await self._do("packets")
        return int((await self.child.line(r'"event": "packets", .*"received": (\d+)'))[1])

    async def hang_up(self) -> None:
        """Hang up, or cancel; the other side's answer to it is awaited by `over`."""
        await self._do("hangup")

    async def over(self, seconds: float = 15.0) -> int:
        """Wait for the end of the call; returns the last SIP status. The recording is complete afterwards."""
        status = await self.closed(seconds)
        await self._do("quit")
        await self.child.ended()
        return status

    async def closed(self, seconds: float = 15.0) -> int:
        """Wait for the end of the call only; returns the last SIP status."""
        return int((await self.child.line(r'"state": "DISCONN\w+", "code": (\d+)', seconds))[1])

    def codecs(self) -> list[str]:
        """Return the codec of each negotiation so far."""
        return re.findall(r'"sound": true, "codec": "([^"]+)"', self.child.output)

    def suites(self) -> list[str]:
        """Return the SRTP suite of each negotiation so far, "" for plain RTP."""
        return re.findall(r'"sound": true, .*"srtp": "([^"]*)"', self.child.output)

    async def _do(self, command: str, **fields: str) -> None:
        await self.child.say(json.dumps({"do": command, **fields}))


@asynccontextmanager
async def pjsua(
    folder: Path,
    *,
    transport: str = "udp",
    codec: str = "PCMU",
    events: bool = True,
    answer: bool = False,
    account: Account | None = None,
    voice: Path | None = None,
    name: str = "pjsua",
    port: int = 0,
    timer: int = 0,
    srtp: str = "off",
    at: Host | None = None,
) -> AsyncIterator[Pjsua]:
    """Start a phone; it offers `codec` only, and no telephone-event where `events` is False.

    With an account it registers first; `port` is its own for SIP. `voice` is a wav file that it says in each call,
    over and over. With `timer`, seconds, it asks for session timers and prints its SIP messages. `srtp` is off,
    optional or required. `at` is a machine of a network of the tests' own; there it knows nothing of any NAT: no
    STUN, no signs of life, its own address in Via, Contact and SDP.
    """
    recording = folder / f"{name}.wav"
    port = port or ports.free()
    argv = [PJSUA_PYTHON, PROGRAM, "--user", name, "--port", port, "--rtp", ports.free_block(4)]
    argv += ["--transport", transport, "--codec", codec, "--record", recording]
    argv += [] if events else ["--no-events"]
    argv += ["--answer"] if answer else []
    argv += ["--srtp", srtp]
    argv += ["--timer", timer, "--log", 4] if timer else []
    argv += ["--voice", voice] if voice is not None else []
    if account is not None:
        argv += ["--address", account.address, "--password", account.password, "--registrar", account.server]
        argv += ["--authority", account.authority] if account.authority is not None else []
    argv = [*at.command(), *argv, "--host", at.address, "--unaware"] if at is not None else argv
    async with Child([str(word) for word in argv], folder=folder) as child:
        await child.line(r'"event": "up"', 20.0)
        if account is not None:
            await child.line(r'"event": "registered", .*"code": 200')
        yield Pjsua(child, recording, transport, port)
