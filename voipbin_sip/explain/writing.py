"""Numbers that are written in other ways than the directory has them: which rule made them the same."""

from __future__ import annotations

from collections.abc import Sequence

from voipbin_sip.calls.numbering import dialled_number, international
from voipbin_sip.directory import RewriteEntry
from voipbin_sip.sip.uri import Uri


def how_written(dialled: str, number: str, home: str) -> str:
    """Return how a dialled text became a number, for the middle of a sentence; "" where it is the number itself."""
    if dialled == number:
        return ""
    if "+" + dialled == number:
        return "the + was left out"
    if international(dialled) == number:
        return "00 in front means +"
    if international(dialled, home) == number:
        return f"read as dialled in the country {home} of outbound.default_outgoing_source_number"
    return "written in another way"


def separators(uri: Uri) -> str:
    """Return what a URI's user part had in it that means nothing; "" for nothing."""
    bare = dialled_number(uri)
    return f"{uri.user}, which is {bare} without separators," if uri.user not in (None, "", bare) else bare


def rewriting(number: str, rules: Sequence[RewriteEntry], key: str) -> str:
    """Return which rule of `rewrite_in` or `rewrite_out` changes a number, "" where none does."""
    for rule in rules:
        if number.startswith(rule.prefix):
            return f"{key} puts {rule.by or 'nothing'} in place of {rule.prefix or 'the beginning'}"
    return ""
