"""What a server talks to beside phones, and what is wrong with each: made for faults to be found."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

REFUSAL = "550 5.7.1 relaying denied"


class _Strict:
    async def handle_MAIL(  # noqa: N802 - named by the library
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        return REFUSAL


@asynccontextmanager
async def strict_mail_server() -> AsyncIterator[int]:
    """Serve a mail server that takes mails of nobody; yields its port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(_Strict(), loop=loop), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Put a small file system there; skips where none may be mounted."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(folder: Path) -> None:
    """Leave no room on a disk."""
    found = os.statvfs(folder)
    with (folder / "filler").open("wb") as file:
        try:
            file.write(bytes(found.f_bavail * found.f_frsize))
            file.write(bytes(65_536))
        except OSError:
            pass  # as it shall be
