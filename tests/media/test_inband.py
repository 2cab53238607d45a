"""In-band DTMF against ITU-T Q.23 and Q.24: what must be heard, what must not, and the patience of the detector.

Signals are made many rows at a time, each row with its own alignment to the frames and its own phases.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codecs import g711
from media.dtmf.inband import InbandDetector
from media.dtmf.tones import HIGH, KEYPAD, LOW, tone
from media.tones import amplitude

FRAME = 160
Range = tuple[float, float]
EXACT: Range = (0.0, 0.0)
Heard = list[list[tuple[str, int]]]


def listen(sound: NDArray[np.int16]) -> Heard:
    """Play rows of sound to one detector; return the digits of each row with their lengths."""
    detector = InbandDetector(len(sound))
    rows = np.arange(len(sound))
    heard: Heard = [[] for _ in rows]
    for start in range(0, sound.shape[1] - FRAME + 1, FRAME):
        for found in detector.process(rows, sound[:, start : start + FRAME]):
            heard[found.row].append((found.digit, found.ms))
    return heard


def digits(heard: Heard) -> list[str]:
    return ["".join(digit for digit, _ in row) for row in heard]


def coded(sound: NDArray[np.float64], law: str) -> NDArray[np.int16]:
    """Send sound through a G.711 line."""
    pcm = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    if law == "A":
        return g711.ALAW_DECODE[g711.ALAW_ENCODE[pcm.view(np.uint16)]]
    return g711.ULAW_DECODE[g711.ULAW_ENCODE[pcm.view(np.uint16)]]


class Keys:
    """Rows of key presses: row n presses key n modulo 16, `presses` times."""

    def __init__(
        self,
        *,
        rows: int = 320,
        ms: float = 40,
        pause: float = 40,
        presses: int = 2,
        low_off: Range = EXACT,
        high_off: Range = EXACT,
        level: Range = (-10.0, -10.0),
        twist: Range = EXACT,
        snr: float | None = None,
        hole: float = 0,
        law: str = "A",
        seed: int = 1,
    ) -> None:
        """`level` is that of the stronger tone in dBm0, `twist` by how much the low tone is stronger in dB."""
        rng = np.random.default_rng(seed)
        samples, step = int(8 * ms), int(8 * (ms + pause))
        time = np.arange(samples) / 8000
        total = -(-(step * presses + 8 * 160) // FRAME) * FRAME
        sound = np.zeros((rows, total))
        for row in range(rows):
            low = LOW[row % 16 // 4] * (1 + rng.uniform(*low_off))
            high = HIGH[row % 4] * (1 + rng.uniform(*high_off))
            strong, lean = rng.uniform(*level), rng.uniform(*twist)
            low_peak, high_peak = amplitude(strong + min(lean, 0)), amplitude(strong - max(lean, 0))
            start = int(rng.integers(FRAME))
            for press in range(presses):
                begin = start + press * step
                pair = low_peak * np.sin(2 * np.pi * low * time + rng.uniform(0, 6.28))
                pair += high_peak * np.sin(2 * np.pi * high * time + rng.uniform(0, 6.28))
                if hole:
                    gap = int(rng.integers(8 * 40, samples - 8 * 60))
                    pair[gap : gap + int(8 * hole)] = 0
                sound[row, begin : begin + samples] = pair
            if snr is not None:
                power = (low_peak**2 + high_peak**2) / 2
                sound[row] += rng.normal(0, np.sqrt(power * 10 ** (-snr / 10)), total)
        self.sound = coded(sound, law)
        self.pressed = [KEYPAD[row % 16] * presses for row in range(rows)]

    def heard_share(self) -> float:
        """Return the share of rows in which exactly the keys pressed were heard."""
        heard = digits(listen(self.sound))
        return float(np.mean([one == other for one, other in zip(heard, self.pressed, strict=True)]))

    def heard_count(self) -> int:
        """Return how many digits were heard in all."""
        return sum(map(len, listen(self.sound)))


@pytest.mark.parametrize("law", ["A", "u"])
@pytest.mark.parametrize("ms", [40, 50, 100, 400])
def test_all_sixteen_digits(ms: int, law: str) -> None:
    assert Keys(ms=ms, law=law).heard_share() == 1


@pytest.mark.parametrize("digit", KEYPAD)
def test_the_tones_that_we_send_are_heard(digit: str) -> None:
    sound = np.concatenate([np.zeros(100, np.int16), tone(digit, 100, 8000), np.zeros(700, np.int16)])
    heard = listen(sound[None, : len(sound) // FRAME * FRAME])
    assert digits(heard) == [digit]
    assert heard[0][0][1] == pytest.approx(100, abs=10)


@pytest.mark.parametrize("ms", [40, 75, 120, 300, 1000])
def test_the_length_is_told_within_10_ms(ms: int) -> None:
    lengths = [length for row in listen(Keys(ms=ms, rows=64).sound) for _, length in row]
    assert len(lengths) == 128
    assert np.abs(np.array(lengths) - ms).max() <= 10


@pytest.mark.parametrize("low", [-0.015, 0.015])
@pytest.mark.parametrize("high", [-0.015, 0.015])
@pytest.mark.parametrize("twist", [8, -4])
def test_corners_of_frequency_and_twist(low: float, high: float, twist: float) -> None:
    keys = Keys(low_off=(low, low), high_off=(high, high), twist=(twist, twist), ms=50, snr=25)
    assert keys.heard_share() > 0.99


@pytest.mark.parametrize("snr", [None, 20, 15])
def test_anything_within_q24_at_its_shortest(snr: float | None) -> None:
    off = (-0.015, 0.015)
    keys = Keys(rows=960, low_off=off, high_off=off, level=(-28, -4), twist=(-4, 8), snr=snr)
    assert keys.heard_share() > 0.99


@pytest.mark.parametrize("off", [-0.06, -0.05, -0.04, -0.035, 0.035, 0.04, 0.05, 0.06])
def test_frequencies_that_are_no_dtmf(off: float) -> None:
    assert Keys(ms=100, low_off=(off, off)).heard_count() == 0
    assert Keys(ms=100, high_off=(off, off)).heard_count() == 0
    assert Keys(ms=100, low_off=(off, off), high_off=(off, off), snr=25).heard_count() == 0


@pytest.mark.parametrize("twist", [12, -12])
def test_pairs_too_unequal(twist: float) -> None:
    assert Keys(ms=100, twist=(twist, twist)).heard_count() == 0


@pytest.mark.parametrize("ms", [10, 20, 23])
def test_too_short_tones(ms: float) -> None:
    assert Keys(ms=ms, presses=4).heard_count() == 0


@pytest.mark.parametrize(("level", "heard"), [(-33.0, 1.0), (-55.0, 0.0)])
def test_level_range(level: float, heard: float) -> None:
    assert Keys(ms=100, level=(level, level)).heard_share() == heard


@pytest.mark.parametrize("hole", [2, 5, 10, 20])
def test_a_drop_out_does_not_split_a_digit(hole: float) -> None:
    assert Keys(ms=200, hole=hole).heard_share() == 1


def test_a_pause_of_40_ms_does() -> None:
    assert Keys(ms=50, pause=40, presses=6, snr=25).heard_share() > 0.99


def test_a_change_of_digit_needs_no_pause() -> None:
    sound = np.concatenate([tone(digit, 80, 8000) for digit in "159D"] + [np.zeros(640, np.int16)])
    assert digits(listen(sound[None])) == ["159D"]


def test_single_tones_are_no_digits() -> None:
    time = np.arange(8000) / 8000
    sound = [amplitude(-6) * np.sin(2 * np.pi * hz * time) for hz in (*LOW, *HIGH)]
    assert digits(listen(coded(np.array(sound), "A"))) == [""] * 8


def test_signalling_tones_are_no_digits() -> None:
    time = np.arange(16000) / 8000
    chords = [
        (350, 440),  # dial tone
        (440, 480),  # ringback
        (480, 620),  # busy
        (425,),
        (1400, 2060, 2450, 2600),  # off-hook warning
        (913.8,),
        (1370.6,),
        (1776.7,),  # special information tones
        (1100,),
        (2100,),  # fax
        (700, 900),
        (700, 1100),
        (900, 1300),
        (1100, 1700),  # R1 multi-frequency
        (697, 770),
        (1209, 1477),  # two of one group
        (697, 1209, 1477),
        (770, 941, 1336),  # two keys at once
    ]
    sound = [sum(amplitude(-13) * np.sin(2 * np.pi * hz * time) for hz in chord) for chord in chords]
    assert digits(listen(coded(np.array(sound), "A"))) == [""] * len(chords)


def noise(seed: int, seconds: int, slope: float) -> NDArray[np.float64]:
    """Return 60 rows of noise whose power falls by f ** -slope."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(0, 1, (60, seconds * 8000)))
    spectrum /= np.maximum(np.fft.rfftfreq(seconds * 8000, 1 / 8000), 50) ** (slope / 2)
    sound = np.fft.irfft(spectrum, axis=1)
    return np.asarray(sound / sound.std() * 3000)


