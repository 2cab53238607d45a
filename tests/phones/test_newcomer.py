"""A newcomer follows the README in a terminal, with Linphone, without knowing SIP; the session is recorded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documents.pages import ROOT
from tests.phones.installed import needs_linphone
from tests.phones.newcomer import SIZE, VOICE, needs_vi
from tests.phones.sound import Stretch, tones
from tests.phones.ten_minutes import ten_minutes
from tests.terminal import cast
from tests.terminal.tmux import Terminal, needs_tmux

pytestmark = [pytest.mark.phones, needs_tmux, needs_linphone, needs_vi]

_ESCAPE = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|[()].|[=>78M])")
BEEP = 1000  # Hz
SHIPPED = ROOT / "docs" / "pictures" / "ten-minutes.cast"
ON_SCREEN = (  # in this order
    "ready sip=",
    "dials 100",
    "hears itself",
    "did you mean 'hours'?",
    "no mistakes found",
    "the caller types 4",
    "flow and step",
    "presses 4",
    "Goes on: at reception.yaml:92",
    "asked for a password and sent none",
    "No phone is registered for extension 1001",
    "things are in order",
)


@pytest.mark.timeout(300)  # about 80 s, most of it people who listen and read
async def test_ten_minutes(tmp_path: Path) -> None:
    session = await ten_minutes(tmp_path)
    assert tones(session.before, shortest=0.2)[-2:] == [BEEP, VOICE], "the mirror"
    assert spoken(session.before) > 5.0
    assert spoken(session.after) > 5.0
    assert BEEP not in tones(session.after, shortest=0.2), "4 leads elsewhere"
    _shows_in_order(session.cast)
    _, pieces = cast.read(session.cast)
    assert pieces[-1][0] > 30.0


def test_the_shipped_recording_is_one_of_this() -> None:
    told, pieces = cast.read(SHIPPED)
    assert (told["width"], told["height"]) == SIZE
    assert pieces[-1][0] < 600.0
    _shows_in_order(SHIPPED)
    text = "".join(piece for _, piece in pieces)
    assert re.findall(r"/tmp\b|/root\b|/home/(?!newcomer/)|pytest", text) == []
    addresses = set(re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text))
    assert {address for address in addresses if not address.startswith(("127.", "192.0.2.", "0."))} == set()


async def test_the_shipped_recording_is_played_by_a_terminal(tmp_path: Path) -> None:
    _, pieces = cast.read(SHIPPED)
    (tmp_path / "raw").write_text("".join(text for _, text in pieces), encoding="utf-8", newline="")
    with Terminal.start(
        ["sh", "-c", "stty raw -echo; cat raw; sleep 60"], cwd=tmp_path, size=SIZE
    ) as terminal:
        await terminal.shows(
            "── the server ──", "── the phone ──", "things are in order", "does not get through"
        )


def spoken(found: list[Stretch]) -> float:
    return sum(stretch.seconds for stretch in found if stretch.kind == "sound")


def _shows_in_order(file: Path) -> None:
    text = _ESCAPE.sub("", "".join(piece for _, piece in cast.read(file)[1]))
    at = 0
    for words in ON_SCREEN:
        found = text.find(words, at)
        assert found >= 0, f"{words!r} is not seen, or too early"
        at = found
