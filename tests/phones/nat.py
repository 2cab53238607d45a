"""An Internet of the tests' own: hosts, and routers with NAT and hosts behind them, in Linux network namespaces.

Nothing in it is reachable from the machine or from outside, and nothing in it reaches out. It needs root, `ip` and
`nft`. Programs run inside by `Host.command`, sockets of the test itself by `Host.udp`.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_PREFIX = "vbnat"  # namespaces: vbnat-PID-NAME
_CLONE_NEWNET = 0x4000_0000
_libc = ctypes.CDLL(None, use_errno=True)


class NoNetworks(Exception):  # noqa: N818 - reads as what is missing
    """This machine lets us make no networks; the message says why."""


@dataclass(frozen=True, slots=True)
class Host:
    """One machine: a namespace with one address."""

    namespace: str
    address: str

    def command(self) -> list[str]:
        """Return the words to put before a command so that it runs here, in the same process."""
        return ["ip", "netns", "exec", self.namespace]

    def udp(self, port: int = 0) -> socket.socket:
        """Open a UDP socket of this machine in our process, non-blocking."""
        with _inside(self.namespace):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind((self.address, port))
        return sock


@dataclass(frozen=True, slots=True)
class Router:
    """A router with a public address; everyone behind it shows that one."""

    net: Internet
    namespace: str
    address: str
    lan: str  # the first three numbers of the private addresses

    def host(self, name: str, number: int) -> Host:
        """Add a machine behind the router, at the private address that ends in `number`."""
        host = Host(self.net.namespace(name), f"{self.lan}.{number}")
        port = f"lan{number}"
        _run("ip", "link", "add", "name", "eth0", "netns", host.namespace, *_peer(port, self.namespace))
        _run("ip", "-n", self.namespace, "link", "set", "dev", port, "master", "lan", "up")
        _bring_up(host, f"{self.lan}.1")
        return host

    def forward(self, host: Host, ports: str) -> None:
        """Hand UDP that arrives for these ports of the public address (`5060` or `5060, 10000-20000`) to a host."""
        rule = f"ip daddr {self.address} udp dport {{ {ports} }} dnat to {host.address}"
        _nft(self.namespace, f"add rule ip nat incoming {rule}")


@dataclass
class Internet:
    """A network that all public hosts and routers are on; made by `internet`."""

    _namespaces: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._own = self.namespace("net")
        _run("ip", "-n", self._own, "link", "add", "name", "net", "type", "bridge")
        _run("ip", "-n", self._own, "link", "set", "dev", "net", "up")

    def namespace(self, name: str) -> str:
        """Make a namespace."""
        full = f"{_PREFIX}-{os.getpid()}-{name}"
        _run("ip", "netns", "add", full)
        self._namespaces.append(full)
        _run("ip", "-n", full, "link", "set", "dev", "lo", "up")
        return full

    def host(self, name: str, address: str) -> Host:
        """Add a machine with a public address."""
        host = Host(self.namespace(name), address)
        self._plug(host.namespace, "eth0", name)
        _bring_up(host)
        return host

    def router(
        self, name: str, address: str, lan: str = "10.0.0", *, forgets: int = 30, symmetric: bool = False
    ) -> Router:
        """Add a router whose NAT forgets a way that nobody has used for so many seconds.

        `symmetric`: each destination of a socket behind it sees another port, else the port stays if it is free.
        What comes from outside gets in only from where something was sent to.
        """
        space = self.namespace(name)
        self._plug(space, "wan", name)
        _run("ip", "-n", space, "addr", "add", f"{address}/24", "dev", "wan")
        _run("ip", "-n", space, "link", "set", "dev", "wan", "up")
        _run("ip", "-n", space, "link", "add", "name", "lan", "type", "bridge")
        _run("ip", "-n", space, "addr", "add", f"{lan}.1/24", "dev", "lan")
        _run("ip", "-n", space, "link", "set", "dev", "lan", "up")
        _nft(
            space,
            f"""
            table ip nat {{
                chain incoming {{ type nat hook prerouting priority -100; }}
                chain outgoing {{
                    type nat hook postrouting priority 100;
                    oifname "wan" masquerade {"fully-random" if symmetric else ""};
                }}
            }}
            table ip filter {{
                chain forward {{
                    type filter hook forward priority 0; policy drop;
                    ct state established,related accept;
                    ct status dnat accept;
                    iifname "lan" accept;
                }}
            }}""",
        )
        settings = [f"net.netfilter.nf_conntrack_udp_timeout{way}={forgets}" for way in ("", "_stream")]
        _run("ip", "netns", "exec", space, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1", *settings)
        return Router(self, space, address, lan)

    def close(self) -> None:
        """Remove everything."""
        for name in reversed(self._namespaces):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def _plug(self, namespace: str, interface: str, name: str) -> None:
        _run("ip", "link", "add", "name", interface, "netns", namespace, *_peer(name, self._own))
        _run("ip", "-n", self._own, "link", "set", "dev", name, "master", "net", "up")


@contextmanager
def internet() -> Iterator[Internet]:
    """Make an Internet, and remove it whatever happens. Raises NoNetworks."""
    if os.geteuid() != 0:
        raise NoNetworks("networks of the tests' own need root")
    for program in ("ip", "nft", "sysctl"):
        if shutil.which(program) is None:
            raise NoNetworks(f"networks of the tests' own need {program}; scripts/phones.sh installs it")
    _sweep()
    net: Internet | None = None
    try:
        net = Internet()
        net.router("trial", "203.0.113.250", "10.9.9")
    except OSError as error:
        if net is not None:
            net.close()
        raise NoNetworks(f"this machine allows no networks of the tests' own: {error}") from error
    try:
        yield net
    finally:
        net.close()


def _sweep() -> None:
    """Remove what test runs have left that were killed."""
    for path in Path("/run/netns").glob(f"{_PREFIX}-*"):
        pid = path.name.split("-")[1]
        if not Path(f"/proc/{pid}").exists():
            subprocess.run(["ip", "netns", "del", path.name], check=False, capture_output=True)


def _bring_up(host: Host, gateway: str = "") -> None:
    _run("ip", "-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
    _run("ip", "-n", host.namespace, "link", "set", "dev", "eth0", "up")
    way = ["via", gateway] if gateway else ["dev", "eth0"]
    _run("ip", "-n", host.namespace, "route", "add", "default", *way)


def _peer(name: str, namespace: str) -> list[str]:
    return ["type", "veth", "peer", "name", name, "netns", namespace]


def _nft(namespace: str, rules: str) -> None:
    _run("ip", "netns", "exec", namespace, "nft", "-f", "-", text=rules)


def _run(*words: str, text: str = "") -> None:
    """Run a command; OSError with its complaint if it fails."""
    done = subprocess.run(words, input=text, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")


@contextmanager
def _inside(namespace: str) -> Iterator[None]:
    """Let this thread make sockets of another namespace."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(here)
    finally:
        os.close(here)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
