"""Sound as far sides write and read it."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp import read_header, write_header
from voipbin_sip.streams import audiosocket
from voipbin_sip.streams.formats import FORMATS
from voipbin_sip.streams.framing import AudioSocketMessages, Bare, FarEnded, RtpMessages, stream_framing

SOUND = np.arange(0, 16000, 100, dtype="<i2").tobytes()


def test_sln_is_nothing_but_samples() -> None:
    framing = stream_framing("sln")
    assert framing.wrap(SOUND) == SOUND
    assert len(framing.wrap(SOUND)) == 320
    assert framing.unwrap(SOUND) == SOUND


def test_half_a_sample_waits_for_its_other_half() -> None:
    framing = stream_framing("sln")
    assert framing.unwrap(SOUND[:7]) + framing.unwrap(SOUND[7:10]) + framing.unwrap(SOUND[10:]) == SOUND


def test_rtp_has_type_96_network_order_and_counts_samples() -> None:
    framing = stream_framing("rtp")
    packets = [framing.wrap(SOUND) for _ in range(3)]
    headers = [read_header(packet) for packet in packets]
    assert [(h.payload_type, h.sequence, h.timestamp, h.ssrc) for h in headers if h is not None] == [
        (96, 0, 0, 0), (96, 1, 160, 0), (96, 2, 320, 0),
    ]  # fmt: skip
    assert packets[0][12:] == np.frombuffer(SOUND, "<i2").astype(">i2").tobytes()
    assert framing.unwrap(packets[1]) == SOUND


def test_rtp_of_another_type_and_what_is_no_rtp_is_passed_over() -> None:
    framing = stream_framing("rtp")
    for packet in (write_header(0, 1, 1, 1) + SOUND, b"", b"\x80\x60", SOUND):
        assert framing.unwrap(packet) == b""


def test_audiosocket_messages_may_come_in_pieces_and_together() -> None:
    framing = stream_framing("audiosocket")
    message = framing.wrap(SOUND)
    assert message[:3] == b"\x10\x01\x40"
    both = message + audiosocket.frame(audiosocket.ID, bytes(16)) + message
    assert b"".join(framing.unwrap(both[start : start + 7]) for start in range(0, len(both), 7)) == 2 * SOUND
    assert stream_framing("audiosocket").unwrap(both) == 2 * SOUND


@pytest.mark.parametrize("kind", [audiosocket.HANG_UP, audiosocket.ERROR])
def test_audiosocket_hangs_up(kind: int) -> None:
    with pytest.raises(FarEnded):
        AudioSocketMessages().unwrap(audiosocket.frame(kind))


def test_who_connects_by_audiosocket_says_which_call_it_is() -> None:
    call = UUID("5b1f0a52-0000-4000-8000-000000000002")
    assert audiosocket.introduction(call) == b"\x01\x00\x10" + call.bytes
    with pytest.raises(ValueError, match="too many"):
        audiosocket.frame(audiosocket.SOUND, bytes(70_000))


@pytest.mark.parametrize("name", ["ulaw", "alaw"])
def test_g711_is_one_octet_a_sample(name: str) -> None:
    framing = Bare(FORMATS[name])
    octets = framing.wrap(SOUND)
    assert len(octets) == 160
    back = np.frombuffer(framing.unwrap(octets), "<i2").astype(int)
    assert np.abs(back - np.frombuffer(SOUND, "<i2")).max() < 600


def test_rtp_messages_of_g711() -> None:
    framing = RtpMessages(FORMATS["ulaw"], 0, 7)
    packet = framing.wrap(SOUND)
    assert len(packet) == 172
    assert len(framing.unwrap(packet)) == 320


def test_an_unknown_encapsulation_is_named() -> None:
    with pytest.raises(ValueError, match="'mp3': one of rtp, sln, audiosocket"):
        stream_framing("mp3")


@given(st.lists(st.binary(max_size=400), max_size=20))
def test_garbage_breaks_nothing(chunks: list[bytes]) -> None:
    for name in ("sln", "rtp", "audiosocket"):
        framing = stream_framing(name)
        with suppress(FarEnded):
            for chunk in chunks:
                assert len(framing.unwrap(chunk)) % 2 == 0


@given(st.lists(st.tuples(st.integers(1, 254), st.binary(max_size=50)), max_size=20), st.integers(1, 60))
def test_messages_are_the_same_however_they_are_cut(messages: list[tuple[int, bytes]], size: int) -> None:
    octets = b"".join(audiosocket.frame(kind, payload) for kind, payload in messages)
    reader = audiosocket.Reader()
    found = [m for start in range(0, len(octets), size) for m in reader.feed(octets[start : start + size])]
    assert found == messages
