"""pyVoIP as a phone, driven by lines on standard input. Runs with .phones/pyvoip's Python.

    pyvoip_phone.py SERVER_PORT SIP_PORT RTP_PORT RECORDING

Input: "call NUMBER", "play FILE" (16-bit wav at 8 kHz, sent as the caller's voice), "hangup", "quit". Output:
one word a line for what happened. What it hears goes into RECORDING. pyVoIP cannot send RFC 4733 events.
"""

from __future__ import annotations

import array
import select
import sys
import threading
import time
import wave
from pathlib import Path
from typing import Any

# By way of pyVoIP.VoIP: the library's modules cannot be imported in another order.
from pyVoIP.VoIP import CallState, VoIP, VoIPPhone  # type: ignore[import-not-found,unused-ignore]

FRAME = 160  # samples of 8 bits, 20 ms


def report(event: str) -> None:
    print(event, flush=True)


class UnregisteredClient(VoIP.SIP.SIPClient):  # type: ignore[misc]  # the library's types are partial
    """pyVoIP insists on registering before it calls; this phone calls as a stranger."""

    def register(self) -> bool:
        return True


class Phone:
    """One call of pyVoIP's and the thread that writes down what it hears."""

    def __init__(self, server_port: int, sip_port: int, rtp_port: int, recording: Path) -> None:
        VoIP.SIP.SIPClient = UnregisteredClient
        self.recording = recording
        self.call: Any = None
        self.phone = VoIPPhone(
            "127.0.0.1",
            server_port,
            "pyvoip",
            "",
            myIP="127.0.0.1",
            sipPort=sip_port,
            rtpPortLow=rtp_port,
            rtpPortHigh=rtp_port + 2,
        )
        self.phone.start()
        time.sleep(1.2)  # pyVoIP reads answers only from one second after its start

    def obey(self, line: str) -> bool:
        """Carry one command out; False ends the phone."""
        command, *words = line.split()
        if command == "call":
            self.call = self.phone.call(words[0])
            threading.Thread(target=self._listen).start()
        elif command == "play":
            with wave.open(words[0]) as file:
                samples = array.array("h", file.readframes(file.getnframes()))
            self.call.write_audio(bytes((sample >> 8) + 128 for sample in samples))
        elif command == "hangup":
            self.call.hangup()
        return command != "quit"

    def _listen(self) -> None:
        while self.call.state == CallState.DIALING:
            time.sleep(0.01)
        report(str(self.call.state.name))
        with wave.open(str(self.recording), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(1)
            file.setframerate(8000)
            due = time.monotonic() + 0.1  # reads this much behind what arrives
            while self.call.state == CallState.ANSWERED:
                time.sleep(max(0.0, due - time.monotonic()))
                due += 0.02
                file.writeframes(
                    self.call.read_audio(FRAME, False)
                )  # never waits: silence where nothing came
        report("ENDED")


def main() -> None:
    server_port, sip_port, rtp_port = (int(word) for word in sys.argv[1:4])
    phone = Phone(server_port, sip_port, rtp_port, Path(sys.argv[4]))
    report("UP")
    while True:
        if select.select([sys.stdin], [], [], 0.05)[0]:
            line = sys.stdin.readline()
            if not line or not phone.obey(line):
                break
    phone.phone.stop()


if __name__ == "__main__":
    main()
