"""Listen addresses (`udp://0.0.0.0:5060`) and the local address that a wildcard socket shows to a peer."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

TRANSPORTS = ("udp", "tcp", "tls")


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """One SIP socket to open."""

    transport: str  # "udp", "tcp" or "tls"
    host: str  # an IPv4 or IPv6 address without brackets
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        """AF_INET or AF_INET6."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    @property
    def is_wildcard(self) -> bool:
        """Whether packets may arrive for any address of this machine."""
        return ipaddress.ip_address(self.host).is_unspecified

    def takes(self, transport: str, local: tuple[str, int]) -> bool:
        """Whether this is the socket for a transport (as in Via) and a concrete address and port of ours."""
        if self.transport.upper() != transport or self.port != local[1]:
            return False
        return self.host == local[0] or (self.is_wildcard and (":" in self.host) == (":" in local[0]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}://{host}:{self.port}"


def parse_listen_address(text: str) -> ListenAddress:
    """Read `transport://address:port`.

    Raises:
        ValueError: with a sentence that says what is expected.
    """
    if text.partition("://")[0] not in TRANSPORTS:
        raise ValueError(f"{text!r} must begin with udp://, tcp:// or tls://")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        ipaddress.ip_address(host)
    except ValueError as error:
        raise ValueError(f"{text!r} must name an IP address and a port, like udp://0.0.0.0:5060") from error
    if port is None:
        port = 5061 if parts.scheme == "tls" else 5060  # RFC 3261 section 19.1.2
    if parts.path or parts.query or parts.username:
        raise ValueError(f"{text!r} has more than transport, address and port")
    return ListenAddress(parts.scheme, host, port)


def local_address_towards(remote: str, port: int = 9) -> str:
    """Return the address of this machine that the kernel would use to reach `remote`; sends nothing."""
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote, port))
            return str(probe.getsockname()[0])
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"


def is_local(host: str) -> bool:
    """Return whether an address is one of this machine's; sends nothing."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
        return True
