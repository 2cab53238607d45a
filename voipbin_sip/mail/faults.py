"""What the mail server did not take, in words: of each call, and now.

Mails are sent beside the flow and after it, so that no step can tell. Kept in memory, the newest ones only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

MOST_CALLS = 500
OF_ONE = 5  # faults of one call


@dataclass(frozen=True, slots=True)
class Trouble:
    """The mail server takes nothing."""

    since: datetime
    mails: int  # that were not taken, each counted once for each try
    why: str  # the last time

    def __str__(self) -> str:
        tries = f"{self.mails} {'try' if self.mails == 1 else 'tries'}"
        return f"the mail server takes no mail since {self.since:%Y-%m-%d %H:%M:%S} UTC ({tries}): {self.why}"


class MailFaults:
    """Written by the mailer, read by whoever shows calls and health.

    Attributes:
        now: the present trouble; None: the last mail was taken, or none was sent.
    """

    def __init__(self) -> None:
        self.now: Trouble | None = None
        self._calls: OrderedDict[str, list[str]] = OrderedDict()

    def taken(self) -> None:
        """Note that a mail was taken."""
        self.now = None

    def refused(self, call: str, at: datetime, why: str, words: str) -> None:
        """Note that one was not, for a call ("": for none); `words` say what comes of it."""
        since, mails = (at, 0) if self.now is None else (self.now.since, self.now.mails)
        self.now = Trouble(since, mails + 1, why)
        if not call:
            return
        told = self._calls.setdefault(call, [])
        told.append(f"{words}: {why}")
        del told[:-OF_ONE]
        self._calls.move_to_end(call)
        while len(self._calls) > MOST_CALLS:
            self._calls.popitem(last=False)

    def of(self, call: str) -> Sequence[str]:
        """Return what went wrong with the mails of a call, the oldest first."""
        return tuple(self._calls.get(call, ()))
