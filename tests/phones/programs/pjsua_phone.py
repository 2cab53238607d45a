"""A PJSIP phone without a sound card, driven by lines on standard input. Runs with .phones/pjsua2's Python.

Every input line is one command, a JSON object: {"do": "call", "uri": ...}, {"do": "digits", "digits": ...}, the
same with "info", {"do": "play", "file": ...}, {"do": "answer", "code": ...}, {"do": "packets"}, and "hold", "resume",
"hangup", "quit". {"do": "transfer", "uri": ...} sends a REFER. {"do": "consult", "uri": ...} makes a second call, and
"join" refers the other side of the first one to that of the second one (Replaces). Every output line is one event, a
JSON object with the key "event"; those of the second call say "consulted". What the phone hears in its first call goes
into the file of --record.
"""

from __future__ import annotations

import argparse
import json
import re
import select
import sys
import time
from typing import Any

import pjsua2 as pj

TRANSPORTS = {
    "udp": pj.PJSIP_TRANSPORT_UDP,
    "tcp": pj.PJSIP_TRANSPORT_TCP,
    "tls": pj.PJSIP_TRANSPORT_TLS,
}
SRTP = {
    "off": pj.PJMEDIA_SRTP_DISABLED,
    "optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "required": pj.PJMEDIA_SRTP_MANDATORY,
}
SOUNDING = (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)


def report(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, "time": round(time.monotonic(), 3), **fields}), flush=True)


class Call(pj.Call):  # type: ignore[misc]  # the binding has no types
    def __init__(
        self, account: Any, options: argparse.Namespace, number: int = -1, *, record: bool = True
    ) -> None:
        super().__init__(account, number)
        self.options = options
        self.record = options.record if record else ""
        self.kind = "state" if record else "consulted"
        self.player: Any = None
        self.recorder: Any = None
        self.audio: Any = None

    def onCallState(self, _: Any) -> None:  # noqa: N802 - PJSIP's name
        info = self.getInfo()
        report(self.kind, state=info.stateText, code=info.lastStatusCode, reason=info.lastReason)

    def onCallMediaState(self, _: Any) -> None:  # noqa: N802
        info = self.getInfo()  # kept: its media vector lives as long as it does
        for number, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO or media.status not in SOUNDING:
                report("media", sound=False)
                continue
            self.audio = self.getAudioMedia(number)
            if self.record and self.recorder is None:
                self.recorder = pj.AudioMediaRecorder()
                self.recorder.createRecorder(self.record)
            if self.recorder:
                self.audio.startTransmit(self.recorder)
            if self.options.voice and self.player is None:
                self.play(self.options.voice, loop=True)
            elif self.player:
                self.player.startTransmit(self.audio)
            stream = self.getStreamInfo(number)
            suite = re.search(r"Crypto-suite: (\S+)", self.dump(True, ""))
            secured = suite[1] if suite else ""
            report("media", sound=True, codec=stream.codecName, direction=int(media.dir), srtp=secured)

    def onCallSdpCreated(self, prm: Any) -> None:  # noqa: N802
        if self.options.no_events:
            text = re.sub(
                r"a=(rtpmap|fmtp):(120|121|101|96) (telephone-event|0-1).*\r\n", "", prm.sdp.wholeSdp
            )
            prm.sdp.wholeSdp = re.sub(r"(m=audio .*?)( 96| 101| 120| 121)+\r\n", r"\1\r\n", text)

    def onCallTransferStatus(self, prm: Any) -> None:  # noqa: N802
        report("transfer", code=prm.statusCode, final=prm.finalNotify)

    def onDtmfDigit(self, prm: Any) -> None:  # noqa: N802
        report("digit", digit=prm.digit)

    def play(self, file: str, *, loop: bool = False) -> None:
        self.player = pj.AudioMediaPlayer()
        self.player.createPlayer(file, 0 if loop else pj.PJMEDIA_FILE_NO_LOOP)
        self.player.startTransmit(self.audio)

    def forget_sound(self) -> None:
        """Close the recording; PJSIP wants these gone before the library is."""
        self.player = self.recorder = self.audio = None


class Account(pj.Account):  # type: ignore[misc]
    def __init__(self, phone: Phone) -> None:
        super().__init__()
        self.phone = phone

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        self.phone.call = Call(self, self.phone.options, prm.callId)
        report("incoming", caller=self.phone.call.getInfo().remoteUri)
        if self.phone.options.answer:
            self.phone.call.answer(status(200))
        else:
            self.phone.call.answer(status(180))

    def onRegState(self, prm: Any) -> None:  # noqa: N802
        report("registered", code=prm.code, reason=prm.reason)


def status(code: int) -> Any:
    """Return the parameters of an answer with a SIP status."""
    answer = pj.CallOpParam()
    answer.statusCode = code
    return answer


