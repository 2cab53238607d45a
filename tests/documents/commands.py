"""Commands that stand in sentences (`voipbin-sip flow graph FILE`): found, and made such as can be run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import cache

from tests.documents.excused import is_excused
from tests.documents.pages import PAGES, blocks, sentences

PROGRAMS = frozenset(
    {
        "voipbin-sip",
        ".venv/bin/voipbin-sip",
        "make",
        "bench/run.sh",
        "python",
        "python3",
        "pip",
        "curl",
        "kill",
        "sudo",
    }
    | {
        "apt",
        "apt-get",
        "systemctl",
        "journalctl",
        "docker",
        "tmux",
        "sqlite3",
        "psql",
        "openssl",
        "sngrep",
        "sipsak",
    }
)
PROGRAM_ONLY = frozenset({"bench/run.sh", "kill", "make", "python"})  # as a word by itself it is only a name
GENERATED = ("docs/map.md", "docs/reference/")  # of docstrings and help, by scripts/documents.py

# What words in capitals stand for, by what stands before them.
FILLED = {
    ("--config", "FILE"): "config/voipbin.yaml",
    ("--pcap", "FILE"): "call.pcap",
    ("check", "FILE"): "config/flows/reception.yaml",
    ("simulate", "FILE"): "config/flows/reception.yaml",
    ("graph", "FILE"): "config/flows/reception.yaml",
    ("test", "DIR"): "config/scenarios",
    ("create", "NAME"): "shop",
    ("delete", "NAME"): "shop",
    ("call", "ID"): "last",
    ("--to", "NUMBER"): "100",
    ("--from", "NUMBER"): "1000",
}
WITH_A_SERVER = ("sqlite3",)  # wants the files of one that runs
GROUPS = frozenset({"voipbin-sip accesskey", "voipbin-sip flow", "voipbin-sip"})


def commands(page: str) -> Iterator[str]:
    """Yield the commands in the sentences of a page that none of its blocks has."""
    if page.startswith(GENERATED):
        return
    shown = "\n".join(block.text for block in blocks(page))
    for text in dict.fromkeys(sentences(page)):
        program, _, rest = text.partition(" ")
        if program in PROGRAMS and (rest or program not in PROGRAM_ONLY) and text not in shown:
            yield text


@cache
def everywhere() -> dict[str, list[str]]:
    """Return each command that may be run with the pages that have it."""
    found: dict[str, list[str]] = {}
    for page in PAGES:
        for text in commands(page):
            if not is_excused(page, text):
                found.setdefault(text, []).append(page)
    return found


def of_page(page: str) -> list[str]:
    """Return the commands that no other page has: they may be about what the page has set up."""
    return [text for text in commands(page) if text in everywhere() and text not in of_all()]


def of_all() -> list[str]:
    """Return the others."""
    return [
        text
        for text, pages in everywhere().items()
        if len(pages) > 1 or not blocks(pages[0]) or text.startswith(WITH_A_SERVER)
    ]


def runnable(text: str) -> str:
    """Return a command with its words in capitals filled in; a group of commands shows its help."""
    if text in GROUPS:
        return f"{text} --help"
    words = shlex.split(text)
    for position, word in enumerate(words):
        if word.isupper() and word.isalpha():
            before = words[position - 1]
            assert (before, word) in FILLED, (
                f"`{text}`: what is {word}? See FILLED in tests/documents/commands.py"
            )
            words[position] = FILLED[before, word]
    return shlex.join(words)
