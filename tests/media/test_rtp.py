"""Header and payload limits of RTP packets."""

from __future__ import annotations

import pytest

from media.rtp import HEADER, Batch, Header, is_rtcp, payload_span, read_header, write_header
from tests.corpora import CORPORA, needs_corpora

CAPTURES = CORPORA / "rtp" / "aiortc"


def test_a_header_reads_as_written() -> None:
    data = write_header(101, 0x1FFFE, 0x1_0000_0005, 0xCAFEBABE, marker=True)
    assert len(data) == HEADER
    assert read_header(data) == Header(0x80, True, 101, 0xFFFE, 5, 0xCAFEBABE)


@pytest.mark.parametrize("data", [b"", b"\x80" * 11, b"\x40" + b"\0" * 30])
def test_what_is_too_short_or_another_version_is_no_header(data: bytes) -> None:
    assert read_header(data) is None
    assert payload_span(data) is None


@pytest.mark.parametrize(
    ("first", "rest", "span"),
    [
        (0x80, b"abcd", (12, 16)),
        (0x80, b"", (12, 12)),
        (0x82, b"\0" * 8 + b"abcd", (20, 24)),
        (0x90, b"\xbe\xde\x00\x01\0\0\0\0abcd", (20, 24)),
        (0xA0, b"abcd\0\0\0\x04", (12, 16)),
        (0xA0, b"abcd\0\0\0\x09", None),
        (0xA0, b"abcd\0\0\0\0", None),
        (0x90, b"\xbe\xde\x00\x05abcd", None),
        (0x90, b"\xbe", None),
        (0x8F, b"abcd", None),
    ],
)
def test_payload_span(first: int, rest: bytes, span: tuple[int, int] | None) -> None:
    packet = bytes([first]) + write_header(0, 1, 2, 3)[1:] + rest
    assert payload_span(packet) == span


@needs_corpora
@pytest.mark.parametrize(
    ("name", "kind", "payload"),
    [
        ("rtp", 0, 160),
        ("rtp_dtmf", 101, 4),
        ("rtp_only_padding", 120, 0),
        ("rtp_only_padding_with_header_extensions", 98, 0),
        ("rtp_with_csrc", 0, 160),
        ("rtp_with_sdes_mid", 111, 54),
    ],
)
def test_captured_packets(name: str, kind: int, payload: int) -> None:
    packet = (CAPTURES / f"{name}.bin").read_bytes()
    header, span = read_header(packet), payload_span(packet)
    assert header is not None and span is not None
    assert (header.payload_type, span[1] - span[0]) == (kind, payload)


def test_rtcp_is_told_from_rtp_by_its_second_octet() -> None:
    assert [kind for kind in range(256) if is_rtcp(kind)] == list(range(192, 224))


def test_a_batch_keeps_rows_and_octets_together_and_cuts_giants() -> None:
    batch = Batch(4)
    batch.add(3, write_header(0, 7, 8, 9) + b"ab")
    batch.add(1, b"x" * 5000)
    assert batch.rows == [3, 1]
    assert batch.lengths == [14, 1500]
    assert (int(batch.be16[0, 1]), int(batch.be32[0, 1]), int(batch.be32[0, 2])) == (7, 8, 9)
    assert bytes(batch.octets[0, 12:14]) == b"ab"
    batch.clear()
    assert batch.rows == []
