"""Opens the doors: SIP, and the HTTP API where that is safe."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from voipbin_sip.app.errors import StartError
from voipbin_sip.http_settings import HttpSection
from voipbin_sip.transport.address import ListenAddress, parse_listen_address
from voipbin_sip.transport.endpoint import Endpoint

if TYPE_CHECKING:
    from voipbin_sip.platform.platform import Platform
    from voipbin_sip.transport.certificate import Certificates


async def open_sip(endpoint: Endpoint, listen: Sequence[str]) -> list[ListenAddress]:
    """Take SIP at these addresses; returns those that were bound. Raises StartError."""
    try:
        return await endpoint.listen([parse_listen_address(text) for text in listen])
    except OSError as error:
        raise StartError(
            f"cannot listen on {error.filename}: {error.strerror}; "
            "end the program that uses it (voipbin-sip doctor names it) or change sip.listen"
        ) from error


def refuse_open_api(http: HttpSection, platform: Platform) -> None:
    """Raise StartError where others could reach the API before anybody has a key."""
    if not http.only_here and platform.loaded and not platform.has_credentials():
        raise StartError(
            f"http.listen opens the API to others at {http.listen}, and there is no access key yet; make one: "
            "voipbin-sip accesskey create NAME --config FILE"
        )


def open_api(http: HttpSection, platform: Platform) -> str:
    """Let clients of the API connect; returns its address. Raises StartError."""
    try:
        return http.base_url(platform.open(*http.address))
    except OSError as error:
        raise StartError(
            f"cannot listen on {http.listen}: {error.strerror}; "
            "end the program that uses it (voipbin-sip doctor names it) or change http.listen"
        ) from error


async def answer_api(http: HttpSection, platform: Platform, certificates: Certificates | None) -> None:
    """Serve the API. Calls are taken before, and go on should it fail."""
    try:
        await platform.answer(certificates=certificates, origins=http.origins)
    except Exception:
        structlog.get_logger("server").exception("the API cannot be served")
    gc.freeze()  # what serves HTTP stays too: the collector would walk over it while calls come in
