"""The one error of the toll guard."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 - reads as what happened
    """A call may not be placed. The message says why, without the whole number; `result` as a word of `connect`.

    `rule` is the key of the configuration that would have to be another; "" where none would help.
    """

    def __init__(self, why: str, result: str = "refused", *, rule: str = "") -> None:
        super().__init__(why)
        self.result = result
        self.rule = rule
