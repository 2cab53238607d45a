"""`Speech` with engines that behave and engines that do not, each in a real child process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.speech.fake_engines import pitch_of, spec
from voipbin_sip.speech import EngineStatus, Prompt, Speech, SpeechError

TONE, BROKEN = 300, 1000  # Hz
ROOT = Path(__file__).resolve().parents[2]
Open = Callable[..., AbstractAsyncContextManager[Speech]]


class Log:
    """What the engines were asked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self, start: str = "") -> list[str]:
        text = self._path.read_text() if self._path.exists() else ""
        return [line for line in text.splitlines() if line.startswith(start)]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.setenv("FAKE_SPEECH_LOG", str(tmp_path / "log"))
    return Log(tmp_path / "log")


@pytest.fixture
def speech(tmp_path: Path, log: Log) -> Open:
    """Return a context manager that opens Speech with the named fake engines."""

    @asynccontextmanager
    async def opened(
        *names: str, patience: float = 10.0, speak_seconds: float = 0.8, warm: str = ""
    ) -> AsyncIterator[Speech]:
        found = Speech(
            cache_dir=tmp_path / "cache",
            catalogue={name.lower(): spec(name) for name in names},
            warm=warm.split(),
            patience=patience,
            speak_seconds=speak_seconds,
        )
        await found.start()
        try:
            yield found
        finally:
            await found.close()

    return opened


async def heard(
    speech: Speech, text: str, *, rate: int = 8000, language: str = "en", provider: str = ""
) -> list[NDArray[np.int16]]:
    return [sound async for sound in speech.speak(text, language=language, rate=rate, provider=provider)]


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("waited in vain")


def all_gone(log: Log) -> bool:
    return not any(Path(f"/proc/{line.split()[-1]}").exists() for line in log.lines("start"))


async def status(speech: Speech, name: str) -> EngineStatus:
    return next(status for status in speech.engines() if status.name == name)


async def test_one_array_for_each_sentence(speech: Open) -> None:
    async with speech("Tone") as one:
        first, second = await heard(one, "Hello you. Bye.", rate=16000)
    assert first.dtype == np.int16
    assert not first.flags.writeable
    assert len(first) == pytest.approx(16000 * (1.0 + 0.3), abs=800)  # two words and the pause
    assert len(second) == pytest.approx(16000 * 0.5, abs=800)
    assert pitch_of(first[:16000], 16000) == pytest.approx(TONE, abs=3)


async def test_prosody_is_the_engines_pace(speech: Open) -> None:
    async with speech("Tone") as one:
        (slow,) = await heard(one, '<speak><prosody rate="50%">one two</prosody></speak>')
        (fast,) = await heard(one, '<speak><prosody rate="200%">one two</prosody></speak>')
    assert len(slow) == pytest.approx(8000 * 2, abs=400)
    assert len(fast) == pytest.approx(8000 * 0.5, abs=400)


async def test_the_first_sentence_comes_before_the_last_is_made(speech: Open, log: Log) -> None:
    async with (
        speech("Tone") as one,
        aclosing(one.speak("One. Two. Three. Four. Five. Six.", language="en", rate=8000)) as sounds,
    ):
        await anext(sounds)
        assert "speak Tone Six." not in log.lines()
        assert len([sound async for sound in sounds]) == 5


async def test_cached_texts_need_no_engine(speech: Open, log: Log) -> None:
    async with speech("Tone") as one:
        before = await heard(one, "Hello you. Hello you.")
        assert len(log.lines("speak")) == 1
        again = await heard(one, "Hello you. Hello you.")
    assert len(log.lines("speak")) == 1
    assert [sound.tobytes() for sound in again] == [sound.tobytes() for sound in before]
    async with speech("Tone") as other:  # from disk, no process started
        (sound,) = await heard(other, "Hello you.")
        assert not (await status(other, "tone")).running
    assert len(log.lines("start")) == 1
    assert sound.tobytes() == before[1].tobytes()


async def test_rates_and_paces_are_kept_apart(speech: Open, log: Log) -> None:
    async with speech("Tone") as one:
        await heard(one, "Hello.")
        await heard(one, "Hello.", rate=16000)
        await heard(one, '<speak><prosody rate="slow">Hello.</prosody></speak>')
    assert len(log.lines("speak")) == 3


