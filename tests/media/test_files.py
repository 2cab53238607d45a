"""Audio files: every format that an operator may bring comes out as mono int16 at the rate of the call."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from media.codecs import g711, g722
from media.files import AudioError, decode

CONTAINERS = [
    ("WAV", "PCM_16", 8000),
    ("WAV", "PCM_24", 48000),
    ("WAV", "FLOAT", 44100),
    ("WAV", "PCM_U8", 11025),
    ("WAV", "ULAW", 8000),
    ("WAV", "ALAW", 8000),
    ("WAV", "MS_ADPCM", 22050),
    ("WAV", "GSM610", 8000),
    ("FLAC", "PCM_16", 44100),
    ("OGG", "VORBIS", 44100),
    ("OGG", "OPUS", 48000),
    ("MP3", "MPEG_LAYER_III", 44100),
    ("MP3", "MPEG_LAYER_III", 22050),
    ("AIFF", "PCM_16", 32000),
]


def sine(rate: int, seconds: float = 1.0, frequency: float = 1000, peak: float = 0.3) -> NDArray[np.float64]:
    return np.asarray(peak * np.sin(2 * np.pi * frequency / rate * np.arange(int(rate * seconds))))


def written(form: str, subtype: str, rate: int, sound: NDArray[np.float64]) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=form, subtype=subtype)
    return file.getvalue()


def strongest(sound: NDArray[np.int16], rate: int) -> float:
    """Return the strongest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(spectrum.argmax() * rate / len(sound))


def level(sound: NDArray[np.int16]) -> float:
    middle = sound[len(sound) // 4 : -len(sound) // 4].astype(np.float64)
    return float(np.sqrt(np.mean(middle**2)))


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("form", "subtype", "own_rate"), CONTAINERS)
def test_formats(form: str, subtype: str, own_rate: int, channels: int, rate: int) -> None:
    sound = sine(own_rate)
    if channels == 2 and subtype == "GSM610":
        channels = 1  # GSM 06.10 knows one
    data = written(form, subtype, own_rate, np.stack([sound] * channels, axis=1))
    pcm = decode(data, rate)
    assert pcm.dtype == np.int16
    assert pcm.ndim == 1
    assert abs(len(pcm) - rate) < rate * 0.12  # lossy formats pad
    assert strongest(pcm, rate) == pytest.approx(1000, abs=3)
    assert level(pcm) == pytest.approx(0.3 * 32768 / np.sqrt(2), rel=0.05)


def test_16_bit_sound_at_the_same_rate_is_not_changed() -> None:
    sound = np.random.default_rng(1).integers(-32768, 32768, 12345).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, sound, 8000, format="WAV", subtype="PCM_16")
    np.testing.assert_array_equal(decode(file.getvalue(), 8000), sound)


def test_channels_are_mixed_to_their_mean() -> None:
    left = sine(8000, peak=0.6)
    pcm = decode(written("WAV", "PCM_16", 8000, np.stack([left, np.zeros_like(left)], axis=1)), 8000)
    assert level(pcm) == pytest.approx(0.3 * 32768 / np.sqrt(2), rel=0.01)


def test_nothing_above_the_band_folds_into_it() -> None:
    pcm = decode(written("WAV", "PCM_16", 48000, sine(48000, frequency=6000)), 8000)
    assert level(pcm) < 3


def test_a_long_file_has_no_seams() -> None:
    pcm = decode(written("FLAC", "PCM_16", 48000, sine(48000, seconds=25, frequency=400)), 8000)
    assert len(pcm) == 25 * 8000
    step = np.abs(np.diff(pcm[100:-100].astype(np.int64)))
    assert step.max() < 0.3 * 32768 * 2 * np.pi * 400 / 8000 * 1.05


def test_loud_float_sound_is_clipped() -> None:
    pcm = decode(written("WAV", "FLOAT", 8000, sine(8000, peak=3.0)), 8000)
    assert pcm.max() == 32767
    assert pcm.min() == -32768


