"""What one side brings to offer and answer, and what comes out of it (RFC 3264)."""

from __future__ import annotations

from dataclasses import dataclass, field

from voipbin_sip.sip.sdes import LocalSrtp, SrtpAgreement


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """What our side can do for one call."""

    host: str  # a concrete address of ours, without brackets
    port: int  # RTP; RTCP is the next one
    session_id: int
    version: int  # to be raised by one for each description that differs
    codecs: tuple[str, ...] = ("PCMU", "PCMA", "G722")
    digit_events: bool = True
    unasked: tuple[str, ...] = ()  # codecs that we never offer, but take where the peer does
    srtp: LocalSrtp = field(default_factory=LocalSrtp)
    holding: bool = False  # we want nothing from the peer, whatever it offers

    @property
    def family(self) -> str:
        """The address family as SDP names it."""
        return "IP6" if ":" in self.host else "IP4"


@dataclass(frozen=True, slots=True)
class OtherCodec:
    """A codec that the peer may send as well, because we offered it (RFC 3264 section 5.1)."""

    codec: str
    send_payload_type: int  # the peer's number, -1: its answer does not list it
    receive_payload_type: int  # ours


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides agreed on, as ours sees it; names and meanings as in `media.messages.Stream`."""

    codec: str
    send_payload_type: int
    receive_payload_type: int
    host: str
    port: int
    rtcp_port: int
    ptime: int = 20
    send_digit_payload_type: int = -1
    receive_digit_payload_type: int = -1
    digit_clock: int = 8000
    send: bool = True
    receive: bool = True
    srtp: SrtpAgreement | None = None  # None: plain RTP
    others: tuple[OtherCodec, ...] = ()  # none where we answered: our answers list one codec
    other_digits: tuple[tuple[int, int], ...] = ()  # payload type and clock of other telephone-events of ours
