"""The terminal of the tests is one."""

from __future__ import annotations

import pytest

from tests.terminal.tmux import Terminal, needs_tmux

pytestmark = needs_tmux


async def test_a_program_is_typed_into_and_read() -> None:
    with Terminal.start(
        ["sh", "-c", "echo $WORD; read line; echo got $line; exit 3"], env={"WORD": "ready"}
    ) as it:
        await it.shows("ready")
        it.type("two words; and $more")
        it.key("Enter")
        await it.shows("got two words; and $more")
        assert await it.ended() == 3


async def test_what_never_comes_is_named_with_the_screen() -> None:
    with Terminal.start(["sh", "-c", "echo something else; sleep 60"]) as it:
        await it.shows("something")
        with pytest.raises(AssertionError, match=r"(?s)'hello'.*something else"):
            await it.shows("hello", timeout=0.3)