@pytest.mark.parametrize(
    ("suffix", "own_rate"),
    [(".ulaw", 8000), (".ul", 8000), (".alaw", 8000), (".sln", 8000), (".sln16", 16000), (".g722", 16000)],
)
@pytest.mark.parametrize("rate", [8000, 16000])
def test_raw_files_are_told_by_suffix(tmp_path: Path, suffix: str, own_rate: int, rate: int) -> None:
    sound = np.rint(sine(own_rate) * 32768).astype(np.int16)
    data = {
        ".ulaw": lambda: g711.ULAW_ENCODE[sound.view(np.uint16)].tobytes(),
        ".ul": lambda: g711.ULAW_ENCODE[sound.view(np.uint16)].tobytes(),
        ".alaw": lambda: g711.ALAW_ENCODE[sound.view(np.uint16)].tobytes(),
        ".sln": lambda: sound.astype("<i2").tobytes(),
        ".sln16": lambda: sound.astype("<i2").tobytes(),
        ".g722": lambda: g722.Encoder().encode(sound),
    }[suffix]()
    path = tmp_path / f"prompt{suffix.upper()}"
    path.write_bytes(data)
    pcm = decode(path, rate)
    assert len(pcm) == rate
    assert strongest(pcm, rate) == pytest.approx(1000, abs=3)
    assert level(pcm) == pytest.approx(level(sound), rel=0.02)
    np.testing.assert_array_equal(decode(data, rate, suffix=suffix), pcm)
    np.testing.assert_array_equal(decode(str(path), rate), pcm)


def test_a_path_and_its_bytes_are_the_same(tmp_path: Path) -> None:
    data = written("OGG", "OPUS", 48000, sine(48000))
    path = tmp_path / "prompt.opus"
    path.write_bytes(data)
    np.testing.assert_array_equal(decode(path, 16000), decode(memoryview(data), 16000))


@pytest.mark.parametrize("data", [b"<html>404</html>", b"RIFF", b"\x00" * 5000, bytes(range(256)) * 40])
def test_what_is_no_audio_is_refused(data: bytes) -> None:
    with pytest.raises(AudioError, match="not audio"):
        decode(data, 8000)


def test_empty_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="empty"):
        decode(written("WAV", "PCM_16", 8000, np.zeros(0)), 8000)
    with pytest.raises(AudioError, match="empty"):
        decode(b"", 8000)
    path = tmp_path / "nothing.ulaw"
    path.touch()
    with pytest.raises(AudioError, match="empty"):
        decode(path, 8000)


def test_too_long_sound_is_refused_before_it_fills_memory() -> None:
    compressed = written("FLAC", "PCM_16", 8000, np.zeros(8000 * 60))
    assert len(decode(compressed, 8000, max_seconds=60)) == 8000 * 60
    with pytest.raises(AudioError, match="too long: at most 59 seconds"):
        decode(compressed, 8000, max_seconds=59)
    with pytest.raises(AudioError, match="too long"):
        decode(bytes(8001), 8000, max_seconds=1, suffix=".alaw")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"absent\.wav cannot be read: No such file"):
        decode(tmp_path / "absent.wav", 8000)
    with pytest.raises(AudioError, match="cannot be read"):
        decode(tmp_path, 8000)


def test_a_truncated_file_plays_as_far_as_it_goes() -> None:
    data = written("WAV", "PCM_16", 8000, sine(8000))
    assert len(decode(data[: len(data) // 2], 8000)) == pytest.approx(4000, abs=30)


def test_other_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="44100"):
        decode(b"", 44100)


@pytest.mark.parametrize(("form", "subtype", "own_rate"), CONTAINERS)
def test_broken_files_play_or_are_refused_cleanly(
    form: str, subtype: str, own_rate: int, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(own_rate)
    whole = written(form, subtype, own_rate, sine(own_rate, seconds=0.2))
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 6))):
            data[int(rng.integers(min(len(data), 60)))] = int(rng.integers(256))
        with contextlib.suppress(AudioError):
            assert len(decode(bytes(data[: int(rng.integers(1, len(data) + 1))]), 8000, max_seconds=60))
    assert "Traceback" not in capfd.readouterr().err
