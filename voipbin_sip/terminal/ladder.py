"""The SIP messages of a call as a ladder: a column for each address, an arrow for each message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from voipbin_sip.terminal.story import Message
from voipbin_sip.terminal.words import offset

SERVER = "this server"
AGAIN = "again:"  # in front of what was sent before
WIDEST = 40  # characters between two columns
NARROWEST = 16  # characters between two columns; with less, the messages are listed
_TIME = 11  # characters in front of the columns
_CSEQ = re.compile(r"^cseq[ \t]*:[ \t]*\d+[ \t]+(\w+)", re.IGNORECASE | re.MULTILINE)
_SDP = re.compile(r"^(?:content-type|c)[ \t]*:[ \t]*application/sdp", re.IGNORECASE | re.MULTILINE)


def label(message: Message) -> str:
    """Return what a message is: "INVITE", "180 Ringing", "200 OK (BYE)", with "again:" and "+ SDP"."""
    start, _, _ = message.text.partition("\n")
    words = start.strip().split(" ", 2)
    if words[0].startswith("SIP/"):
        name = " ".join(words[1:])
        method = _CSEQ.search(message.text)
        if method is not None and method[1].upper() != "INVITE":
            name += f" ({method[1].upper()})"
    else:
        name = words[0]
    if _SDP.search(message.text):
        name += " + SDP"
    return f"{AGAIN} {name}" if message.again else name


def remote(message: Message) -> str:
    """Return the address at the other end."""
    return message.source if message.incoming else message.destination


def columns(messages: Sequence[Message]) -> list[str]:
    """Return the addresses in the order of the columns: who calls, this server, who is called."""
    remotes = list(dict.fromkeys(remote(message) for message in messages))
    if messages and messages[0].incoming:
        return [remotes[0], SERVER, *remotes[1:]]
    return [SERVER, *remotes]


def ladder_lines(messages: Sequence[Message], began: datetime, width: int) -> list[str]:
    """Return the ladder in lines of at most `width` characters; a plain list where it is too wide."""
    if not messages:
        return []
    names = columns(messages)
    gap = min(WIDEST, (width - _TIME - 2) // max(1, len(names) - 1) - 1)
    if gap < NARROWEST or len(names) < 2:
        return _listed(messages, began, width)
    lines = [_heads(names, gap), _rungs(len(names), gap)]
    for message in messages:
        fro = names.index(SERVER if not message.incoming else message.source)
        to = names.index(SERVER if message.incoming else message.destination)
        lines.append(
            f"{offset(message.at, began):>{_TIME - 1}} {_arrow(len(names), gap, fro, to, label(message))}"
        )
    return [line.rstrip() for line in lines]


def _heads(names: Sequence[str], gap: int) -> str:
    """Return the line with the names, each over its column as far as there is room."""
    line = " " * _TIME
    for at, name in enumerate(names):
        middle = _TIME + at * (gap + 1)
        start = middle if at == 0 else max(len(line) + 1, middle - len(name) // 2)
        if at == len(names) - 1 and at > 0:
            start = max(len(line) + 1, middle + 1 - len(name))
        line = line.ljust(start) + name
    return line


def _rungs(count: int, gap: int) -> str:
    return " " * _TIME + (" " * gap).join("|" * count)


def _arrow(count: int, gap: int, fro: int, to: int, text: str) -> str:
    """Return one rung: columns that the message passes by are crossed."""
    left, right = min(fro, to), max(fro, to)
    room = (right - left) * (gap + 1) - 1
    text = text if len(text) <= room - 6 else text[: room - 7] + "…"
    body = f"-- {text} ".ljust(room - 1, "-")
    arrow = f"{body}>" if to > fro else f"<{f'-- {text} '.ljust(room - 1, '-')}"
    before = "".join("|" + " " * gap for _ in range(left))
    after = "".join(" " * gap + "|" for _ in range(count - 1 - right))
    return f"{before}|{arrow}|{after}"


def _listed(messages: Sequence[Message], began: datetime, width: int) -> list[str]:
    lines = []
    for message in messages:
        way = f"{SERVER} <- {message.source}" if message.incoming else f"{SERVER} -> {message.destination}"
        lines.append(f"{offset(message.at, began):>{_TIME - 1}} {way}  {label(message)}"[:width])
    return lines
