"""Kamailio as tests use it: a Record-Routing proxy in front of the server, or a carrier that we are a customer of."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.phones import ports
from tests.phones.child import Child

TEMPLATE = Path(__file__).parent / "templates" / "kamailio.cfg"
REALM = "carrier.test"
PASSWORD = "opensesame"
_REQUEST = re.compile(
    r"REQUEST (\S+) (\S+) from (\d+) route (.*?) to (.*?) call (\S+) contact (.*?) expires (\S*)$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that passed."""

    method: str
    uri: str
    port: int  # that it came from
    route: str  # first Route header; "<null>" for none
    to: str
    call_id: str
    contact: str
    expires: str


class Kamailio:
    """A running Kamailio on the loopback address; made by `kamailio`."""

    def __init__(self, child: Child, host: str, port: int) -> None:
        self.child = child
        self.host = host
        self.port = port
        self.address = f"{host}:{port}"

    def seen(self, method: str = "", port: int = 0) -> list[Seen]:
        """Return the requests so far, of one method or from one port if wanted."""
        found = [
            Seen(verb, uri, int(source), route, to, call_id, contact, expires)
            for verb, uri, source, route, to, call_id, contact, expires in _REQUEST.findall(self.child.output)
        ]
        return [
            item
            for item in found
            if (not method or item.method == method) and (not port or item.port == port)
        ]

    def kill(self) -> None:
        """End it at once, with all its processes."""
        self.child.kill()


@asynccontextmanager
async def kamailio(
    folder: Path,
    *,
    role: str,
    host: str = "127.0.0.1",
    port: int = 0,
    server_port: int = 0,
    transport: str = "udp",
    account: str = "",
    dids: str = "@",
    refuses: str = "",
    expires: tuple[int, int] = (1, 3600),
) -> AsyncIterator[Kamailio]:
    """Start a "PROXY" in front of `server_port`, or a "CARRIER", at a loopback address.

    A carrier registers everybody who knows PASSWORD, for `expires` (least, most) seconds; numbers that begin with
    `dids` (a regular expression) go to the registered Contact of `account`, others to the phone registered under
    them; `refuses`: the status that every INVITE gets.
    """
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - a moment
    port = port or ports.free()
    names = {
        "ROLE": role,
        "HOST": host,
        "PORT": port,
        "MODULES": f"{modules()}/",
        "REALM": REALM,
        "PASSWORD": PASSWORD,
        "SERVER_PORT": server_port,
        "TRANSPORT": transport,
        "ACCOUNT": account,
        "DIDS": dids,
        "REFUSES": refuses,
        "MIN_EXPIRES": expires[0],
        "MAX_EXPIRES": expires[1],
    }
    text = TEMPLATE.read_text()
    for name, value in names.items():
        text = text.replace(f"@{name}@", str(value))
    path = folder / f"kamailio-{port}.cfg"
    path.write_text(text)
    argv = [
        "kamailio",
        "-f",
        str(path),
        "-DD",
        "-E",
        "-m",
        "16",
        "-M",
        "4",
        "-w",
        str(folder),
        "-Y",
        str(folder),
    ]
    async with Child(argv, folder=folder) as child:
        await _answers(host, port)
        yield Kamailio(child, host, port)


def modules() -> Path:
    """Return the folder of Kamailio's modules."""
    return next(Path("/usr/lib").glob("**/kamailio/modules/tm.so")).parent


async def _answers(host: str, port: int) -> None:
    """Wait until it answers an OPTIONS; TimeoutError if it does not within ten seconds."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        own = sock.getsockname()[1]
        request = (
            f"OPTIONS sip:{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bKready\r\n"
            f"From: <sip:test@127.0.0.1>;tag=1\r\nTo: <sip:{host}>\r\nCall-ID: ready\r\nCSeq: 1 OPTIONS\r\n"
            "Max-Forwards: 5\r\nContent-Length: 0\r\n\r\n"
        )
        async with asyncio.timeout(10.0):
            while True:
                await loop.sock_sendto(sock, request.encode(), (host, port))
                try:
                    async with asyncio.timeout(0.1):
                        await loop.sock_recv(sock, 4096)
                    return
                except TimeoutError:
                    continue