async def test_many_who_want_the_same_share_one_synthesis(speech: Open, log: Log) -> None:
    async with speech("Tone") as one:
        results = await asyncio.gather(*(heard(one, "Please linger.") for _ in range(10)))
    assert log.lines("speak") == ["speak Tone Please linger."]
    assert len({sounds[0].tobytes() for sounds in results}) == 1


async def test_one_who_leaves_does_not_take_it_from_the_others(speech: Open) -> None:
    async with speech("Tone") as one:
        leaving = asyncio.create_task(heard(one, "Please linger."))
        staying = asyncio.create_task(heard(one, "Please linger."))
        await asyncio.sleep(0.05)
        leaving.cancel()
        assert len(await staying) == 1
        with contextlib.suppress(asyncio.CancelledError):
            await leaving


async def test_what_nobody_waits_for_is_not_spoken(speech: Open, log: Log) -> None:
    async with speech("Tone") as one:
        await heard(one, "Warm.")
        first = asyncio.create_task(heard(one, "Please linger."))
        await until(lambda: len(log.lines("speak")) == 2)  # the engine is busy with it
        second = asyncio.create_task(heard(one, "Nobody. Hears. This."))
        await asyncio.sleep(0.1)
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        await heard(one, "Last.")
    assert log.lines("speak") == ["speak Tone Warm.", "speak Tone Please linger.", "speak Tone Last."]


async def test_a_long_text_does_not_hold_up_a_short_one(speech: Open, log: Log) -> None:
    async with speech("Tone") as one:
        text = " ".join(f"Sentence {number}." for number in range(10, 40))
        long = asyncio.create_task(heard(one, text))
        await until(lambda: len(log.lines("speak")) >= 3)
        await heard(one, "Short.")
        spoken = log.lines("speak")
        assert len(spoken) - 3 < 15
        assert len(await long) == 30


@pytest.mark.parametrize("text", ["Please crash.", "Please raise.", "Please hang."])
async def test_a_broken_engine_is_replaced_by_the_next_one(speech: Open, log: Log, text: str) -> None:
    async with speech("Broken", "Tone") as both:
        (before,) = await heard(both, "Hello.")
        (during,) = await heard(both, text)
        assert (await status(both, "broken")).trouble
        (after,) = await heard(both, "Bye.")
        assert not (await status(both, "broken")).trouble
    assert pitch_of(before, 8000) == pytest.approx(BROKEN, abs=3)
    assert pitch_of(during, 8000) == pytest.approx(TONE, abs=3)
    assert pitch_of(after, 8000) == pytest.approx(BROKEN, abs=3)
    assert len(log.lines("start Broken")) == 2
    assert all_gone(log)


async def test_the_default_engine_is_there_before_it_is_asked_and_comes_back_by_itself(
    speech: Open, log: Log
) -> None:
    async with speech("Broken", "Tone", warm="en") as both:
        await until(lambda: len(log.lines("start Broken")) == 1)
        await heard(both, "Please crash.")
        await until(lambda: len(log.lines("start Broken")) == 2)
    assert all_gone(log)


async def test_an_engine_that_keeps_failing_is_left_alone_for_a_while(speech: Open, log: Log) -> None:
    async with speech("Stillborn", "Tone") as both:
        for text in ("One.", "Two.", "Three.", "Four."):
            (sound,) = await heard(both, text)
            assert pitch_of(sound, 8000) == pytest.approx(TONE, abs=3)
        found = await status(both, "stillborn")
        assert not found.usable
        assert "ended" in found.trouble
    assert len(log.lines("start Stillborn")) == 2


async def test_others_do_not_wait_behind_a_hanging_engine(speech: Open, log: Log) -> None:
    async with speech("Broken", "Tone", patience=1.0, speak_seconds=60, warm="en") as both:
        await until(
            lambda: any(status.running for status in both.engines()) and bool(log.lines("start Broken"))
        )
        hanging = asyncio.create_task(heard(both, "Please hang."))
        await until(lambda: "speak Broken Please hang." in log.lines())
        results = await asyncio.gather(*(heard(both, f"Caller {number}.") for number in range(10, 20)))
        assert all(pitch_of(sounds[0], 8000) == pytest.approx(TONE, abs=3) for sounds in results)
        assert pitch_of((await hanging)[0], 8000) == pytest.approx(TONE, abs=3)