@pytest.mark.parametrize("slope", [0, 1], ids=["white", "pink"])
def test_ten_minutes_of_noise_hold_no_digit(slope: float) -> None:
    assert sum(map(len, listen(coded(noise(3, 10, slope), "u")))) == 0


def speech(seconds: int) -> NDArray[np.float64]:
    """Return at least so much speech at 8 kHz in rows of 10 s: nonsense in six languages, low and high voices."""
    nanotts = pytest.importorskip("py_nanotts")
    engine = nanotts.NanoTTS()
    rng = np.random.default_rng(4)
    onsets, vowels, codas = "bdfghklmnprstvz", ["a", "e", "i", "o", "u", "ee", "oo", "ai"], "nstl"
    pieces: list[NDArray[np.float64]] = []
    while sum(map(len, pieces)) < seconds * 8000:
        words = [
            "".join(
                onsets[rng.integers(15)] + vowels[rng.integers(8)] + codas[rng.integers(4)]
                for _ in range(rng.integers(1, 4))
            )
            for _ in range(40)
        ]
        voice = str(rng.choice(["en-GB", "en-US", "de-DE", "es-ES", "fr-FR", "it-IT"]))
        try:
            said = engine.speak(
                " ".join(words) + ".", voice=voice, speed=rng.uniform(0.7, 1.4), pitch=rng.uniform(0.6, 1.9)
            )
        except RuntimeError:  # Pico gives up on some nonsense, and its object with it
            engine = nanotts.NanoTTS()
            continue
        wide = np.frombuffer(said, np.int16).astype(np.float64)
        pieces.append(wide[: len(wide) // 2 * 2].reshape(-1, 2).mean(axis=1))
    sound = np.concatenate(pieces)
    return sound[: len(sound) // 80000 * 80000].reshape(-1, 80000)


def test_ten_minutes_of_speech_hold_no_digit() -> None:
    sound = speech(610)
    assert sound.size >= 600 * 8000
    assert sum(map(len, listen(coded(sound, "A")))) == 0


def test_digits_are_heard_over_quiet_speech() -> None:
    """A prompt leaking back at -20 dB against the tones must not hide what the caller presses."""
    background = speech(60)
    background = background / background.std() * amplitude(-33)
    for row, line in enumerate(background):
        for place, digit in enumerate("147*"):
            line[8000 + place * 8000 :][:960] += tone(digit, 120, 8000)
        background[row] = line
    assert digits(listen(coded(background, "A"))) == ["147*"] * len(background)


def test_rows_are_independent_and_may_pause() -> None:
    """Rows take part in any tick or none; what a row heard is kept until it goes on."""
    detector = InbandDetector(2)
    sound = {row: Keys(rows=16, ms=60, presses=1, seed=row).sound[row] for row in (3, 5)}
    detector.process(np.array([1]), sound[3][None, :FRAME])
    detector.grow(6)
    place = {3: 0, 5: 0}
    heard = ""
    for turn in range(60):
        rows = [row for row in (5, 3) if place[row] < len(sound[row]) // FRAME and (turn + row) % 3]
        frames = [sound[row][place[row] * FRAME : (place[row] + 1) * FRAME] for row in rows]
        for found in detector.process(np.array(rows, np.intp), np.array(frames, np.int16).reshape(-1, FRAME)):
            heard += found.digit
            assert KEYPAD[found.row] == found.digit
        for row in rows:
            place[row] += 1
    assert sorted(heard) == sorted(KEYPAD[3] + KEYPAD[5])


def test_reset_forgets_the_digit_that_sounds() -> None:
    detector = InbandDetector(1)
    row = np.array([0])
    sound = np.concatenate([tone("7", 100, 8000), np.zeros(800, np.int16)]).reshape(-1, FRAME)
    found = []
    for number, frame in enumerate(sound):
        if number == 5:
            detector.reset(0)
        found += detector.process(row, frame[None])
    assert found == []
