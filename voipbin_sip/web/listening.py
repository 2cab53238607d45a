"""A socket that takes connections, before there is anybody to answer them."""

from __future__ import annotations

import socket

BACKLOG = 512


def open_socket(host: str, port: int) -> socket.socket:
    """Return a TCP socket that listens; connections wait until somebody accepts them. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.create_server((host, port), family=family, backlog=BACKLOG)
    opened.setblocking(False)
    return opened
