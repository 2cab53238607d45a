"""Which process has a port: the kernel's tables of sockets, and the open files of processes (Linux, proc(5))."""

from __future__ import annotations

import ipaddress
import os
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_TCP_LISTEN = "0A"


@dataclass(frozen=True, slots=True)
class Socket:
    """A socket that takes packets or connections."""

    kind: str  # "udp" or "tcp"
    host: str
    port: int
    inode: int


@dataclass(frozen=True, slots=True)
class Owner:
    """A process."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def sockets(proc: Path = PROC) -> list[Socket]:
    """Return the UDP sockets and the listening TCP sockets of this machine; none where there is no /proc."""
    found: list[Socket] = []
    for kind in ("udp", "udp6", "tcp", "tcp6"):
        try:
            lines = (proc / "net" / kind).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if kind.startswith("tcp") and words[3] != _TCP_LISTEN:
                continue
            host, _, port = words[1].partition(":")
            found.append(Socket(kind[:3], _address(host), int(port, 16), int(words[9])))
    return found


def owners(inodes: Collection[int], proc: Path = PROC) -> dict[int, Owner]:
    """Return the processes of sockets, by inode, as far as this user may see them."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[int, Owner] = {}
    for folder in proc.glob("[0-9]*") if wanted else ():
        for target in _open_files(folder):
            inode = wanted.get(target)
            if inode is not None and inode not in found:
                found[inode] = Owner(int(folder.name), _name(folder))
        if len(found) == len(wanted):
            break
    return found


def taking(
    kind: str, host: str, ports: Collection[int], among: Iterable[Socket], *, v6: bool | None = None
) -> list[Socket]:
    """Return the sockets that stand in the way of binding ports of an address."""
    wants_all = ipaddress.ip_address(host).is_unspecified
    six = ":" in host if v6 is None else v6
    return [
        one
        for one in among
        if one.kind == kind
        and one.port in ports
        and (
            (":" in one.host) == six
            and (wants_all or one.host == host or ipaddress.ip_address(one.host).is_unspecified)
        )
    ]


def family(pid: int, proc: Path = PROC) -> frozenset[int]:
    """Return a process and all that it has started."""
    found = {pid}
    for task in (proc / str(pid) / "task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue  # it ended meanwhile
        for child in children:
            found |= family(int(child), proc)
    return frozenset(found)


def started(pid: int, proc: Path = PROC) -> float | None:
    """Return when a process began, in seconds since the machine did; None for one that has ended."""
    try:
        words = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(words[19]) / os.sysconf("SC_CLK_TCK")  # field 22; the name before it may hold blanks


def words_of(pid: int, proc: Path = PROC) -> list[str]:
    """Return the words of a process' command line, none for one that has ended."""
    try:
        return (proc / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _open_files(folder: Path) -> Iterator[str]:
    try:
        for entry in os.scandir(folder / "fd"):
            try:
                yield os.readlink(entry.path)  # noqa: PTH115 - of a Path it would take twice as long
            except OSError:
                continue
    except OSError:
        return  # it ended, or belongs to another user


def _name(folder: Path) -> str:
    try:
        return (folder / "comm").read_text().strip()
    except OSError:
        return "a process that has ended"


def _address(text: str) -> str:
    """Return an address of the kernel's tables: words of 32 bits in the machine's order."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words)))
