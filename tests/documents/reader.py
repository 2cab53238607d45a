"""Goes through a page as its reader would; what the words behind ``` mean is told in `__init__.py`."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from tests.documents import changes, commands, config_files, requests, shell
from tests.documents.excused import is_excused, without_excused_lines
from tests.documents.pages import Block, blocks, text_of
from tests.documents.sandbox import Sandbox

NOTHING_TO_RUN = frozenset({"ini", "text", "mermaid"})
KNOWN_WORDS = re.compile(r"wrong|background|exit-\d+")
_PROGRAM = re.compile(r"\b(?:python3?|node) ([\w./-]+\.(?:py|js))\b")
_SAVED = re.compile(r"^(?:#|//) ([\w.-]+\.(?:py|js))$")


def try_page(page: str, folder: Path) -> None:
    """Do everything that a page shows. Raises AssertionError with the place of what does not hold."""
    reader = Reader(page, folder)
    try:
        for block in blocks(page):
            if not is_excused(page, block.first):
                reader.take(block)
        reader.check()
        for text in commands.of_page(page):
            reader.try_command(text)
    finally:
        wrong = reader.sandbox.close()
    assert not wrong, "\n".join(wrong)
    assert not reader.saved, f"{page}: no command runs {', '.join(reader.saved)}"


class Reader:
    """Goes through one page."""

    def __init__(self, page: str, folder: Path) -> None:
        self.sandbox = Sandbox(folder / "checkout", [text_of(page)])
        self._page = page
        self.saved: set[str] = set()  # programs that were saved and not run yet
        self._unchecked: Block | None = None
        self._has_phones = False
        self._wrong: dict[Path, Block] = {}  # files that have a mistake at present

    def take(self, block: Block) -> None:
        """Do what a block is for."""
        unknown = [word for word in block.words if not KNOWN_WORDS.fullmatch(word)]
        assert not unknown, f"{block}: what is {', '.join(unknown)}?"
        if block.language == "yaml":
            self._take_yaml(block)
        elif block.language == "diff":
            for change in changes.changes(block):
                changes.make(change, self.sandbox.folder)
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "sh":
            self._take_shell(block)
        elif block.language == "console":
            self._take_console(block)
        elif block.language == "python":
            self._take_python(block)
        elif block.language == "http":
            self._take_requests(block)
        else:
            assert block.language in NOTHING_TO_RUN, f"{block}: name its language; tests/documents says which"
            if block.language == "text":
                assert not re.search(r"^(\$|voipbin-sip|curl|make|python) ", block.text, re.MULTILINE), block

    def try_command(self, text: str) -> None:
        """Run a command of a sentence."""
        self._prepare(text)
        if shell.STARTS_SERVER.match(text):
            self.sandbox.serve(commands.runnable(text))
            return
        done = self.sandbox.run(self.sandbox.text(commands.runnable(text)))
        assert done.returncode == 0, f"{self._page}: `{text}` ends with {done.returncode}\n{done.stdout}"

    def check(self) -> None:
        """Check the configuration if it has changed."""
        block, self._unchecked = self._unchecked, None
        if block is None:
            return
        found = config_files.findings(self.sandbox.config)
        for path, wrong in self._wrong.items():
            assert any(finding.file.resolve() == path.resolve() for finding in found), f"{wrong} is right"
        if not self._wrong:
            assert not found, "\n".join([f"{block}, or before it:", *map(str, found)])

    def _take_yaml(self, block: Block) -> None:
        path = self.sandbox.put(block)
        if path is None:
            return
        self._unchecked = block
        self._wrong.pop(path, None)
        if "wrong" in block.words:
            self._wrong[path] = block
            self.check()

    def _take_shell(self, block: Block) -> None:
        text = without_excused_lines(block)
        self._prepare(text)
        for name in _PROGRAM.findall(text):  # one that is missing in the background would fail unseen
            assert (self.sandbox.place / name).exists(), f"{block}: nothing before it has made {name}"
        stretches = list(shell.parts(text))
        for number, (starts, stretch) in enumerate(stretches, start=1):
            if starts:
                self.sandbox.serve(self.sandbox.text(stretch))
                continue
            done = self.sandbox.run(self.sandbox.text(stretch))
            wanted = block.status if number == len(stretches) else 0
            assert done.returncode == wanted, f"{block}: status {done.returncode}\n{done.stdout}"

    def _take_console(self, block: Block) -> None:
        self._prepare(block.text)
        commands = shell.console(block.text)
        for number, (command, shown) in enumerate(commands, start=1):
            done = self.sandbox.run(self.sandbox.text(command))
            wanted = block.status if number == len(commands) else 0
            assert done.returncode == wanted, f"{block}: status {done.returncode}\n{done.stdout}"
            missing = shell.difference(shown, done.stdout)
            assert not missing, f"{block}: `{command}` does not print this:\n{missing}\nbut\n{done.stdout}"

    def _take_python(self, block: Block) -> None:
        ast.parse(block.text, str(block))
        saved = _SAVED.match(block.first)
        path = self.sandbox.place / (saved[1] if saved else f".block-{block.line}.py")
        path.write_text(self.sandbox.text(block.text), encoding="utf-8")
        if saved:
            self.saved.add(saved[1])
            return
        self._prepare(block.text)
        if "background" in block.words:
            self.sandbox.go_on(block, ["python", str(path)])
            return
        done = self.sandbox.run(f"python {path}")
        assert done.returncode == 0, f"{block}: status {done.returncode}\n{done.stdout}"

    def _take_requests(self, block: Block) -> None:
        for line in block.text.splitlines():
            assert requests.is_known(line), f"{block}: the API has no {line}"

    def _prepare(self, text: str) -> None:
        """Check what there is, and start the server, where this text wants it."""
        for program in shell.missing(text):
            pytest.skip(f"{program} is not installed; scripts/phones.sh tells why")
        self.check()
        self.saved = {name for name in self.saved if name not in text}
        if shell.ASKS_SERVER.search(text) and not any(starts for starts, _ in shell.parts(text)):
            self.sandbox.serve()
        if self.sandbox.serves and not self._has_phones:
            self._has_phones = True
            self.sandbox.people.register()
        if shell.ASKS_FOR_KEY.search(text) and "KEY=" not in text:
            self.sandbox.make_key()
        if shell.ASKS_FOR_CALL.search(text):
            self.sandbox.people.call()
