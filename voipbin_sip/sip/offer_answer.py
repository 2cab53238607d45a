"""The offer/answer model for one audio stream (RFC 3264, with RFC 3551 codecs, RFC 4733 digits and RFC 4568 keys).

Nothing here remembers anything: the session keeps the descriptions and asks again with a higher version.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from voipbin_sip.sip.agreement import Agreement, LocalMedia, OtherCodec
from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.payload_types import CODECS, RtpMap, codec_name, digit_types
from voipbin_sip.sip.sdes import PLAIN, SECURE, Crypto, LocalSrtp, SrtpAgreement, settle
from voipbin_sip.sip.sdp import DIRECTIONS, Connection, MediaDescription, Origin, SessionDescription

__all__ = [
    "CODECS",
    "WARNINGS",
    "Agreement",
    "LocalMedia",
    "OtherCodec",
    "answer_offer",
    "apply_answer",
    "make_offer",
]

DIGITS = {8000: 101, 16000: 102}  # the payload types that we offer for telephone-event, by clock
PTIMES = (10, 20, 30, 40, 60)  # ms, what our media can send
LONGEST = {"L16/16000": 40}  # ms, where more would not fit into a packet

# RFC 3261 section 20.43: Warning codes for the reasons of the 488s raised here.
WARNINGS = {
    "Incompatible network address formats": 301,
    "Incompatible transport protocol": 302,
    "Media type not available": 304,
    "Incompatible media format": 305,
    "Attribute not understood": 306,
}


def answer_offer(offer: SessionDescription, local: LocalMedia) -> tuple[SessionDescription, Agreement]:
    """Return the answer, and what it makes of the stream.

    The first audio stream that fits is taken, those with SRTP before the plain ones; every other is refused with
    port 0. Of its codecs the first that we have is taken, in the offerer's order. A peer that holds (sendonly,
    inactive, or the address 0.0.0.0 of RFC 2543) is answered recvonly or inactive. Raises RemoteProtocolError 488
    if nothing fits; `WARNINGS` has the Warning code of its reason.
    """
    fault = "Media type not available"
    secured = local.srtp.accepts != "off"
    order = sorted(enumerate(offer.media), key=lambda each: not (secured and each[1].crypto))
    for position, media in order:
        try:
            agreement = _agree(offer, media, local)
        except RemoteProtocolError as error:
            fault = error.reason if media.kind == "audio" and media.port else fault
            continue
        answers = [_refuse(other) for other in offer.media]
        answers[position] = _accept(media, agreement, local)
        times = tuple(line for line in offer.lines if line[0] == "t") or (
            ("t", "0 0"),
        )  # section 6: as offered
        return replace(_describe(local, answers), lines=times), agreement
    raise RemoteProtocolError(488, fault)


def make_offer(
    local: LocalMedia, *, direction: str = "", previous: SessionDescription | None = None
) -> SessionDescription:
    """Return an offer with all our codecs; without a direction, `sendonly` while we hold.

    Within a session `previous` is our last description: its streams keep their places (RFC 3264 section 8).
    """
    direction = direction or ("sendonly" if local.holding else "sendrecv")
    if direction not in DIRECTIONS:
        raise LocalProtocolError(f"not a direction: {direction!r}")
    if unknown := set(local.codecs) - CODECS.keys():
        raise LocalProtocolError(f"no such codec: {', '.join(sorted(unknown))}")
    numbers = [CODECS[name] for name in local.codecs]
    clocks = sorted({encoding.clock for _, encoding in numbers}) if local.digit_events else []
    numbers += [(DIGITS[clock], RtpMap("telephone-event", clock)) for clock in clocks]
    crypto = local.srtp.offer() if local.srtp.offers or local.srtp.agreed is not None else []
    audio = _audio("RTP/SAVP" if crypto else "RTP/AVP", numbers, local.port, 20, direction, crypto)
    if previous is None:
        return _describe(local, [audio])
    streams = [_refuse(media) for media in previous.media]
    place = next((n for n, media in enumerate(previous.media) if media.kind == "audio" and media.port), None)
    if place is None:
        streams.append(audio)
    else:
        proto = previous.media[place].proto
        keeps = proto.upper() in (PLAIN if not crypto else (*SECURE, *PLAIN))
        streams[place] = replace(audio, proto=proto) if keeps else audio
    return _describe(local, streams)


def apply_answer(offer: SessionDescription, answer: SessionDescription) -> Agreement:
    """Return what the peer's answer makes of our offer; raises RemoteProtocolError 488 if nothing.

    We send the first codec of the answer; the peer may send any that we offered, one now and another then
    (RFC 3264 sections 5.1 and 7).
    """
    for ours, theirs in zip(
        offer.media, answer.media, strict=False
    ):  # tolerates an answer without refused ones
        if ours.kind == "audio" and ours.port:
            return _settle(offer, ours, answer, theirs)
    raise RemoteProtocolError(488, "Media type not available")


def _agree(offer: SessionDescription, media: MediaDescription, local: LocalMedia) -> Agreement:
    host, held = _destination(offer, media, local.family)
    srtp = _security(media, local.srtp)
    maps = media.rtpmaps
    listed = [(int(number), maps.get(int(number))) for number in media.formats if _is_payload_type(number)]
    number, codec = _first_codec(listed, (*local.codecs, *local.unasked))
    digits, clock = _digits(listed, codec) if local.digit_events else (-1, 8000)
    direction = offer.direction_of(media)
    return Agreement(
        codec=codec,
        send_payload_type=number,
        receive_payload_type=number,
        host=host,
        port=media.port,
        rtcp_port=media.rtcp_port,
        ptime=_ptime(media, codec),
        send_digit_payload_type=digits,
        receive_digit_payload_type=digits,
        digit_clock=clock,
        send=direction in ("sendrecv", "recvonly") and not held,
        receive=direction in ("sendrecv", "sendonly") and not local.holding,
        srtp=srtp,
    )


def _security(media: MediaDescription, local: LocalSrtp) -> SrtpAgreement | None:
    """Return the keys of a stream that is offered, None for plain RTP."""
    wanted = media.proto.upper() in SECURE
    if local.accepts == "off":
        if wanted:
            raise RemoteProtocolError(488, "Incompatible transport protocol")
        return None
    agreed = local.answer(media.crypto)  # also where RTP/AVP offers it: phones that would do without
    if agreed is None and wanted:
        raise RemoteProtocolError(488, "Attribute not understood")
    if agreed is None and local.accepts == "required":
        raise RemoteProtocolError(488, "Incompatible transport protocol")
    return agreed


def _settle(
    offer: SessionDescription, ours: MediaDescription, answer: SessionDescription, theirs: MediaDescription
) -> Agreement:
    if theirs.kind != "audio" or not theirs.port:
        raise RemoteProtocolError(488, "Media type not available")
    host, held = _destination(answer, theirs, offer.origin.family)
    crypto = ours.crypto
    srtp = None
    if crypto and (theirs.crypto or ours.proto.upper() in SECURE):
        srtp = settle(crypto, theirs.crypto)
    elif theirs.proto.upper() in SECURE:
        raise RemoteProtocolError(488, "Incompatible transport protocol")
    our_maps, their_maps = ours.rtpmaps, theirs.rtpmaps
    listed = [
        (int(number), their_maps.get(int(number)) or our_maps.get(int(number)))
        for number in theirs.formats
        if _is_payload_type(number)
    ]
    offered = {name: number for number, encoding in our_maps.items() if (name := codec_name(encoding))}
    events = digit_types(our_maps.items())
    number, codec = _first_codec(listed, tuple(offered))
    digits, clock = _digits(listed, codec) if events else (-1, 8000)
    direction, wanted = answer.direction_of(theirs), offer.direction_of(ours)
    answered = {
        name: listed_number for listed_number, encoding in reversed(listed) if (name := codec_name(encoding))
    }
    receive_digits = -1 if digits < 0 else events.get(clock, next(iter(events.values())))
    return Agreement(
        codec=codec,
        send_payload_type=number,
        receive_payload_type=offered[codec],
        host=host,
        port=theirs.port,
        rtcp_port=theirs.rtcp_port,
        ptime=_ptime(theirs, codec),
        send_digit_payload_type=digits,
        receive_digit_payload_type=receive_digits,
        digit_clock=clock,
        send=wanted in ("sendrecv", "sendonly") and direction in ("sendrecv", "recvonly") and not held,
        receive=wanted in ("sendrecv", "recvonly") and direction in ("sendrecv", "sendonly"),
        srtp=srtp,
        others=tuple(
            OtherCodec(name, answered.get(name, -1), ours_number)
            for name, ours_number in offered.items()
            if name != codec
        ),
        other_digits=tuple(
            (ours_number, event_clock)
            for event_clock, ours_number in events.items()
            if ours_number != receive_digits
        ),
    )


def _destination(description: SessionDescription, media: MediaDescription, family: str) -> tuple[str, bool]:
    """Return where the peer wants its RTP, and whether that place means "nowhere" (hold of RFC 2543)."""
    if media.kind != "audio" or not media.port:
        raise RemoteProtocolError(488, "Media type not available")
    if media.proto.upper() not in (*PLAIN, *SECURE):
        raise RemoteProtocolError(488, "Incompatible transport protocol")
    connection = description.connection_of(media)
    if connection is None or connection.family != family:
        raise RemoteProtocolError(488, "Incompatible network address formats")
    try:
        address = ipaddress.ip_address(connection.host)
    except ValueError:
        raise RemoteProtocolError(488, "Incompatible network address formats") from None
    if (
        address.is_multicast
        or connection.host == "255.255.255.255"
        or (address.version == 6) != (family == "IP6")
    ):
        raise RemoteProtocolError(488, "Incompatible network address formats")
    return connection.host, address.is_unspecified


def _is_payload_type(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) < 128


def _first_codec(listed: list[tuple[int, RtpMap | None]], codecs: tuple[str, ...]) -> tuple[int, str]:
    for number, encoding in listed:
        name = codec_name(encoding)
        if name in codecs:
            return number, name
    raise RemoteProtocolError(488, "Incompatible media format")


def _digits(listed: list[tuple[int, RtpMap | None]], codec: str) -> tuple[int, int]:
    """Return payload type and clock of telephone-event: with the codec's clock if listed, else the first."""
    events = digit_types(listed)
    clock = CODECS[codec][1].clock
    if clock not in events:
        clock = next(iter(events), 8000)
    return events.get(clock, -1), clock