class Phone:
    """One endpoint with one account."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.call: Call | None = None
        self.consulted: Call | None = None
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.logConfig.level = config.logConfig.consoleLevel = options.log
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.medConfig.clockRate = 16000
        config.medConfig.ecTailLen = 0
        config.medConfig.noVad = True
        self.endpoint.libInit(config)
        transport = pj.TransportConfig()
        transport.port = options.port
        transport.boundAddress = options.host
        if options.authority:
            transport.tlsConfig.CaListFile = options.authority
            transport.tlsConfig.verifyServer = True
        self.endpoint.transportCreate(TRANSPORTS[options.transport], transport)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            wanted = codec.codecId.startswith(options.codec)
            self.endpoint.codecSetPriority(codec.codecId, 255 if wanted else 0)
        account = pj.AccountConfig()
        account.idUri = options.address or f"sip:{options.user}@{options.host}:{options.port}"
        if options.registrar:
            suffix = "" if options.transport == "udp" else f";transport={options.transport}"
            account.regConfig.registrarUri = f"sip:{options.registrar}{suffix}"
            account.regConfig.timeoutSec = 120
            user = options.address.removeprefix("sip:").partition("@")[0]
            account.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", user, 0, options.password))
        if options.timer:
            calls = account.callConfig
            calls.timerUse = pj.PJSUA_SIP_TIMER_ALWAYS
            calls.timerSessExpiresSec = calls.timerMinSESec = options.timer
        account.mediaConfig.transportConfig.port = options.rtp
        account.mediaConfig.transportConfig.boundAddress = options.host
        account.mediaConfig.srtpUse = SRTP[options.srtp]
        account.mediaConfig.srtpSecureSignaling = 0  # it may send keys over UDP
        if options.unaware:
            nat = account.natConfig
            nat.contactRewriteUse = nat.viaRewriteUse = nat.sdpNatRewriteUse = 0
            nat.udpKaIntervalSec = 0
        self.account = Account(self)
        self.account.create(account)

    def run(self) -> None:
        report("up")
        while True:
            self.endpoint.libHandleEvents(10)
            if not select.select([sys.stdin], [], [], 0)[0]:
                continue
            line = sys.stdin.readline()
            command = json.loads(line) if line else {"do": "quit"}
            try:
                if not self.obey(command):
                    return
            except pj.Error as error:
                report("error", command=command["do"], why=error.info())

    def obey(self, command: dict[str, str]) -> bool:
        """Carry one command out; False ends the phone."""
        do = command["do"]
        if do == "quit":
            return False
        if do == "call":
            self.call = Call(self.account, self.options)
            self.call.makeCall(command["uri"], pj.CallOpParam(True))
            return True
        call = self.call
        if call is None:
            report("error", command=do, why="no call")
        elif do == "digits":
            call.dialDtmf(command["digits"])
        elif do == "info":
            digits = pj.CallSendDtmfParam()
            digits.method = pj.PJSUA_DTMF_METHOD_SIP_INFO
            digits.digits = command["digits"]
            digits.duration = 160
            call.sendDtmf(digits)
        elif do == "answer":
            call.answer(status(int(command["code"])))
        elif do == "play":
            call.play(command["file"])
        elif do == "hold":
            call.setHold(pj.CallOpParam(True))
        elif do == "resume":
            resume = pj.CallOpParam(True)
            resume.opt.flag = pj.PJSUA_CALL_UNHOLD
            call.reinvite(resume)
        elif do == "transfer":
            call.xfer(command["uri"], pj.CallOpParam(True))
        elif do == "consult":
            self.consulted = Call(self.account, self.options, record=False)
            self.consulted.makeCall(command["uri"], pj.CallOpParam(True))
        elif do == "join":
            call.xferReplaces(self.consulted, pj.CallOpParam(True))
        elif do == "packets":
            report("packets", received=call.getStreamStat(0).rtcp.rxStat.pkt)
        elif do == "hangup":
            call.hangup(pj.CallOpParam(True))
        return True

    def close(self) -> None:
        for call in (self.call, self.consulted):
            if call is not None:
                call.forget_sound()
        self.call = self.consulted = None
        self.account.shutdown()
        del self.account
        self.endpoint.libDestroy()
        report("down")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--user", default="tester")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rtp", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--unaware", action="store_true", help="do nothing about NATs")
    parser.add_argument("--transport", choices=sorted(TRANSPORTS), default="udp")
    parser.add_argument(
        "--authority", default="", help="a PEM file: whose certificate a TLS server must have"
    )
    parser.add_argument("--codec", default="PCMU")
    parser.add_argument("--record", default="")
    parser.add_argument("--voice", default="", help="a wav file to say in each call")
    parser.add_argument("--address", default="", help="sip:USER@DOMAIN")
    parser.add_argument("--registrar", default="", help="HOST:PORT")
    parser.add_argument("--password", default="")
    parser.add_argument("--answer", action="store_true")
    parser.add_argument("--no-events", action="store_true", help="offer no telephone-event")
    parser.add_argument("--timer", type=int, default=0, help="seconds of a session (RFC 4028)")
    parser.add_argument("--srtp", choices=sorted(SRTP), default="off")
    parser.add_argument("--log", type=int, default=0)
    phone = Phone(parser.parse_args())
    try:
        phone.run()
    finally:
        phone.close()


if __name__ == "__main__":
    main()
