"""What an incoming INVITE may reach: domain, number, digest. Says where it goes or how it is refused.

A caller without credentials learns nothing: a number that is not public and one that does not exist look the same,
a wrong password and an unknown extension too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from voipbin_sip.calls.call import Address
from voipbin_sip.directory import Directory
from voipbin_sip.domain import serves
from voipbin_sip.guard import DigestGuard
from voipbin_sip.sip.events import Incoming
from voipbin_sip.sip.message import Request
from voipbin_sip.sip.uri import Uri

E164 = re.compile(r"\+[1-9]\d{6,14}")
VISUAL_SEPARATORS = str.maketrans("", "", "-.() ")  # RFC 3966 section 5.1.1


@dataclass(frozen=True, slots=True)
class Admitted:
    """The call runs this flow."""

    flow: str
    source: Address
    destination: Address
    connect: Address | None = None  # instead of a flow: a phone dialled another one
    payer: str = ""  # see call.Originator
    private: bool = False
    transfers: bool = False  # the caller may send the other side elsewhere (REFER)


@dataclass(frozen=True, slots=True)
class Turned:
    """The call is refused."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    why: str = ""  # for the log


class Admission:
    """The gate in front of the flows.

    Args:
        directory: read anew for each call, so that it can be swapped.
        guard: digest authentication against the directory's extensions.
        clock: wall clock seconds, for nonces.
    """

    def __init__(
        self,
        *,
        domain: str,
        directory: Callable[[], Directory],
        guard: DigestGuard,
        clock: Callable[[], float],
    ) -> None:
        self._domain = domain.lower()
        self._directory = directory
        self._guard = guard
        self._clock = clock

    def decide(self, event: Incoming) -> Admitted | Turned:
        """Route one INVITE."""
        request = event.request
        if not serves(self._domain, request.uri):
            return Turned(404, "Domain not served here", why=f"domain {request.uri.host!r} is not ours")
        dialled = dialled_number(request.uri)
        directory = self._directory()
        number = directory.numbers.get(dialled)
        extension = ""
        if number is None or not number.public:
            if directory.extensions:
                outcome = self._guard.check(
                    request, self._clock(), directory.password, source=event.hop.remote[0]
                )
                if not outcome.user:
                    return Turned(407, "Proxy Authentication Required", outcome.challenges, outcome.why)
                extension = outcome.user
            if number is None and dialled in directory.extensions:
                there = Address("extension", dialled)
                return Admitted("", caller(request, extension), there, connect=there, transfers=True)
            if number is None:
                return Turned(404, "Number not found", why="no such number")
        return Admitted(number.flow, caller(request, extension), called(dialled), transfers=bool(extension))


def dialled_number(uri: Uri) -> str:
    """Return the number of a request URI: the user part, or a tel URI's digits, without visual separators."""
    user = uri.user or ""
    bare = user.partition(";")[0].translate(VISUAL_SEPARATORS)
    return bare if re.fullmatch(r"\+?[0-9*#A-Da-d]+", bare) else user


def caller(request: Request, extension: str) -> Address:
    """Return the caller's address from From, or the extension that proved itself."""
    name = request.from_.display or ""
    if extension:
        return Address("extension", extension, target_name=name)
    uri = request.from_.uri
    user = dialled_number(uri)
    if E164.fullmatch(user):
        return Address("tel", user, target_name=name)
    return Address("sip", f"{uri.user or 'anonymous'}@{uri.host or 'invalid'}", target_name=name)


def called(number: str) -> Address:
    """Return the dialled number as an address."""
    return Address("tel" if E164.fullmatch(number) else "extension", number)
