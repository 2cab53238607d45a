"""G.711 tables against the ITU-T G.191 sweep: every 16-bit value, both laws, encoded and decoded."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codecs import g711
from tests.corpora import CORPORA, needs_corpora

LAWS = {
    "u": (g711.ULAW_ENCODE, g711.ULAW_DECODE),
    "a": (g711.ALAW_ENCODE, g711.ALAW_DECODE),
}


def vector(name: str) -> NDArray[np.int16]:
    return np.fromfile(CORPORA / "audio" / "itu-g711" / name, "<i2")


@needs_corpora
@pytest.mark.parametrize("law", LAWS)
def test_encodes_every_sample_as_the_itu_does(law: str) -> None:
    encode, _ = LAWS[law]
    sweep = vector("sweep.src")
    assert len(np.unique(sweep)) == 65536
    np.testing.assert_array_equal(encode[sweep.view(np.uint16)], vector(f"sweep-r.{law}"))


@needs_corpora
@pytest.mark.parametrize("law", LAWS)
def test_decodes_as_the_itu_does(law: str) -> None:
    _, decode = LAWS[law]
    np.testing.assert_array_equal(decode[vector(f"sweep-r.{law}")], vector(f"sweep-r.{law}-{law}"))


@pytest.mark.parametrize("law", LAWS)
def test_a_code_survives_another_round(law: str) -> None:
    encode, decode = LAWS[law]
    codes = np.arange(256, dtype=np.uint8)
    again = encode[decode[codes].view(np.uint16)]
    np.testing.assert_array_equal(decode[again], decode[codes])


def test_silence_codes() -> None:
    assert g711.ULAW_ENCODE[0] == g711.ULAW_SILENCE == 0xFF
    assert g711.ALAW_ENCODE[0] == g711.ALAW_SILENCE == 0xD5


def test_tables_cannot_be_spoilt_by_a_caller() -> None:
    for encode, decode in LAWS.values():
        for table in (encode, decode):
            with pytest.raises(ValueError, match="read-only"):
                table[0] = 1
