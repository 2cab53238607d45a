"""The sound side of a leg: its media leg and what offer and answer made of it (RFC 3264)."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from media.client import LegListener, MediaClient, MediaLeg
from media.messages import OtherCodec, SrtpKeys, Stream
from voipbin_sip.sip import sdes
from voipbin_sip.sip.message import Request
from voipbin_sip.sip.next_hop import is_address, is_private
from voipbin_sip.sip.offer_answer import Agreement, LocalMedia, answer_offer, apply_answer, make_offer
from voipbin_sip.sip.payload_types import UNASKED
from voipbin_sip.sip.sdes import LocalSrtp, SrtpPolicy
from voipbin_sip.sip.sdp import Origin, SessionDescription

CODECS = ("PCMU", "PCMA", "G722")
WIDE = ("G722", "L16/16000")


class ExposedKeysError(PermissionError):
    """SRTP is required, and the keys would go over signalling that everybody on the way can read."""


class LegSound:
    """One media leg with its session description.

    Args:
        advertised: what our SDP names for the address that the sockets are bound to.
        peer: the address that the far end itself sends its signalling from, "" where a proxy hides it. The sound is
            expected from there where the peer's SDP names an address behind a NAT.
        rtp_timeout: seconds without packets until the listener is told; 0 = never.
        beside: a leg that this one will share its sound with.
        codecs: what we offer and accept, the first being the one we like best.
        srtp: "off", "optional": SRTP where the peer offers it, and offered over TLS, or "required".
        secure: the signalling goes over TLS, so that our offers may have keys in them.
        leg: of an earlier attempt of the same call, used again.

    Raises:
        media.client.NoPort: no free pair of ports.
        media.client.WorkerLost: no media worker to take it.
    """

    def __init__(
        self,
        media: MediaClient,
        host: str,
        listener: LegListener,
        *,
        advertised: Callable[[str], str],
        rtp_timeout: float,
        peer: str = "",
        beside: MediaLeg | None = None,
        codecs: Sequence[str] = CODECS,
        srtp: SrtpPolicy = "optional",
        secure: bool = False,
        leg: MediaLeg | None = None,
    ) -> None:
        self.leg: MediaLeg = leg or media.open_leg(host, listener, rtp_timeout=rtp_timeout, beside=beside)
        self._host = advertised(host)
        self._peer = peer
        self._stream: Stream | None = None  # agreed, and not told to the leg yet
        self._waits = False
        self._codecs = tuple(codecs)
        self._srtp: SrtpPolicy = srtp
        self._secure = secure
        self._session_id = secrets.randbits(62)
        self._version = 0
        self._offered: SessionDescription | None = None
        self._heard: Origin | None = None  # of the peer's last offer
        self.agreed: Agreement | None = None
        self.description: SessionDescription | None = None  # the last one that we sent
        self.holding = False  # the peer is on hold: what we offer and answer says so

    @property
    def rate(self) -> int:
        """Samples per second of the sound that this leg plays best."""
        return 16_000 if self.agreed is not None and self.agreed.codec in WIDE else 8_000

    def answer(self, offer: SessionDescription) -> SessionDescription:
        """Answer an offer and apply it to the sound. Raises RemoteProtocolError(488) if nothing fits."""
        answer, agreed = answer_offer(offer, self._local())
        self._apply(agreed)
        refresh, self._heard = offer.origin == self._heard, offer.origin
        return self._said(answer, refresh=refresh)

    def offer(self) -> SessionDescription:
        """Make our offer. Raises ExposedKeysError where it must have keys and must not."""
        if self.needs_tls:
            raise ExposedKeysError("SRTP is required, and its keys may only be offered over TLS")
        self._offered = self._said(make_offer(self._local(), previous=self.description))
        return self._offered

    def accept(self, answer: SessionDescription, *, final: bool = True) -> None:
        """Apply the answer to our last offer. Raises RemoteProtocolError(488) if it does not fit.

        Answers in provisional responses are not `final`: another branch of a forked call may bring another one.
        """
        if self._offered is None:
            return
        self._apply(apply_answer(self._offered, answer))
        if final:
            self._offered = None

    @property
    def needs_tls(self) -> bool:
        """Our offer would be refused to leave: SRTP is required and the signalling is not secure."""
        return self._srtp == "required" and not self._secure and self.agreed is None

    @property
    def may_be_plain(self) -> bool:
        """We have offered SRTP and would do without it."""
        return self._offered is not None and bool(self._offered.media[0].crypto) and self._srtp == "optional"

    @property
    def exposed(self) -> bool:
        """The keys of the sound went over signalling that is not secure: the peer wanted it so."""
        return not self._secure and self.agreed is not None and self.agreed.srtp is not None

    def wait(self) -> None:
        """Hear nobody until `begin`.

        Before the peer may speak, only strangers do; to learn its address now would be to learn theirs.
        """
        self._waits = True

    def begin(self) -> None:
        """Hear the peer, and be heard."""
        self._waits = False
        if self._stream is not None:
            self.leg.set_stream(self._stream)
            self._stream = None

    def close(self) -> None:
        """Give the ports back."""
        self.leg.close()

    def _said(self, description: SessionDescription, *, refresh: bool = False) -> SessionDescription:
        """Note what we say; a refresh that changes nothing on either side is answered in the words of the last time.

        Phones take a new version for a change, and begin their sound anew.
        """
        last = self.description
        if refresh and last is not None and replace(description, origin=last.origin) == last:
            return last
        self._version += 1
        self.description = description
        return description

    def _local(self) -> LocalMedia:
        return LocalMedia(
            host=self._host,
            port=self.leg.port,
            session_id=self._session_id,
            version=self._version + 1,
            codecs=self._codecs,
            srtp=self._local_srtp(),
            unasked=UNASKED if self._codecs == CODECS else (),
            holding=self.holding,
        )

    def _local_srtp(self) -> LocalSrtp:
        agreed = self.agreed.srtp if self.agreed is not None else None
        return LocalSrtp(
            accepts=self._srtp,
            offers=self._srtp != "off" and self._secure and self.agreed is None,
            keys=tuple(secrets.token_bytes(sdes.KEY) for _ in sdes.SUITES),
            agreed=agreed,
        )

    def _apply(self, agreed: Agreement) -> None:
        self.agreed = agreed
        keys = agreed.srtp
        self._stream = Stream(
            codec=agreed.codec,
            send_payload_type=agreed.send_payload_type,
            receive_payload_type=agreed.receive_payload_type,
            host=self._reachable(agreed.host),
            port=agreed.port,
            rtcp_port=agreed.rtcp_port,
            ptime=agreed.ptime,
            send_digit_payload_type=agreed.send_digit_payload_type,
            receive_digit_payload_type=agreed.receive_digit_payload_type,
            digit_clock=agreed.digit_clock,
            send=agreed.send,
            receive=agreed.receive,
            srtp=SrtpKeys(keys.suite, keys.send, keys.receive) if keys is not None else None,
            others=tuple(
                OtherCodec(other.codec, other.send_payload_type, other.receive_payload_type)
                for other in agreed.others
            ),
            other_digits=agreed.other_digits,
        )
        if not self._waits:
            self.begin()

    def _reachable(self, host: str) -> str:
        """Return where sound for an address in the peer's SDP has to go."""
        hidden = is_private(host) and not ipaddress.ip_address(host).is_unspecified
        return self._peer if hidden and self._peer and not is_private(self._peer) else host


def peer_host(request: Request, remote: str) -> str:
    """Return the address that the sender of a request has out there, "" if none on the way has noted it.

    The first proxy on the way writes it into the sender's Via (RFC 3261 section 18.2.1).
    """
    vias = request.vias
    seen = remote if len(vias) == 1 else vias[-1].received or ""
    return seen if is_address(seen) else ""


def media_host(
    offer: SessionDescription | None, local: str, remote: str, towards: Callable[[str], str]
) -> str:
    """Return the local address that a leg's sockets bind to.

    Usually the one the INVITE came to. Where the sound goes elsewhere than the signalling (a proxy in between), it
    is the one that the kernel routes there, unless that address is private and only the signalling's is real.
    """
    audio = next((media for media in offer.media if media.kind == "audio"), None) if offer else None
    connection = offer.connection_of(audio) if offer is not None and audio is not None else None
    try:
        target = ipaddress.ip_address(connection.host if connection is not None else "")
        source = ipaddress.ip_address(remote)
    except ValueError:
        return local
    hidden = is_private(str(target)) and not is_private(remote)
    if target == source or target.is_unspecified or hidden:
        return local
    return towards(str(target))