async def test_an_engine_may_refuse_one_text(speech: Open, log: Log) -> None:
    async with speech("Broken", "Tone") as both:
        (sound,) = await heard(both, "Please refuse.")
        assert pitch_of(sound, 8000) == pytest.approx(TONE, abs=3)
        (sound,) = await heard(both, "Thank you.")
        assert pitch_of(sound, 8000) == pytest.approx(BROKEN, abs=3)
    assert len(log.lines("start Broken")) == 1


async def test_all_engines_failing_is_an_error_that_says_why(speech: Open) -> None:
    async with speech("Broken") as one:
        with pytest.raises(SpeechError, match="exit status 3"):
            await heard(one, "Please crash.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": ""}, "nothing to say"),
        ({"text": "<speak>a"}, "line 1, column 9"),
        ({"text": "Hi", "language": "xx-YY"}, "no installed speech engine speaks xx-YY"),
        ({"text": "Hi", "language": "what is this"}, "not a language tag"),
        ({"text": "Hi", "rate": 44100}, "44100 Hz"),
        ({"text": "Hi", "provider": "nobody"}, "no speech provider 'nobody'"),
    ],
)
async def test_bad_requests_are_clear_errors(speech: Open, arguments: dict[str, str], message: str) -> None:
    async with speech("Tone") as one:
        with pytest.raises(SpeechError, match=message):
            await heard(one, **arguments)  # type: ignore[arg-type]


async def test_providers_of_voipbin_mean_the_default_and_ours_an_engine(speech: Open) -> None:
    async with speech("Tone", "Broken") as both:
        (google,) = await heard(both, "Hello.", provider="gcp")
        (ours,) = await heard(both, "Hello.", provider="broken")
    assert pitch_of(google, 8000) == pytest.approx(TONE, abs=3)
    assert pitch_of(ours, 8000) == pytest.approx(BROKEN, abs=3)


async def test_preparation_fills_the_cache_but_for_variables(speech: Open, log: Log) -> None:
    async with speech("Tone") as one:
        faults = await one.prepare(
            [Prompt("Hello ${name}. Press one.", "en"), Prompt("<speak>", "en"), Prompt("Bye.", "en")],
            rate=8000,
        )
        assert log.lines("speak") == ["speak Tone Press one.", "speak Tone Bye."]
        assert len(faults) == 1
        await heard(one, "Press one.")
    assert len(log.lines("speak")) == 2


async def test_calls_go_before_preparation(speech: Open, log: Log) -> None:
    async with speech("Tone") as one:
        await heard(one, "Warm.")
        first = asyncio.create_task(heard(one, "Please linger."))
        await asyncio.sleep(0.05)
        preparing = asyncio.create_task(one.prepare([Prompt("Prepared.", "en")], rate=8000))
        await asyncio.sleep(0.05)
        await asyncio.gather(first, heard(one, "Urgent."), preparing)
    assert [line.split()[-1] for line in log.lines("speak")][-2:] == ["Urgent.", "Prepared."]


async def test_closing_ends_those_who_wait_and_all_processes(speech: Open, log: Log) -> None:
    async with speech("Broken", "Tone", speak_seconds=30) as both:
        waiting = asyncio.create_task(heard(both, "Please hang."))
        await until(lambda: "speak Broken Please hang." in log.lines())
        await both.close()
        with pytest.raises(SpeechError, match="server stops"):
            await waiting
    assert all_gone(log)


async def test_an_unwritable_cache_only_costs_speed(tmp_path: Path, log: Log) -> None:
    (tmp_path / "cache").write_text("in the way")
    one = Speech(cache_dir=tmp_path / "cache", catalogue={"tone": spec("Tone")}, warm=())
    try:
        assert len(await heard(one, "Hello.")) == 1
        assert len(await heard(one, "Hello.")) == 1
    finally:
        await one.close()
    assert len(log.lines("speak")) == 1


def test_unknown_engines_in_the_configuration_are_errors(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="no speech engine 'hibary'"):
        Speech(cache_dir=tmp_path, engines=["hibary"])


def test_a_child_ends_with_the_server(log: Log) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "voipbin_sip.speech.child", "tests.speech.fake_engines:Tone"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        assert child.stdout.read(4)  # ready
        child.stdin.close()
        assert child.wait(10) == 0
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
