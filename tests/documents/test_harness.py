"""What the other tests here must catch: pages with mistakes in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import commands, requests, shell
from tests.documents.pages import Block
from tests.documents.reader import Reader

FLOW = "name: night\nactions:\n  - type: answer\n  - type: hangup\n"
DANGLING = "name: night\nactions:\n  - type: answer\n  - {type: goto, option: {target_id: nowhere}}\n"


def block(language: str, text: str, *words: str) -> Block:
    return Block("README.md", 1, language, frozenset(words), text)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader("README.md", tmp_path)
    yield reader
    reader.sandbox.close()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("", "anything"),
        ("perl", "print 1"),
        ("text", "voipbin-sip check"),
        ("yaml", "what: is this"),
        ("yaml", "- a list"),
        ("yaml", "a: [b"),
        ("json", "{a: b}"),
        ("sh", "false"),
        ("sh", "false | true"),
        ("sh", "voipbin-sip chekc"),
        ("sh", "python3 absent.py &"),
        ("console", "$ echo one\ntwo"),
        ("console", "$ echo one\none\ntwo"),
        ("console", "one"),
        ("python", "raise ValueError"),
        ("python", "def"),
        ("http", "GET /v1.0/nothing"),
    ],
)
def test_a_block_that_does_not_hold(reader: Reader, language: str, text: str) -> None:
    with pytest.raises((AssertionError, SyntaxError, ValueError)):
        reader.take(block(language, text))
        reader.check()


@pytest.mark.parametrize(
    "text",
    [
        DANGLING,
        "sip: {listne: []}\n",
        "media: {srtp: sometimes}\n",
        "numbers:\n  - {number: '300', flow: absent}\n",
        "# config/scenarios/more.yaml\nflow: absent\nscenarios: [{name: one}]\n",
    ],
)
def test_yaml_that_the_check_refuses(reader: Reader, text: str) -> None:
    reader.take(block("yaml", text))
    with pytest.raises(AssertionError):
        reader.check()


def test_yaml_that_is_said_to_be_wrong_and_is(reader: Reader) -> None:
    reader.take(block("yaml", DANGLING, "wrong"))
    reader.take(
        block("console", "$ voipbin-sip check\n…\nwith errors a server does not start, …\n", "exit-1")
    )
    reader.take(block("yaml", FLOW))
    reader.check()
    with pytest.raises(AssertionError):
        reader.take(block("yaml", FLOW, "wrong"))


def test_what_blocks_set_holds_for_the_following_ones(reader: Reader) -> None:
    reader.take(block("sh", "mkdir -p below && cd below\nWORD=one"))
    reader.take(block("console", '$ echo "$WORD $(basename $PWD)"\none below\n'))
    reader.take(block("python", "import os\nassert os.environ['WORD'] == 'one'\n"))
    reader.take(block("sh", "exit 3", "exit-3"))


def test_a_program_that_is_saved_has_to_be_run(reader: Reader) -> None:
    reader.take(block("python", "# hello.py\nprint('hello')\n"))
    assert reader.saved == {"hello.py"}
    reader.take(block("console", "$ python3 hello.py\nhello\n"))
    assert not reader.saved


def test_a_program_that_ends_too_early(reader: Reader) -> None:
    reader.take(block("python", "print('gone')\n", "background"))
    (wrong,) = reader.sandbox.close()
    assert "has ended with 0" in wrong
    assert "gone" in wrong


def test_pieces_of_the_directory_come_to_what_is_there(reader: Reader) -> None:
    reader.take(block("yaml", "extensions:\n  - {extension: '1000', name: Door}\n  - {extension: '1005'}\n"))
    reader.check()
    done = reader.sandbox.run("voipbin-sip extensions")
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["1000", "1001", "1005"]
    assert "Door" in done.stdout


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("one  two", "one two\n", True),
        ("one", "one\ntwo", False),
        ("one\n…", "one\ntwo", True),
        ("…\ntwo", "one\none\ntwo", True),
        ("at 10:23:01 done", "at 11:00:59 done", True),
        ("at 10:23:01 done", "at noon done", False),
        ("in … ms", "in 17 ms", True),
        ("id 4f1c… ends", "id 4f1c-22 ends", True),
        ("…\nthree", "one\ntwo", False),
    ],
)
def test_what_is_shown_is_compared_with_what_is_printed(shown: str, printed: str, same: bool) -> None:
    assert (shell.difference(shown, printed) == "") is same


def test_a_word_in_capitals_that_nobody_explains() -> None:
    with pytest.raises(AssertionError, match="FILLED"):
        commands.runnable("voipbin-sip check SOMETHING")
    assert commands.runnable("voipbin-sip flow graph FILE").endswith("config/flows/reception.yaml")
    assert commands.runnable("voipbin-sip flow").endswith("--help")


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("GET /v1.0/calls?page_size=1", True),
        ("POST /calls/{id}/talk", True),
        ("POST /calls/{id}/tlak", False),
        ("PATCH /v1.0/calls", False),
        ("GET /v1.0/ws", True),
        ("POST /auth/login", True),
    ],
)
def test_requests_that_the_api_has(text: str, known: bool) -> None:
    assert requests.is_known(text) is known
