"""RTCP packets: what we build is read again, what is broken is refused, what others captured is understood."""

from __future__ import annotations

import random

import pytest

from media import rtcp
from tests.corpora import CORPORA, needs_corpora

CAPTURES = CORPORA / "rtp" / "aiortc"


def test_a_sender_report_reads_as_written() -> None:
    info = rtcp.SenderInfo(rtcp.ntp_time(1_700_000_000.25), 0xFFFFFF00, 1234, 197_440)
    block = rtcp.Block(0xDEADBEEF, 25, -3, 0x1FFFF, 77, 0x12345678, 65536)
    found = rtcp.parse(rtcp.build_report(42, info, [block], "abc@host"))
    assert (found.ssrc, found.sender, found.blocks, found.cname, found.bye) == (
        42,
        info,
        [block],
        "abc@host",
        False,
    )


def test_a_receiver_report_without_blocks_and_a_bye() -> None:
    found = rtcp.parse(rtcp.build_bye(42, "x"))
    assert (found.ssrc, found.sender, found.blocks, found.bye) == (42, None, [], True)


@pytest.mark.parametrize("length", range(9))
def test_any_cname_length_is_padded_to_words_with_a_null(length: int) -> None:
    packet = rtcp.build_report(1, None, [], "n" * length)
    assert len(packet) % 4 == 0
    assert packet[-1] == 0
    assert rtcp.parse(packet).cname == "n" * length


def test_ntp_time_of_the_unix_epoch() -> None:
    assert rtcp.ntp_time(0.0) == 2_208_988_800 << 32
    assert rtcp.middle(rtcp.ntp_time(0.5)) == (2_208_988_800 << 16 | 0x8000) & 0xFFFFFFFF


@needs_corpora
@pytest.mark.parametrize(
    "name", ["bye", "bye_no_sources", "bye_padding", "psfb_pli", "rr", "rtpfb", "sdes", "sr"]
)  # fmt: skip
def test_captured_packets_are_read(name: str) -> None:
    found = rtcp.parse((CAPTURES / f"rtcp_{name}.bin").read_bytes())
    assert found.bye == name.startswith("bye")
    if name in ("rr", "sr"):
        assert found.ssrc == {"rr": 817267719, "sr": 1831097322}[name]
        assert len(found.blocks) == 1
        assert (found.sender is not None) == (name == "sr")
    if name == "sdes":
        assert found.cname == "{63f459ea-41fe-4474-9d33-9707c9ee79d1}"


@needs_corpora
@pytest.mark.parametrize(
    "name", ["bye_invalid", "rr_invalid", "sdes_item_truncated", "sdes_source_truncated", "sr_invalid"]
)
def test_broken_captures_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="RTCP"):
        rtcp.parse((CAPTURES / f"rtcp_{name}.bin").read_bytes())


def test_noise_is_refused_or_read_but_never_breaks() -> None:
    chance = random.Random(5)
    good = rtcp.build_report(42, rtcp.SenderInfo(1, 2, 3, 4), [rtcp.Block(1, 2, 3, 4, 5, 6, 7)], "name")
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            rtcp.parse(bytes(data[: chance.randint(0, len(data))]))
        except ValueError:
            continue
