"""Shell blocks and consoles: cut into commands, and what was printed compared with what a page shows."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

STARTS_SERVER = re.compile(r"^(?:\.venv/bin/)?(?:voipbin-sip serve\b|make run\b)")
ASKS_SERVER = re.compile(
    r"\b127\.0\.0\.1:8080\b|\$\{?API\b|environ\[\"API\"\]|voipbin-sip (?:reload|calls|call)\b"
)
ASKS_FOR_CALL = re.compile(r"voipbin-sip (?:calls|call)\b|\"progressing\"")
ASKS_FOR_KEY = re.compile(r"\$\{?KEY\b|environ\[\"KEY\"\]")
_PROGRAM = re.compile(r"(?:^|[|;&]|\$\()\s*(curl|jq|openssl|sqlite3)\b", re.MULTILINE)
_DIGIT = re.compile(r"\d")


def missing(text: str) -> list[str]:
    """Return the programs that a text runs and this machine does not have; scripts/phones.sh brings them."""
    return [name for name in dict.fromkeys(_PROGRAM.findall(text)) if shutil.which(name) is None]


def parts(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the stretches of a shell block: True and the line that starts a server, False and anything else."""
    stretch: list[str] = []
    for line in text.splitlines():
        if STARTS_SERVER.match(line):
            if stretch:
                yield False, "\n".join(stretch)
            yield True, line.partition(" #")[0].strip()
            stretch = []
        else:
            stretch.append(line)
    if any(line.strip() for line in stretch):
        yield False, "\n".join(stretch)


def console(text: str) -> list[tuple[str, str]]:
    """Return the commands of a console with what each prints; `> ` goes on with a command."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
            continue
        assert found, f"a console begins with `$ `, not with {line!r}"
        command, output = found[-1]
        if line.startswith("> ") and not output:
            found[-1] = (f"{command}\n{line[2:]}", "")
        else:
            found[-1] = (command, f"{output}{line}\n")
    return found


def difference(shown: str, printed: str) -> str:
    """Return "" where what was printed is what a page shows, else the first line of the page that is missing.

    Blanks count as one; a word with digits stands for any such word, `…` for anything, a line `…` for any lines.
    """
    left = [_words(line) for line in printed.splitlines() if line.strip()]
    any_lines = False
    for line in (line for line in shown.splitlines() if line.strip()):
        if line.strip() == "…":
            any_lines = True
            continue
        pattern = _pattern(line)
        while left and any_lines and not pattern.fullmatch(left[0]):
            del left[0]
        if not left or not pattern.fullmatch(left[0]):
            return line
        del left[0]
        any_lines = False
    return "" if any_lines or not left else f"(nothing more, but it goes on: {left[0]})"


def _words(line: str) -> str:
    return " ".join(line.split())


def _pattern(line: str) -> re.Pattern[str]:
    words = []
    for word in line.split():
        stretches = [re.escape(stretch) for stretch in word.split("…")]
        words.append(r"(?=\S*\d)\S+" if _DIGIT.search(word) and "…" not in word else ".*".join(stretches))
    return re.compile(" ".join(words))
