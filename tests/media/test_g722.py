"""G.722 at 64 kbit/s: bit-exact with the ITU-T speech vectors, whole and in frames; the narrow-band form."""

from __future__ import annotations

import numpy as np
import pytest
from G722 import G722
from numpy.typing import NDArray

from media.codecs.g722 import Decoder, Encoder
from tests.corpora import CORPORA, needs_corpora

FOLDER = CORPORA / "audio" / "itu-g722"


def speech() -> NDArray[np.int16]:
    return np.fromfile(FOLDER / "inpsp.bin", "<i2")


def coded() -> bytes:
    return np.fromfile(FOLDER / "codspw.cod", "<u2").astype(np.uint8).tobytes()


def sine(frequency: float, rate: int) -> NDArray[np.int16]:
    return np.asarray(8000 * np.sin(2 * np.pi * frequency / rate * np.arange(rate)), np.int16)


def level(sound: NDArray[np.int16]) -> float:
    return float(np.sqrt(np.mean(sound[len(sound) // 4 :].astype(np.float64) ** 2)))


@needs_corpora
def test_encodes_the_itu_speech_in_frames_of_20_ms() -> None:
    encoder, sound = Encoder(), speech()
    octets = b"".join(encoder.encode(sound[start : start + 320]) for start in range(0, len(sound), 320))
    assert octets == coded()


@needs_corpora
def test_decodes_the_itu_speech_in_frames_of_20_ms() -> None:
    decoder, octets = Decoder(), coded()
    sound = [decoder.decode(octets[start : start + 160]) for start in range(0, len(octets), 160)]
    np.testing.assert_array_equal(np.concatenate(sound), np.fromfile(FOLDER / "outsp1.bin", "<i2"))


@needs_corpora
@pytest.mark.parametrize(("mode", "rate"), [(2, 56_000), (3, 48_000)])
def test_the_codec_behind_ours_is_exact_in_the_modes_that_rtp_does_not_use(mode: int, rate: int) -> None:
    """In modes 2 and 3 one or two bits of each octet carry data; the codec wants the code alone."""
    codes = np.frombuffer(coded(), np.uint8) >> (mode - 1)
    sound = np.asarray(G722(16_000, rate).decode(codes.tobytes()), np.int16)
    np.testing.assert_array_equal(sound, np.fromfile(FOLDER / f"outsp{mode}.bin", "<i2"))


@pytest.mark.parametrize("sender", [8000, 16000])
@pytest.mark.parametrize("receiver", [8000, 16000])
@pytest.mark.parametrize("frequency", [400, 1000, 2500])
def test_narrow_and_wide_ends_hear_each_other_at_the_same_level(
    sender: int, receiver: int, frequency: int
) -> None:
    sent = sine(frequency, sender)
    heard = Decoder(receiver).decode(Encoder(sender).encode(sent))
    assert len(heard) == receiver
    assert abs(20 * np.log10(level(heard) / level(sent))) < 0.2
    spectrum = np.abs(np.fft.rfft(heard[: receiver // 2] * np.hanning(receiver // 2)))
    assert abs(int(spectrum.argmax()) * 2 - frequency) <= 2


def test_the_high_band_reaches_a_wide_ear() -> None:
    heard = Decoder().decode(Encoder().encode(sine(6000, 16000)))
    assert abs(20 * np.log10(level(heard) / level(sine(6000, 16000)))) < 1


def test_sound_of_an_odd_length_is_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        Encoder().encode(np.zeros(319, np.int16))


def test_other_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="44100"):
        Encoder(44100)
