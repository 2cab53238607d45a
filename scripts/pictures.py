"""Makes the pictures of the README: the table of `voipbin-sip calls` with real calls of a real server, a flow's graph,
and the recording of the newcomer's ten minutes.

    PYTHONPATH=. python scripts/pictures.py

It needs what the tests need, the phones pjsua and Linphone too (scripts/phones.sh).
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.phones.account import Account
from tests.phones.pjsua import pjsua
from tests.phones.server import COMMAND, Server, serving
from tests.phones.ten_minutes import ten_minutes
from tests.phones.wire import Line, WireCall, wire
from voipbin_sip.cli.calls import server_finder
from voipbin_sip.terminal.app import CallsApp

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
RECEPTION = ROOT / "config" / "flows" / "reception.yaml"
SIZE = (118, 18)
HOME = "/home/newcomer"
OFFICE = """
name: office
actions:
  - {type: connect, option: {destinations: [{type: extension, target: "1000"}]}}
  - type: hangup
"""
MENU = next(
    f"reception.yaml:{number} talk"
    for number, line in enumerate(RECEPTION.read_text().splitlines(), 1)
    if "- id: menu" in line
)
NUMBER, DESK = "+15550100", "200"


class Callers:
    """Calls by hand, each with a number of its own."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._names: dict[str, str] = {}
        self._send = line.send
        line.send = self._named  # type: ignore[method-assign]

    async def call(
        self, source: str, number: str = NUMBER, *, after: float = 0.0, digits: str = ""
    ) -> WireCall:
        """Call, and type digits one by one."""
        await asyncio.sleep(after)
        call = await self._line.new_call(number)
        self._names[call.call_id] = source
        await call.invite()
        for digit in digits:
            await asyncio.sleep(1.5)
            await call.sound.press(digit)
        return call

    def _named(self, text: str) -> None:
        for call_id, source in self._names.items():
            if f"Call-ID: {call_id}\r\n" in text:
                text = text.replace("sip:wire@127.0.0.1", f"sip:{source}@192.0.2.7", 1)
        self._send(text)


async def _lossy(call: WireCall) -> None:
    """Lose one packet of six."""
    while True:
        call.sound._sequence += 1
        await asyncio.sleep(0.12)


async def calls_picture(server: Server, folder: Path) -> str:
    """Return the table of calls while some go on."""
    account = Account("1000", "secret", server.address)
    async with wire(server.address) as line, pjsua(folder, account=account, answer=True, name="desk"):
        callers = Callers(line)
        app = CallsApp(server_finder(server.config, "", ""))
        async with app.run_test(size=SIZE) as pilot:

            async def seen(text: str, times: int = 1) -> None:
                async with asyncio.timeout(60.0):
                    while sum(text in row.step for row in app.live.board.running.values()) < times:
                        await pilot.pause(0.2)

            async with asyncio.timeout(90.0):  # a start on a busy machine is reported for a minute
                while app.live.server.status != "ok":
                    await pilot.pause(0.5)
            gone = await callers.call("+13125550142")
            await callers.call("+442079460958", DESK)
            await seen(MENU)
            await gone.bye()
            bad, good, third = [
                await callers.call(f"+{number}") for number in (33199000417, 493023125678, 61255501234)
            ]
            losing = asyncio.create_task(_lossy(bad))
            await seen(MENU, 3)
            for call, digit in ((bad, "3"), (good, "3"), (third, "2")):
                await call.sound.press(digit)
                await pilot.pause(1.0)
            await seen(" echo", 2)
            await callers.call("+12025550164")
            await seen(MENU)
            await pilot.pause(6.0)  # for a measurement of the sound
            await pilot.press("down", "down")
            await pilot.pause(0.5)
            drawn = app.picture()
        losing.cancel()
        with suppress(asyncio.CancelledError):
            await losing
    return drawn


def flow_picture(path: Path) -> str:
    """Return the graph of a flow, as `voipbin-sip flow graph` draws it."""
    command = [*COMMAND, "flow", "graph", str(path), "--format", "svg"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def recording() -> str:
    """Return the asciicast of a newcomer's session, without this machine's folders, addresses and passwords."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="x" * (len(HOME) - len("/tmp/") - 8)) as name:
        assert len(name) == len(HOME), "what stands right of it would be moved"
        session = asyncio.run(ten_minutes(Path(name)))
        text = session.cast.read_text(encoding="utf-8").replace(name, HOME)
    text = re.sub(r"(extension \d+  password )\w{16}", rf"\g<1>{'x' * 16}", text)
    return re.sub(r"\b(?!127\.|0\.)\d+\.\d+\.\d+\.\d+\b", "192.0.2.53", text)


def main() -> int:
    """Write all pictures."""
    flows: Mapping[str, str] = {"reception": RECEPTION.read_text(), "office": OFFICE}
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "reception.svg").write_text(flow_picture(RECEPTION))
    with tempfile.TemporaryDirectory() as name:
        folder, numbers = Path(name), {NUMBER: "reception", DESK: "office"}
        with serving(folder, flows, numbers=numbers, extensions={"1000": "secret"}) as server:
            (PICTURES / "calls.svg").write_text(asyncio.run(calls_picture(server, folder)))
    (PICTURES / "ten-minutes.cast").write_text(recording(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
