"""Speech: each engine says a word, and each language of the flows has a voice."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import Patient
from voipbin_sip.doctor.together import together
from voipbin_sip.speech import Speech
from voipbin_sip.speech.catalogue import ENGINES
from voipbin_sip.speech.errors import SpeechError

WORD = "Hello."
RATE = 8000
SECONDS = 15.0  # for the first word of an engine, which starts it
SLOW = 5.0


async def voices(patient: Patient, notes: Notes) -> None:
    """Have each engine speak, without the cache."""
    folder = await apart(lambda: tempfile.TemporaryDirectory(prefix="voipbin-doctor-"))
    try:
        wanted = patient.config.speech.engines or list(ENGINES)
        await together(notes, wanted, lambda own, name: _one(patient, own, name, Path(folder.name) / name))
    finally:
        await apart(folder.cleanup)
    _languages(patient, notes, wanted)


async def _one(patient: Patient, notes: Notes, name: str, cache: Path) -> None:
    spec = ENGINES.get(name)
    where = patient.key("speech", "engines")
    if spec is None:
        notes.error(f"there is no speech engine {name}", f"take some of {', '.join(ENGINES)}", where=where)
        return
    if spec.version() is None:
        notes.warning(
            f"the speech engine {name} is not installed",
            f"pip install {' '.join(spec.distributions)}; other engines speak in its place",
            where=where,
        )
        return
    language = "en-US" if "en" in spec.voices or "en-us" in spec.voices else next(iter(spec.voices))
    speech = Speech(cache_dir=cache, engines=[name], warm=())
    began = time.monotonic()
    try:
        async with asyncio.timeout(SECONDS):
            samples = sum([len(part) async for part in speech.speak(WORD, language=language, rate=RATE)])
    except (SpeechError, TimeoutError) as error:
        why = str(error) or f"it said nothing within {SECONDS:g} s"
        notes.warning(
            f"the speech engine {name} does not speak: {why}",
            "others speak in its place; see its trouble with log.level: debug",
            where=where,
        )
        return
    finally:
        await speech.close()
    took = time.monotonic() - began
    if not samples:
        notes.warning(f"the speech engine {name} is silent", "install it anew", where=where)
    elif took > SLOW:
        notes.info(
            f"the speech engine {name} takes {took:.1f} s to start and say a word",
            "texts of flows are spoken ahead; those with variables in them come late at first",
        )
    else:
        notes.ok(f"{name} speaks ({took:.1f} s for its start and a word)")


def _languages(patient: Patient, notes: Notes, engines: list[str]) -> None:
    """See whether somebody speaks each language of the flows."""
    from voipbin_sip.flowhost import spoken_prompts
    from voipbin_sip.speech.language import parse_tag

    installed = [ENGINES[name] for name in engines if name in ENGINES and ENGINES[name].version() is not None]
    good = []
    for language in sorted({prompt.language for prompt in spoken_prompts(patient.flows)}):
        if "${" in language:
            continue
        try:
            tag = parse_tag(language)
        except ValueError as error:
            notes.error(f"{error}", "write a language as en-US or de", where=_first(patient, language))
            continue
        speaker = next((spec.name for spec in installed if spec.voice(tag) is not None), None)
        if speaker is None:
            notes.error(
                f"no installed speech engine speaks {language}",
                "callers hear nothing there: take another language, or install espeak's packages",
                where=_first(patient, language),
            )
        else:
            good.append(f"{language} ({speaker})")
    if good:
        notes.ok(f"languages of the flows: {', '.join(good)}")


def _first(patient: Patient, language: str) -> str:
    """Return the first step that speaks a language."""
    for flow in patient.flows:
        for action in flow.every_action():
            if action.type == "talk" and action.option.get("language") == language:
                return f"{action.origin.file}:{action.origin.line}"
    return ""
