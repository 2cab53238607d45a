"""What is refused to those who steer calls, runs and conferences; the API says it in its own words."""

from __future__ import annotations

from collections.abc import Sequence


class WrongState(Exception):  # noqa: N818 - reads as what happened
    """This cannot be done now; the message says why."""


class Closing(Exception):  # noqa: N818 - reads as what happened
    """The server is about to stop and takes no more calls."""


class NobodyCalled(Exception):  # noqa: N818 - reads as what happened
    """None of the destinations can be called; `faults` says of each why."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{where}: {why}" for where, why in faults) or "no destination is named")
        self.faults = faults


class Unspeakable(Exception):  # noqa: N818 - reads as what happened
    """A text cannot be spoken; the message says why."""
