"""Sounds that are missing or broken, languages that nobody speaks, libraries that do not load."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doctor.patients import HELLO, bad, errors, found, patient, warnings
from voipbin_sip.doctor import sound
from voipbin_sip.doctor.sound import codecs, sounds
from voipbin_sip.doctor.voices import voices

PLAYS = """
name: plays
actions:
  - type: answer
  - type: play
    option: {stream_urls: [sounds/one.wav, sounds/spoiled.wav]}
  - type: hangup
"""
SPEAKS = """
name: speaks
actions:
  - type: answer
  - type: talk
    option: {text: "nuqneH", language: tlh}
  - type: hangup
"""


async def test_a_file_that_is_no_sound(tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "spoiled.wav").write_bytes(b"RIFF, but no more of it")
    findings = await found(sounds, patient(tmp_path, flows={"plays": PLAYS}))
    (told,) = errors(findings)
    assert told.startswith("sounds/spoiled.wav: ")
    assert findings[0].where == f"{tmp_path / 'flows' / 'plays.yaml'}:5"
    assert "1 sound file of the flows can be played" in findings[1].finding


async def test_a_file_that_went_since_the_check(tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "spoiled.wav").write_bytes(b"")
    whom = patient(tmp_path, flows={"plays": PLAYS})
    (tmp_path / "sounds" / "spoiled.wav").unlink()
    (told,) = errors(await found(sounds, whom))
    assert "No such file" in told


async def test_the_codecs_work(tmp_path: Path) -> None:
    assert bad(await found(codecs, patient(tmp_path))) == []


async def test_a_library_that_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ImportError("libsrtp2.so.1: cannot open shared object file")

    monkeypatch.setattr(sound, "_srtp", broken)
    (told,) = errors(await found(codecs, patient(tmp_path)))
    assert told.startswith("SRTP does not work here: ImportError: libsrtp2")
    assert "install" in told


async def test_an_engine_speaks_and_a_language_is_spoken_by_nobody(tmp_path: Path) -> None:
    flows = {"hello": HELLO, "speaks": SPEAKS}
    findings = await found(voices, patient(tmp_path, flows=flows, speech={"engines": ["nanotts", "parrot"]}))
    assert "nanotts speaks" in findings[0].finding
    told = errors(findings)
    assert "there is no speech engine parrot" in told[0]
    assert "no installed speech engine speaks tlh" in told[1]
    assert findings[2].where == f"{tmp_path / 'flows' / 'speaks.yaml'}:5"
    assert warnings(findings) == []
