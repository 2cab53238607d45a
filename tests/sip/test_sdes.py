"""SRTP keys in offer and answer (RFC 4568)."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from tests.sip.test_offer_answer import LOCAL, offer_of
from voipbin_sip.sip.agreement import Agreement
from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.offer_answer import WARNINGS, LocalMedia, answer_offer, apply_answer, make_offer
from voipbin_sip.sip.sdes import Crypto, LocalSrtp, SrtpAgreement, SrtpPolicy, read_crypto
from voipbin_sip.sip.sdp import parse_sdp

S80, S32 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"
OURS, SPARE, THEIRS, NEW = (bytes([number]) * 30 for number in range(1, 5))


def inline(key: bytes) -> str:
    return "inline:" + base64.b64encode(key).decode()


def crypto(key: bytes = THEIRS, tag: int = 1, suite: str = S80) -> str:
    return f"a=crypto:{tag} {suite} {inline(key)}"


def local(
    accepts: SrtpPolicy = "optional", agreed: SrtpAgreement | None = None, offers: bool = False
) -> LocalMedia:
    return replace(LOCAL, srtp=LocalSrtp(accepts, offers, (OURS, SPARE), agreed))


def answered(offer: str, ours: LocalMedia) -> tuple[list[str], Agreement]:
    """Return our answer's lines about the first stream, and what was agreed."""
    answer, agreement = answer_offer(offer_of(offer), ours)
    lines = answer.to_bytes().decode().splitlines()
    return [line for line in lines if line.startswith(("m=", "a=crypto"))], agreement


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"1 {S80} {inline(THEIRS)}", Crypto(1, S80, THEIRS)),
        (f"7 {S32} {inline(THEIRS)}|2^20", Crypto(7, S32, THEIRS)),
        (f"7 {S32} {inline(THEIRS)}|1048576", Crypto(7, S32, THEIRS)),
        (f"123456789  {S80.lower()} {inline(THEIRS)}  WSH=128 KDR=0 -odd", Crypto(123456789, S80, THEIRS)),
        (f"1 {S80} {inline(THEIRS)}|2^20|1:4", None),  # MKI
        (f"1 {S80} {inline(THEIRS)}|1:4", None),
        (f"1 {S80} {inline(THEIRS)};{inline(NEW)}", None),
        (f"1 {S80} {inline(THEIRS)} UNENCRYPTED_SRTP", None),
        (f"1 {S80} {inline(THEIRS)} UNAUTHENTICATED_SRTP", None),
        (f"1 {S80} {inline(THEIRS)} KDR=24", None),
        (f"1 F8_128_HMAC_SHA1_80 {inline(THEIRS)}", None),
        (f"1 AES_256_CM_HMAC_SHA1_80 {inline(bytes(46))}", None),
        (f"1 {S80} {inline(bytes(29))}", None),
        (f"1 {S80} {inline(bytes(31))}", None),
        (f"1 {S80} inline:{'A' * 39}*", None),
        (f"1 {S80} uri:https://example.test/key", None),
        (f"x {S80} {inline(THEIRS)}", None),
        (f"1 {S80}", None),
        ("", None),
    ],
)
def test_lines_that_can_be_used_and_others(value: str, expected: Crypto | None) -> None:
    assert read_crypto([value]) == ([expected] if expected else [])


@pytest.mark.parametrize("proto", ["RTP/SAVP", "RTP/SAVPF", "RTP/AVP"])
def test_an_offer_is_answered_with_one_line_of_its_tag_and_suite(proto: str) -> None:
    offer = f"m=audio 4000 {proto} 0 | {crypto(tag=5, suite=S32)} | {crypto(NEW, tag=6)}"
    lines, agreement = answered(offer, local())
    assert lines == [f"m=audio 10000 {proto} 0", f"a=crypto:5 {S32} {inline(OURS)}"]
    assert agreement.srtp == SrtpAgreement(5, S32, OURS, THEIRS)


