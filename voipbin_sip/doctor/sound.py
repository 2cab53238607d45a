"""Sound: the libraries behind the codecs, each tried with a few milliseconds, and the sounds that flows name."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import Patient

INSTALL = "install voipbin-sip anew (make run, or pip install --force-reinstall voipbin-sip)"
FORMATS = ("WAV", "FLAC", "OGG", "MP3")
MOST_SECONDS = 4 * 3600


async def codecs(patient: Patient, notes: Notes) -> None:
    """Try each library that sound needs."""
    for what, attempt in (
        ("G.711", _g711),
        ("G.722", _g722),
        ("SRTP", _srtp),
        ("resampling", _resampling),
    ):
        await _try(notes, what, attempt)
    await _try(notes, f"sound files ({', '.join(FORMATS).lower()})", _formats)


async def sounds(patient: Patient, notes: Notes) -> None:
    """Decode each sound file that a flow names."""
    from media.files import AudioError, decode

    good = 0
    for source, place in sorted(_sources(patient)):
        path = patient.places.base / source
        try:
            await apart(lambda path=path: decode(path, 8000, MOST_SECONDS))  # type: ignore[misc]
        except (AudioError, OSError) as error:
            notes.error(
                f"{source}: {getattr(error, 'strerror', None) or error}",
                "callers hear nothing there: put the file in its place, as wav, flac, ogg or mp3",
                where=place,
            )
        else:
            good += 1
    if good:
        notes.ok(f"{good} sound file{'' if good == 1 else 's'} of the flows can be played")
    elif not notes.found:
        notes.ok("no flow names a sound file")


def _sources(patient: Patient) -> Iterator[tuple[str, str]]:
    """Yield the files that flows play, and the step that does; not URLs, nor what is known during a call only."""
    known = set()
    for flow in patient.flows:
        for action in flow.every_action():
            named = action.option.get("stream_urls")
            for source in named if isinstance(named, (list, tuple)) else ():
                text = str(source)
                if "://" not in text and "${" not in text and text not in known:
                    known.add(text)
                    yield text, f"{action.origin.file}:{action.origin.line}"


async def _try(notes: Notes, what: str, attempt: Callable[[], None]) -> None:
    try:
        await apart(attempt)
    except Exception as error:  # whatever a library that does not fit this machine throws
        notes.error(f"{what} does not work here: {type(error).__name__}: {error}", INSTALL)
    else:
        notes.ok(what)


def _g711() -> None:
    import numpy as np

    from media.codecs import g711

    tone = (8000 * np.sin(np.arange(160) / 8)).astype(np.int16)
    for encode, decode in ((g711.ULAW_ENCODE, g711.ULAW_DECODE), (g711.ALAW_ENCODE, g711.ALAW_DECODE)):
        heard = decode[encode[tone.view(np.uint16)]]
        if np.abs(heard.astype(int) - tone).max() > 400:
            raise ValueError("what is decoded is not what was encoded")


def _g722() -> None:
    import numpy as np

    from media.codecs.g722 import Decoder, Encoder

    tone = (8000 * np.sin(np.arange(320) / 16)).astype(np.int16)
    if np.abs(Decoder().decode(Encoder().encode(tone))).max() < 1000:
        raise ValueError("what is decoded is silence")


def _srtp() -> None:
    from media.messages import SrtpKeys
    from media.srtp import Srtp

    keys = SrtpKeys("AES_CM_128_HMAC_SHA1_80", bytes(range(30)), bytes(range(30)))
    one, other = Srtp(keys), Srtp(keys)
    packet = bytes([0x80, 0, 0, 1]) + bytes(8) + bytes(160)
    if other.unprotect(one.protect(packet)) != packet:
        raise ValueError("what is decrypted is not what was encrypted")


def _resampling() -> None:
    import numpy as np
    import soxr

    soxr.resample(np.zeros(441, np.float32), 44_100, 8000)


def _formats() -> None:
    import numpy as np
    import soundfile

    known = soundfile.available_formats()
    if missing := [name for name in FORMATS if name not in known]:
        raise ValueError(f"libsndfile is too old for {', '.join(missing)}")
    memory = io.BytesIO()
    soundfile.write(memory, np.zeros(800, np.int16), 8000, format="WAV")
    memory.seek(0)
    soundfile.read(memory)
