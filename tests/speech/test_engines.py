"""The real engines: what they say is measured, not listened to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray

from voipbin_sip.speech import Speech
from voipbin_sip.speech.engines.ipa import hibari_phonemes, xsampa
from voipbin_sip.speech.espeak_voices import ESPEAK_VOICES

in_module_loop = pytest.mark.asyncio(loop_scope="module")  # the engines are started once
ENGINES = ["hibari", "nanotts", "espeak"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def speech(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Speech]:
    found = Speech(cache_dir=tmp_path_factory.mktemp("speech"), patience=10)
    await found.start()
    yield found
    await found.close()


async def said(
    speech: Speech, text: str, engine: str, language: str = "en-US", rate: int = 8000
) -> NDArray[np.int16]:
    sounds = [sound async for sound in speech.speak(text, language=language, provider=engine, rate=rate)]
    assert all(not status.trouble for status in speech.engines())
    return np.concatenate(sounds)


def used(speech: Speech) -> list[str]:
    return [status.name for status in speech.engines() if status.running]


def speaking(sound: NDArray[np.int16], rate: int = 8000) -> float:
    """Return the level of the speech in dBFS."""
    blocks = sound[: len(sound) // 80 * 80].reshape(-1, 80).astype(float) / 32768
    power = (blocks**2).mean(axis=1)
    return float(10 * np.log10(power[power > power.max() / 3000].mean()))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rate", [8000, 16000])
@in_module_loop
async def test_each_engine_speaks_at_the_same_loudness(speech: Speech, engine: str, rate: int) -> None:
    sound = await said(speech, "Press 1 for sales, 2 for support.", engine, rate=rate)
    assert 1.5 * rate < len(sound) < 4.5 * rate
    assert speaking(sound) == pytest.approx(-20, abs=1.5)
    assert np.abs(sound.astype(int)).max() < 32767
    assert np.abs(sound[: rate // 10].astype(int)).max() > 100  # it starts at once


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-GB", "Please hold the line."),
        ("de-DE", "Bitte bleiben Sie in der Leitung."),
        ("fr", "Veuillez patienter s'il vous plaît."),
        ("es-MX", "Espere un momento, por favor."),
        ("it", "Attenda in linea, per favore."),
        ("nl", "Blijft u alstublieft aan de lijn."),
        ("pt-BR", "Aguarde um momento, por favor."),
        ("ru", "Пожалуйста, оставайтесь на линии."),
        ("ar", "يرجى الانتظار على الخط."),
        ("hi", "कृपया लाइन पर बने रहें।"),
        ("ja-JP", "しばらくおまちください。"),
        ("ko-KR", "잠시만 기다려 주세요."),
        ("zh-CN", "请稍等。"),
    ],
)
@in_module_loop
async def test_many_languages_have_a_voice(speech: Speech, language: str, text: str) -> None:
    sound = await said(speech, text, "", language)
    assert 0.5 < len(sound) / 8000 < 5
    assert speaking(sound) == pytest.approx(-20, abs=2)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("percent", [60, 150, 200])
@in_module_loop
async def test_pace_is_the_same_on_every_engine(speech: Speech, engine: str, percent: int) -> None:
    text = "Please leave a message after the tone, and press the pound key when you are done."
    normal = await said(speech, text, engine)
    paced = await said(speech, f'<speak><prosody rate="{percent}%">{text}</prosody></speak>', engine)
    assert len(paced) / len(normal) == pytest.approx(100 / percent, rel=0.06)


@pytest.mark.parametrize("engine", ["hibari", "nanotts"])
@in_module_loop
async def test_phonemes_are_followed(speech: Speech, engine: str) -> None:
    markup = '<speak>say <phoneme alphabet="ipa" ph="{}">x</phoneme> now</speak>'
    cat = await said(speech, markup.format("kæt"), engine)
    longer = await said(speech, markup.format("ˌkætəˈstɹɑfɪkəli"), engine)
    word = await said(speech, "say cat now", engine)
    assert len(cat) == pytest.approx(len(word), rel=0.1)
    assert len(longer) > len(cat) + 2000


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "text", ["a ] [b](c) </speed> <x> & d", "[[x]] {y} \\ / 'quoted' \"text\"", "100% 5 < 6 > 4"]
)
@in_module_loop
async def test_marks_that_engines_use_themselves_do_no_harm(speech: Speech, engine: str, text: str) -> None:
    sound = await said(speech, text, engine)
    assert len(sound) > 4000


@in_module_loop
async def test_espeak_never_stops_early(speech: Speech) -> None:
    text = "Blijft u alstublieft aan de lijn tot een van onze medewerkers u te woord kan staan, nummer"
    lengths = [len(await said(speech, f"{text} {number}.", "espeak", "nl")) for number in range(10, 30)]
    assert min(lengths) > 0.8 * max(lengths)


@in_module_loop
async def test_a_voice_that_is_not_installed_falls_back_to_the_default(speech: Speech) -> None:
    sounds = [
        sound
        async for sound in speech.speak(
            "Good morning.", language="en-US", provider="hibari", voice_id="emma", rate=8000
        )
    ]
    assert (np.concatenate(sounds) == await said(speech, "Good morning.", "hibari")).all()


def test_espeak_has_the_data_of_all_voices_in_the_table() -> None:
    loader = pytest.importorskip("espeakng_loader")
    folder = Path(loader.get_data_path()) / "lang"
    there = {str(path.relative_to(folder)).lower() for path in folder.rglob("*") if path.is_file()}
    assert set(ESPEAK_VOICES.values()) - there == set()


@pytest.mark.parametrize(
    ("ipa", "pico", "hibari"),
    [
        ("təˈmeɪtoʊ", 't@"meItoU', "təmˈAtO"),
        ("ˈstɹʌktʃɚ", '"strVktS@r', "stɹˈʌkʧəɹ"),
        ("ˈʃtʁaːsə", '"StRa:s@', None),
        ("bɔ̃.ʒuʁ", "bO~ZuR", None),
        ("ç", "C", None),
        ("k!æt", None, None),
        ("'/><x", None, None),
        ("", None, None),
    ],
)
def test_ipa_in_the_letters_of_the_engines(ipa: str, pico: str | None, hibari: str | None) -> None:
    assert xsampa(ipa) == pico
    assert hibari_phonemes(ipa) == hibari