def test_lines_that_cannot_be_used_are_passed_over() -> None:
    offer = (
        f"m=audio 4000 RTP/SAVP 0 | a=crypto:1 AEAD_AES_256_GCM {inline(bytes(44))}"
        f" | {crypto(tag=2)} KDR=1 | {crypto(NEW, tag=3)}"
    )
    assert answered(offer, local())[1].srtp == SrtpAgreement(3, S80, OURS, NEW)


@pytest.mark.parametrize(
    ("policy", "media", "reason"),
    [
        ("off", f"m=audio 4000 RTP/SAVP 0 | {crypto()}", "Incompatible transport protocol"),
        ("optional", "m=audio 4000 RTP/SAVP 0", "Attribute not understood"),
        ("optional", f"m=audio 4000 RTP/SAVP 0 | {crypto()} UNENCRYPTED_SRTP", "Attribute not understood"),
        ("required", "m=audio 4000 RTP/AVP 0", "Incompatible transport protocol"),
        (
            "required",
            f"m=audio 4000 RTP/AVP 0 | {crypto()} UNENCRYPTED_SRTP",
            "Incompatible transport protocol",
        ),
        ("required", "m=audio 4000 UDP/TLS/RTP/SAVP 0", "Incompatible transport protocol"),
    ],
)
def test_offers_that_are_refused(policy: SrtpPolicy, media: str, reason: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        answer_offer(offer_of(media), local(policy))
    assert (caught.value.status, caught.value.reason) == (488, reason)
    assert reason in WARNINGS


@pytest.mark.parametrize(
    ("policy", "media"),
    [
        ("off", "m=audio 4000 RTP/AVP 0"),
        ("off", f"m=audio 4000 RTP/AVP 0 | {crypto()}"),
        ("optional", "m=audio 4000 RTP/AVP 0"),
        ("optional", f"m=audio 4000 RTP/AVP 0 | {crypto()} UNENCRYPTED_SRTP"),
    ],
)
def test_offers_that_are_answered_without(policy: SrtpPolicy, media: str) -> None:
    lines, agreement = answered(media, local(policy))
    assert (lines, agreement.srtp) == (["m=audio 10000 RTP/AVP 0"], None)


@pytest.mark.parametrize("secure_first", [True, False])
def test_of_two_streams_the_secure_one_is_taken(secure_first: bool) -> None:
    streams = [f"m=audio 4000 RTP/SAVP 0 | {crypto()}", "m=audio 4002 RTP/AVP 0"]
    answer, agreement = answer_offer(offer_of(*streams[:: 1 if secure_first else -1]), local())
    assert [media.port for media in answer.media] == ([10000, 0] if secure_first else [0, 10000])
    assert agreement.port == 4000
    plain, _ = answer_offer(offer_of(*streams), local("off"))
    assert [media.port for media in plain.media] == [0, 10000]


AGREED = SrtpAgreement(5, S80, NEW, THEIRS)  # NEW was ours then


def test_a_peer_that_repeats_its_line_gets_ours_again() -> None:
    offer = f"m=audio 4000 RTP/SAVP 0 | {crypto(tag=9)} | a=sendonly"
    lines, agreement = answered(offer, local(agreed=AGREED))
    assert lines[1] == f"a=crypto:9 {S80} {inline(NEW)}"
    assert agreement.srtp == SrtpAgreement(9, S80, NEW, THEIRS)


@pytest.mark.parametrize("line", [crypto(SPARE), crypto(THEIRS, suite=S32)])
def test_a_peer_that_brings_a_new_key_or_suite_gets_a_new_key(line: str) -> None:
    _, agreement = answered(f"m=audio 4000 RTP/SAVP 0 | {line}", local(agreed=AGREED))
    assert agreement.srtp is not None
    assert agreement.srtp.send == OURS


def offer_lines(ours: LocalMedia) -> list[str]:
    lines = make_offer(ours).to_bytes().decode().splitlines()
    return [line for line in lines if line.startswith(("m=", "a=crypto"))]


def test_an_offer_with_srtp_has_a_line_and_a_key_for_each_suite() -> None:
    assert offer_lines(local(offers=True)) == [
        "m=audio 10000 RTP/SAVP 0 8 9 101",
        f"a=crypto:1 {S80} {inline(OURS)}",
        f"a=crypto:2 {S32} {inline(SPARE)}",
    ]
    assert offer_lines(local()) == ["m=audio 10000 RTP/AVP 0 8 9 101"]


def test_a_later_offer_repeats_the_key_in_use_and_the_protocol() -> None:
    for proto in ("RTP/SAVP", "RTP/AVP"):
        before, _ = answer_offer(offer_of(f"m=audio 4000 {proto} 0 | {crypto()}"), local())
        again = make_offer(local(agreed=AGREED), previous=before)
        assert again.media[0].proto == proto
        assert again.media[0].crypto == [Crypto(5, S80, NEW)]


def test_a_later_offer_without_srtp_is_plain_again() -> None:
    before, _ = answer_offer(offer_of(f"m=audio 4000 RTP/SAVP 0 | {crypto()}"), local())
    again = make_offer(local(), previous=before)
    assert (again.media[0].proto, again.media[0].crypto) == ("RTP/AVP", [])


@pytest.mark.parametrize(("tag", "suite", "key"), [(1, S80, OURS), (2, S32, SPARE)])
def test_an_answer_takes_one_of_our_lines(tag: int, suite: str, key: bytes) -> None:
    answer = offer_of(f"m=audio 4000 RTP/SAVP 0 | {crypto(THEIRS, tag, suite)}")
    agreement = apply_answer(make_offer(local(offers=True)), answer)
    assert agreement.srtp == SrtpAgreement(tag, suite, key, THEIRS)


@pytest.mark.parametrize(
    "media",
    [
        "m=audio 4000 RTP/SAVP 0",
        "m=audio 4000 RTP/AVP 0",  # it would be plain
        f"m=audio 4000 RTP/SAVP 0 | {crypto(tag=3)}",
        f"m=audio 4000 RTP/SAVP 0 | {crypto(tag=1, suite=S32)}",
    ],
)
def test_answers_to_a_secure_offer_that_cannot_be_used(media: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        apply_answer(make_offer(local(offers=True)), offer_of(media))
    assert caught.value.status == 488


def test_both_sides_come_to_the_same_keys() -> None:
    ours = make_offer(local(offers=True))
    other = LocalMedia(
        "192.0.2.20", 20000, session_id=1, version=1, srtp=LocalSrtp("required", keys=(THEIRS,))
    )
    answer, theirs = answer_offer(parse_sdp(ours.to_bytes()), other)
    agreement = apply_answer(ours, parse_sdp(answer.to_bytes()))
    assert agreement.srtp == SrtpAgreement(1, S80, OURS, THEIRS)
    assert theirs.srtp == SrtpAgreement(1, S80, THEIRS, OURS)


def test_without_random_keys_nothing_is_secured() -> None:
    empty = replace(LOCAL, srtp=LocalSrtp("required", offers=True))
    with pytest.raises(LocalProtocolError):
        make_offer(empty)
    with pytest.raises(LocalProtocolError):
        answer_offer(offer_of(f"m=audio 4000 RTP/SAVP 0 | {crypto()}"), empty)


def test_keys_are_not_shown() -> None:
    offer = offer_of(f"m=audio 4000 RTP/SAVP 0 | {crypto()}")
    ours = local(agreed=AGREED)
    answer, agreement = answer_offer(offer, ours)
    shown = repr((offer, answer, agreement, ours, offer.media[0].crypto))
    for key in (OURS, SPARE, THEIRS, NEW):
        assert inline(key)[7:] not in shown
        assert repr(key)[2:-1] not in shown
