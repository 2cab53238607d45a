"""linphonec as tests use it: own configuration, files instead of a sound card, driven by its command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.phones import ports
from tests.phones.account import Account, linphone_account
from tests.phones.child import Child

TEMPLATES = Path(__file__).parent / "templates"


class Linphone:
    """A phone on the loopback address; made by `linphone`."""

    def __init__(self, child: Child, recording: Path, port: int, voice: Path | None) -> None:
        self.child = child
        self._voice = voice
        self.recording = recording
        self.port = port  # SIP

    async def call(self, number: str, server: str) -> None:
        """Call a number at HOST:PORT and wait until it is answered."""
        await self.child.say(f"call sip:{number}@{server}")
        await self._connected()

    async def rings(self, seconds: float = 10.0) -> None:
        """Wait until somebody calls."""
        await self.child.line("Receiving new incoming call", seconds)

    async def answer(self) -> None:
        """Answer the call that rings, and wait until it sounds."""
        await self.child.say("answer")
        await self._connected()

    async def refuse(self) -> None:
        """Refuse the call that rings (603)."""
        await self.child.say("terminate")

    async def _connected(self) -> None:
        await self.child.line(r"Call \d+ with .* connected")
        if self._voice is not None:
            await self.play(self._voice)

    async def press(self, digits: str) -> None:
        """Press digits, sent as RFC 4733 events."""
        for digit in digits:
            await self.child.say(digit)
            await asyncio.sleep(0.3)  # the command line sends one digit at a time

    async def play(self, file: Path) -> None:
        """Send a wav file as the caller's voice, once."""
        await self.child.say(f"play {file}")

    async def hold(self) -> None:
        """Put the other side on hold and wait until it is."""
        await self.child.say("pause")
        await self.child.line(r"Call \d+ with .* is now paused")

    async def resume(self) -> None:
        """Take the call back and wait until it sounds."""
        await self.child.say("resume")
        await self.child.line("Media streams established")

    async def transfer(self, number: str, server: str) -> None:
        """Send the other side to a number at HOST:PORT (REFER)."""
        await self.child.say(f"transfer sip:{number}@{server}")

    async def hang_up(self) -> None:
        """Hang up, or cancel."""
        await self.child.say("terminate")

    async def over(self, seconds: float = 15.0) -> int:
        """Wait for the end of the call. The recording is complete afterwards."""
        status = await self.closed(seconds)
        await self.child.say("quit")
        await self.child.ended()
        return status

    async def closed(self, seconds: float = 15.0) -> int:
        """Wait for the end of the call only."""
        await self.child.line(r"Call \d+ with .* ended", seconds)
        return 200


@asynccontextmanager
async def linphone(
    folder: Path,
    *,
    account: Account | None = None,
    voice: Path | None = None,
    name: str = "linphone",
    timer: int = 0,
    refresher: str = "uac",
    srtp: bool = False,
) -> AsyncIterator[Linphone]:
    """Start a phone; it takes a second or two. With an account it registers, and says `voice` in each call.

    With `timer`, seconds, it asks for session timers; `refresher` says who is to refresh the session. With `srtp`
    it takes encrypted sound only.
    """
    home = folder / name
    for part in (".local/share/linphone", ".config/linphone"):  # it ends at once where one is missing
        (home / part).mkdir(parents=True)
    port = ports.free()
    config = (TEMPLATES / "linphonerc").read_text()
    for word, value in {"@SIP@": port, "@RTP@": ports.free_block(4)}.items():
        config = config.replace(word, str(value))
    if timer:
        keys: tuple[str, ...] = ("enabled=1", f"value={timer}", f"min_value={timer}")
        keys += (f"refresher_value={('uas', 'uac').index(refresher) + 1}",)
        lines = "".join(f"session_expires_{key}\n" for key in keys)
        config = config.replace("[sip]\n", f"[sip]\n{lines}")
    if account is not None and account.authority is not None:
        config = config.replace("[sip]\n", f"[sip]\nroot_ca={account.authority}\n")
    if srtp:
        config = config.replace("[sip]\n", "[sip]\nmedia_encryption=srtp\nmedia_encryption_mandatory=1\n")
    (home / "linphonerc").write_text(config + linphone_account(account))
    recording = home / "heard.wav"
    argv = ["linphonec", "-c", str(home / "linphonerc"), "-d", "1", "-l", str(home / "linphone.log")]
    async with Child(argv, folder=home, environment={"HOME": str(home)}) as child:
        await child.line("linphonec>", 20.0)
        await child.say("soundcard use files")
        await child.say(f"record {recording}")
        if account is not None:
            await _registered(child)
        yield Linphone(child, recording, port, voice)


async def _registered(child: Child) -> None:
    """Ask until it has registered; it does not tell by itself."""
    for _ in range(40):
        await child.say("status register")
        if (await child.line(r"registered(=|, identity)"))[1] != "=":
            return
        await asyncio.sleep(0.25)
    raise TimeoutError(f"linphonec does not register:\n{child.output[-4000:]}")
