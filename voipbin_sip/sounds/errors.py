"""What can go wrong with sounds."""


class FetchError(Exception):
    """A URL was refused or could not be loaded; the message says why."""


class SoundError(Exception):
    """A sound cannot be played; the message says which and why."""
