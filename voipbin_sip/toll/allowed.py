"""Where calls may go: `outbound.allow` and `outbound.countries`.

An entry of `allow` that begins with + is a prefix of numbers, every other one is a SIP host. Numbers that cost more
than others are not opened by the prefix of a whole country, only by one that reaches three digits into the number.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Sequence

import phonenumbers

from voipbin_sip.calls.call import Address
from voipbin_sip.masking import masked
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.uri import Uri, parse_uri
from voipbin_sip.toll.numbers import Number, read_number
from voipbin_sip.toll.refused import Refused
from voipbin_sip.values import E164

_PREFIX = re.compile(r"\+(?:[1-9]\d{0,14})?")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[\w.-]*\w)?\.?)(?::(\d{1,5}))?", re.ASCII)
_TELEPHONE_DIGITS = 5  # of a user part without letters: shorter ones are extensions of somebody's PBX
ALLOW, COUNTRIES = "outbound.allow", "outbound.countries"  # keys of the configuration
_OTHER_NAMES = {"UK": "GB", "EL": "GR"}


def read_entry(text: str) -> str | tuple[str, int]:
    """Return a prefix, or a host with its port (0 = any). Raises ValueError."""
    if text.startswith("+"):
        if not _PREFIX.fullmatch(text):
            raise ValueError(f"{text!r} is no beginning of an international number, like +49 or +4930")
        return text
    if text.isdigit():
        raise ValueError(f"{text!r} is no host; a beginning of numbers is written with a plus: '+{text}'")
    try:
        return _host(str(ipaddress.IPv6Address(text))), 0
    except ValueError:
        pass
    match = _HOST.fullmatch(text.removeprefix("sip:"))
    if match is None or int(match[2] or 0) > 65_535:
        raise ValueError(f"{text!r} is no host like sip.example.com or sip.example.com:5080, and no prefix")
    return _host(match[1]), int(match[2] or 0)


def read_country(text: str) -> str:
    """Return a country's code in capitals. Raises ValueError."""
    code = text.upper()
    if code not in phonenumbers.SUPPORTED_REGIONS:
        guess = (
            f"; did you mean {_OTHER_NAMES[code]}?" if code in _OTHER_NAMES else ", which are like DE or US"
        )
        raise ValueError(f"{text!r} is no country code of ISO 3166{guess}")
    return code


class Allowed:
    """What may be called at all.

    Args:
        allow: entries that `read_entry` understands.
        countries: ISO 3166 codes in capitals; empty = numbers of every country.
        among: gives the countries, of those, that may be called now; None = all.
    """

    def __init__(
        self,
        allow: Sequence[str],
        countries: Collection[str] = (),
        among: Callable[[], Collection[str] | None] = lambda: None,
    ) -> None:
        entries = [read_entry(text) for text in allow]
        self._prefixes = tuple(entry for entry in entries if isinstance(entry, str))
        self._hosts = frozenset(entry for entry in entries if isinstance(entry, tuple))
        self._countries = frozenset(countries)
        self._among = among

    def check(self, destination: Address) -> None:
        """Return if an address outside may be called. Raises Refused."""
        self.entry(destination)

    def entry(self, destination: Address) -> str | tuple[str, int]:
        """Return the entry by which an address outside may be called, as `read_entry` does. Raises Refused."""
        if destination.type == "tel":
            return self._by_prefix(destination.target)
        if destination.type == "sip":
            return self._by_host(destination.target)
        raise Refused(f"a call to an address of type {destination.type} cannot leave the server", "failed")

    def _by_prefix(self, text: str) -> str:
        if not E164.fullmatch(text):
            raise Refused(f"{masked(text)} is no number in international form, like +49301234567", "failed")
        if not text.startswith(self._prefixes):
            raise Refused(f"outbound.allow names no beginning of {masked(text)}", rule=ALLOW)
        number = read_number(text)
        if number is None:
            raise Refused(f"no country has a number like {masked(text)}", "failed")
        self._check_kind(number)
        self._check_country(number)
        return max((prefix for prefix in self._prefixes if text.startswith(prefix)), key=len)

    def _by_host(self, text: str) -> tuple[str, int]:
        try:
            uri = _sip_uri(text)
        except RemoteProtocolError as error:
            raise Refused(f"{masked(text)} is no SIP address", "failed") from error
        hosts = [uri.host]
        if (elsewhere := uri.param("maddr")) is not None:  # where the request really goes
            hosts.append(elsewhere)
        for host in hosts:
            if not self._names(host, _port(uri)):
                raise Refused(f"outbound.allow does not name {host}", rule=ALLOW)
        number = read_number(uri.number or "")
        if number is not None:
            self._check_kind(number)
            self._check_country(number)
        host = _host(hosts[-1])
        return (host, 0) if (host, 0) in self._hosts else (host, _port(uri))

    def _names(self, host: str, port: int) -> bool:
        host = _host(host)
        return (host, 0) in self._hosts or (host, port) in self._hosts

    def _check_kind(self, number: Number) -> None:
        if not number.special:
            return
        if not any(
            number.text.startswith(prefix) and len(prefix) >= len(number.opener) for prefix in self._prefixes
        ):
            raise Refused(
                f"{masked(number.text)} is {number.special}, which outbound.allow would have to name: "
                f"'{number.opener}'",
                rule=ALLOW,
            )

    def _check_country(self, number: Number) -> None:
        among = self._among()
        if among is not None and number.region not in among:
            where = (
                f"the country {number.region}" if number.region else f"of {masked(number.text)} the country"
            )
            raise Refused(
                f"{where} is not in destination_whitelist of the outbound config", rule="outbound_config"
            )
        if not self._countries or number.region in self._countries:
            return
        if number.region:
            raise Refused(f"the country {number.region} is not in outbound.countries", rule=COUNTRIES)
        if not number.special:
            why = f"the country of {masked(number.text)} cannot be told, see outbound.countries"
            raise Refused(why, rule=COUNTRIES)


def is_telephone(destination: Address) -> bool:
    """Whether a call goes to the telephone network: to a number, also one that is dialled at a SIP host."""
    if destination.type != "sip":
        return True
    try:
        user = _sip_uri(destination.target).user or ""
    except RemoteProtocolError:
        return True
    return sum(char.isdigit() for char in user) >= _TELEPHONE_DIGITS and not any(map(str.isalpha, user))


def _sip_uri(text: str) -> Uri:
    return parse_uri(text if text.lower().startswith(("sip:", "sips:")) else f"sip:{text}")


def _host(text: str) -> str:
    """Return a host in the one form in which hosts are compared."""
    bare = text.strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return bare


def _port(uri: Uri) -> int:
    if uri.port is not None:
        return uri.port
    return 5061 if uri.scheme == "sips" or (uri.param("transport") or "").lower() == "tls" else 5060
