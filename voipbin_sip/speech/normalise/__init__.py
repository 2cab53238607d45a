"""Texts made ready for the ear: phone numbers, keys, times, dates and money become words.

Only what engines read wrongly or differently is touched; ordinary numbers, years and words are left to them.
"""

from voipbin_sip.speech.normalise.readings import read_as
from voipbin_sip.speech.normalise.text import normalise

__all__ = ["normalise", "read_as"]
