"""The one error that callers of the speech package see."""

from __future__ import annotations


class SpeechError(Exception):
    """A text cannot be spoken: `what` went wrong and `remedy`, what to do about it.

    Neither part quotes the text itself: prompts may hold names, numbers and codes of callers.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what}; {remedy}" if remedy else what)
        self.what = what
        self.remedy = remedy
