"""Speech out: texts become telephone sound.

`Speech` is all that the rest of the server uses. Each engine runs in a child process of its own. This package
knows nothing of flows, calls or media; its currency is NumPy arrays of int16 mono.
"""

from voipbin_sip.speech.errors import SpeechError
from voipbin_sip.speech.service import EngineStatus, Prompt, Speech

__all__ = ["EngineStatus", "Prompt", "Speech", "SpeechError"]
