"""How-to pages followed by hand: their files, as a reader pastes them, on a server with the shipped configuration.

Only what a test cannot have is changed: hosts and ports, passwords, and times that would be waited for.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.documents import config_files
from tests.documents.pages import ROOT, blocks
from tests.phones import ports
from tests.phones.desks import PASSWORD
from tests.phones.server import MEDIA_PORTS, Server
from voipbin_sip.loading import load


@contextmanager
def following(
    page: str,
    folder: Path,
    *,
    instead: Mapping[str, str] | None = None,
    directory: Mapping[str, object] | None = None,
    **keys: object,
) -> Iterator[Server]:
    """Run a server for somebody who has pasted all files of docs/howto/PAGE.md; every extension has PASSWORD.

    `instead` gives other words for those of the page, which must stand there. `directory` and `keys` are laid over
    directory.yaml and voipbin.yaml.
    """
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    for block in blocks(f"docs/howto/{page}.md"):
        if block.language == "yaml":
            config_files.put(block, replaced(block.text, instead or {}), config)
    _check_used(page, instead or {})
    config_files.merge(config / "directory.yaml", dict(directory or {}))
    path, port = config / "voipbin.yaml", ports.free()
    first = ports.free_block(MEDIA_PORTS)
    here = {
        "sip": {"listen": [f"udp://127.0.0.1:{port}", f"tcp://127.0.0.1:{port}"]},
        "media": {"ports": f"{first}-{first + MEDIA_PORTS - 1}", "workers": 1},
        "http": {"listen": f"127.0.0.1:{ports.free()}"},
        "drain_seconds": 3,
    }
    config_files.merge(path, here)
    config_files.merge(path, keys)
    _give_passwords(config)
    server = Server(path, port)
    try:
        server.start()
        yield server
        assert "Traceback" not in server.log.read_text(errors="replace"), server.tail()
    finally:
        server.kill()
        print(f"--- server\n{server.tail()}")  # pytest shows it for a failed test


def replaced(text: str, instead: Mapping[str, str]) -> str:
    """Return a text with other words."""
    for words, others in instead.items():
        text = text.replace(words, others)
    return text


def program(page: str) -> str:
    """Return the Python program of a page; there is one."""
    (found,) = [block for block in blocks(f"docs/howto/{page}.md") if block.language == "python"]
    return found.text


def _check_used(page: str, instead: Mapping[str, str]) -> None:
    text = "".join(block.text for block in blocks(f"docs/howto/{page}.md"))
    missing = [words for words in instead if words not in text]
    assert not missing, f"docs/howto/{page}.md does not say {missing}"


def _give_passwords(config: Path) -> None:
    loaded, findings = load(config / "voipbin.yaml")
    assert loaded is not None, findings
    names = [entry.extension for entry in loaded.directory.extensions]
    entries = [{"extension": name, "password": PASSWORD} for name in names]
    config_files.merge(config / "directory.yaml", {"extensions": entries})
