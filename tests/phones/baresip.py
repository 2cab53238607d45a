"""baresip as tests use it: configured for one call without a sound card, driven over its control port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.phones import ports, prompts
from tests.phones.account import Account, baresip_account
from tests.phones.child import Child

TEMPLATES = Path(__file__).parent / "templates"
MODULES = Path("/usr/lib/baresip/modules")


class Baresip:
    """A phone on the loopback address; made by `baresip`."""

    def __init__(
        self,
        child: Child,
        folder: Path,
        port: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.child = child
        self.port = port  # SIP
        self._folder = folder
        self._reader = reader
        self._writer = writer
        self._log: list[dict[str, object]] = []

    @property
    def recording(self) -> Path:
        """What the phone heard; complete once the call is over."""
        (file,) = self._folder.glob("dump-*-dec.wav")
        return file

    async def call(self, number: str, server: str) -> None:
        """Call a number at HOST:PORT and wait until it is answered."""
        await self._do("dial", f"sip:{number}@{server}")
        await self.event("CALL_ESTABLISHED")

    async def rings(self, seconds: float = 10.0) -> None:
        """Wait until somebody calls."""
        await self.event("CALL_INCOMING", seconds)

    async def answer(self) -> None:
        """Answer the call that rings, and wait until it sounds."""
        await self._do("accept")
        await self.event("CALL_ESTABLISHED")

    async def refuse(self) -> None:
        """Refuse the call that rings (486)."""
        await self._do("hangup")

    async def press(self, digits: str) -> None:
        """Press digits one after the other, sent as RFC 4733 events of 0.15 s."""
        for digit in digits:
            await self._do("sndcode", digit)
            await asyncio.sleep(0.15)  # baresip sends the event for as long as the key is down
            await self._do("sndcode", "\x04")

    async def hold(self) -> None:
        """Put the other side on hold."""
        await self._do("hold")

    async def resume(self) -> None:
        """Take the call back."""
        await self._do("resume")

    async def transfer(self, number: str, server: str) -> None:
        """Send the other side to a number at HOST:PORT (REFER)."""
        await self._do("transfer", f"sip:{number}@{server}")

    async def hang_up(self) -> None:
        """Hang up, or cancel."""
        await self._do("hangup")

    async def over(self, seconds: float = 15.0) -> int:
        """Wait for the end of the call. The recording is complete afterwards."""
        status = await self.closed(seconds)
        await self._do("quit")
        await self.child.ended()
        return status

    async def closed(self, seconds: float = 15.0) -> int:
        """Wait for the end of the call only."""
        await self.event("CALL_CLOSED", seconds)
        return 200

    async def event(self, kind: str, seconds: float = 10.0) -> dict[str, object]:
        """Wait for an event of baresip's, named as in its ctrl_tcp module."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    record = await self._record()
                    self._log.append(record)
                    if record.get("type") == kind:
                        return record
        except TimeoutError:
            raise TimeoutError(f"no {kind} from baresip in {seconds} s, only {self._log}") from None

    async def _record(self) -> dict[str, object]:
        """Read one netstring: LENGTH:JSON,"""
        length = await self._reader.readuntil(b":")
        body = await self._reader.readexactly(int(length[:-1]) + 1)
        record = json.loads(body[:-1])
        assert isinstance(record, dict)
        return record

    async def _do(self, command: str, parameters: str = "") -> None:
        body = json.dumps({"command": command, "params": parameters}).encode()
        self._writer.write(b"%d:%s," % (len(body), body))
        await self._writer.drain()


@asynccontextmanager
async def baresip(
    folder: Path,
    *,
    voice: Path | None = None,
    account: Account | None = None,
    answers: bool = True,
    srtp: bool = False,
    codecs: str = "PCMU/8000/1,PCMA/8000/1",
    name: str = "baresip",
) -> AsyncIterator[Baresip]:
    """Start a phone whose caller says what is in the wav file `voice` (none: a minute of silence).

    With an account it registers first. Without `answers` the test answers for it. With `srtp` it takes encrypted
    sound only; `codecs` are named as in its account.
    """
    home = folder / name
    home.mkdir()
    if voice is None:
        voice = prompts.write(home / "voice.wav", prompts.quiet(60.0))
    port, rtp, control = ports.free(), ports.free_block(8), ports.free()
    values = {
        "@SIP@": port,
        "@RTP@": rtp,
        "@RTP_END@": rtp + 7,
        "@CONTROL@": control,
        "@VOICE@": voice,
        "@FOLDER@": home,
        "@MODULES@": MODULES,
    }
    config = (TEMPLATES / "baresip-config").read_text()
    for word, value in values.items():
        config = config.replace(word, str(value))
    if account is not None and account.authority is not None:
        config += f"sip_cafile {account.authority}\n"
    if srtp:
        config += "module srtp.so\n"
    if "L16" in codecs:
        config += "module l16.so\n"
    (home / "config").write_text(config)
    (home / "accounts").write_text(baresip_account(account, answers=answers, srtp=srtp, codecs=codecs))
    (home / "contacts").write_text("")
    async with Child(["baresip", "-f", str(home)], folder=home) as child:
        await child.line("baresip is ready", 20.0)
        reader, writer = await asyncio.open_connection("127.0.0.1", control)
        phone = Baresip(child, home, port, reader, writer)
        try:
            if account is not None:
                await child.line(r"\b200 OK\b")  # baresip prints it for each registration
            yield phone
        finally:
            writer.close()