def _ptime(media: MediaDescription, codec: str) -> int:
    """Return the packet length to send: what the peer asks for as near as we can, never above its maximum."""
    wanted = media.ptime or 20
    longest = min(media.maxptime or PTIMES[-1], LONGEST.get(codec, PTIMES[-1]))
    fitting = [ptime for ptime in PTIMES if ptime <= longest] or [PTIMES[0]]
    return max((ptime for ptime in fitting if ptime <= wanted), default=fitting[0])


def _accept(media: MediaDescription, agreement: Agreement, local: LocalMedia) -> MediaDescription:
    numbers = [(agreement.receive_payload_type, CODECS[agreement.codec][1])]
    if agreement.receive_digit_payload_type >= 0:
        encoding = RtpMap("telephone-event", agreement.digit_clock)
        numbers.append((agreement.receive_digit_payload_type, encoding))
    # not the mirror of the offered direction: hold by address (RFC 3264 section 8.4) forbids sending too
    direction = {
        (True, True): "sendrecv",
        (True, False): "sendonly",
        (False, True): "recvonly",
        (False, False): "inactive",
    }[agreement.send, agreement.receive]
    crypto = [agreement.srtp.ours] if agreement.srtp is not None else []
    return _audio(media.proto, numbers, local.port, agreement.ptime, direction, crypto)


def _refuse(media: MediaDescription) -> MediaDescription:
    return MediaDescription(kind=media.kind, port=0, proto=media.proto, formats=media.formats)


def _audio(
    proto: str,
    numbers: list[tuple[int, RtpMap]],
    port: int,
    ptime: int,
    direction: str,
    crypto: list[Crypto],
) -> MediaDescription:
    attributes: list[tuple[str, str | None]] = []
    for number, encoding in numbers:
        attributes.append(("rtpmap", f"{number} {encoding.name}/{encoding.clock}"))
        if encoding.name == "telephone-event":
            attributes.append(("fmtp", f"{number} 0-15"))
    attributes += [("crypto", str(line)) for line in crypto]
    attributes += [("ptime", str(ptime)), (direction, None)]
    formats = tuple(str(number) for number, _ in numbers)
    return MediaDescription("audio", port, proto, formats, attributes=tuple(attributes))


def _describe(local: LocalMedia, media: list[MediaDescription]) -> SessionDescription:
    return SessionDescription(
        origin=Origin("-", str(local.session_id), str(local.version), local.host, local.family),
        connection=Connection(local.host, local.family),
        media=tuple(media),
    )
