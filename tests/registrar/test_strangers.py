"""What somebody without a password learns, counted: the work that an answer takes, in calls of functions.

Times would tell the same, with the noise of the machine in them.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType

import pytest

from tests.registrar.phone import Office, Phone

CONTACT = "<sip:x@198.51.100.7:5060>"


def work(job: Callable[[], object]) -> Counter[str]:
    """Return how often each function is called, those written in C included (digests and comparisons are)."""
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            calls[frame.f_code.co_qualname] += "<lambda>" not in frame.f_code.co_qualname
        elif event == "c_call":
            calls[getattr(argument, "__qualname__", "?")] += 1

    sys.setprofile(note)
    try:
        job()
    finally:
        sys.setprofile(None)
    return +calls


def refusal(phone: Phone) -> Counter[str]:
    """Register with the phone's password; returns the work of the answer."""
    for _ in range(2):  # the first time fills caches
        credentials = phone.credentials(phone.ask(CONTACT))
        calls = work(lambda: phone.ask(CONTACT, credentials=credentials))  # noqa: B023
    return calls


def asking(extension: str, password: str) -> Counter[str]:
    return refusal(Phone(Office(), extension, password=password))


def test_an_unknown_extension_takes_the_work_of_a_wrong_password() -> None:
    known, unknown = asking("1000", "guess"), asking("4711", "guess")
    assert known["openssl_sha256"] == 3  # A1, A2 and the response (RFC 7616)
    assert known == unknown


def test_an_unknown_extension_without_a_password_is_no_shorter_way() -> None:
    assert asking("4711", "") == asking("4711", "guess")


@pytest.mark.parametrize("extension", ["1000", "4711"])
def test_the_first_challenge_looks_nothing_up(extension: str) -> None:
    looked_up: list[str] = []
    office = Office(password=lambda name: looked_up.append(name))
    assert Phone(office, extension).ask(CONTACT).status == 401
    assert looked_up == []


def test_registered_phones_are_not_seen_from_outside() -> None:
    office = Office()
    Phone(office).register("<sip:1000@198.51.100.7>")
    stranger = Phone(office, password="guess", call_id="other")
    assert refusal(stranger) == asking("1000", "guess")
