"""Speech out: texts become telephone sound.

`Speech` is what the rest of the server uses, and `check` for texts that are only to be looked at.

A text is read (`ssml`), put into words (`normalise`) and cut (`sentences`) by `plan`; `maker` gets each utterance from
its caches (`cache`) or from an engine, which is a queue here (`lane`) and a child process behind it (`worker`, `child`,
`engines`) whose sound `finish` makes fit for a telephone. This package knows nothing of flows, calls or media; its
currency is NumPy arrays of int16 mono.
"""

from voipbin_sip.speech.errors import SpeechError
from voipbin_sip.speech.plan import check
from voipbin_sip.speech.service import EngineStatus, Prompt, Speech

__all__ = ["EngineStatus", "Prompt", "Speech", "SpeechError", "check"]
