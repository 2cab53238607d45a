"""The kinds of values in the directory: numbers, user parts, networks, hosts with ports, header names, codecs."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from voipbin_sip.sip.offer_answer import CODECS
from voipbin_sip.sip.params import is_token
from voipbin_sip.values import E164, host_and_port, network

# What the server itself writes into an INVITE, or what decides who pays and who is shown.
RESERVED_HEADERS = re.compile(
    r"accept|alert-info|allow|(proxy-)?authorization|call-id|call-info|contact|content-\w+|cseq|date|diversion|"
    r"expires|from|identity|history-info|max-forwards|min-se|p-(asserted|preferred)-identity|privacy|"
    r"(proxy-)?require|rack|reason|(record-)?route|referred-by|remote-party-id|replaces|rseq|session-expires|"
    r"supported|timestamp|to|user-agent|vb.*|via|[a-z]",  # and the compact forms
    re.IGNORECASE,
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DIALLED = re.compile(r"[0-9A-Za-z*#+.;=_-]*")


class Entry(BaseModel):
    """Base of everything in the directory: unknown keys are errors, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _number(text: str) -> str:
    bare = text.removeprefix("+")
    if not bare or not all(char in "0123456789*#" for char in bare) or len(bare) > 32:
        raise ValueError("must be digits, * and #, with a leading + for E.164")
    if text.startswith("+"):
        _e164(text)
    return text


def _e164(text: str) -> str:
    if not E164.fullmatch(text):
        raise ValueError("an E.164 number has 7 to 15 digits after the + and does not begin with 0")
    return text


def _user(text: str) -> str:
    if not all(char.isalnum() or char in "-_." for char in text):
        raise ValueError("may hold letters, digits, dot, dash and underscore")
    return text


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise ValueError("must be one label of a domain name: lower case letters, digits and dashes")
    return text


def _host_port(text: str) -> str:
    host_and_port(text)
    return text


def _host(text: str) -> str:
    if host_and_port(text)[1] is not None:
        raise ValueError("must be a host without a port (RFC 3261 section 19.1.1)")
    return text


def _dialled(text: str) -> str:
    if not _DIALLED.fullmatch(text) or len(text) > 64:
        raise ValueError("may hold letters, digits and * # + . ; = _ -, at most 64 of them")
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"\+?[0-9*#]{0,20}", text):
        raise ValueError("must be the beginning of a number, like +49, 00 or 0")
    return text


def _target(text: str) -> str:
    if text != "all" and not re.fullmatch(r"\+[0-9]{0,15}", text):
        raise ValueError("must be all, or the beginning of a number like +49")
    return text


def _header_name(text: str) -> str:
    if not is_token(text):
        raise ValueError(f"'{text[:40]}' is not a header name")
    if RESERVED_HEADERS.fullmatch(text):
        raise ValueError(f"the header {text} is written by the server itself")
    return text


def _header_value(text: str) -> str:
    if _CONTROL.search(text) or len(text) > 1000:
        raise ValueError("must be one line without control characters")
    return text


def _codec(text: str) -> str:
    name = text.strip().upper()
    if name not in CODECS:
        raise ValueError(f"there is no codec '{text[:20]}', only {', '.join(CODECS)}")
    return name


def _listed(value: object) -> object:
    """Take VoIPBIN's comma list for a list."""
    return [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Number = Annotated[str, AfterValidator(_number)]
OptionalE164 = Annotated[str, AfterValidator(lambda text: text and _e164(text))]
Name = Annotated[str, AfterValidator(_user), Field(min_length=1, max_length=64)]
Label = Annotated[str, AfterValidator(_label)]
Network = Annotated[str, AfterValidator(network)]
HostPort = Annotated[str, AfterValidator(_host_port)]
OptionalHost = Annotated[str, AfterValidator(lambda text: text and _host(text))]
Dialled = Annotated[str, AfterValidator(_dialled)]
Prefix = Annotated[str, AfterValidator(_prefix)]
RouteTarget = Annotated[str, AfterValidator(_target)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
Codecs = Annotated[tuple[Annotated[str, AfterValidator(_codec)], ...], BeforeValidator(_listed)]
Password = Annotated[str, Field(min_length=1)]
