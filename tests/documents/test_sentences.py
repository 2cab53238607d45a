"""Commands and requests in sentences and tables: those of one page only are run after its blocks, see `test_pages`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.documents import commands, requests, shell
from tests.documents.pages import PAGES, sentences
from tests.documents.sandbox import Sandbox


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A server with phones and calls, for all of them."""
    office = Sandbox(tmp_path_factory.mktemp("office") / "checkout")
    office.serve()
    office.people.register()
    office.people.call()
    office.make_key()
    yield office
    wrong = office.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text", commands.of_all())
def test_command(text: str, office: Sandbox) -> None:
    for program in shell.missing(text):
        pytest.skip(f"{program} is not installed; scripts/phones.sh tells why")
    if shell.STARTS_SERVER.match(text):
        assert office.serves  # by such a command
        return
    done = office.run(commands.runnable(text))
    assert done.returncode == 0, f"{', '.join(commands.everywhere()[text])}: `{text}`\n{done.stdout}"


@pytest.mark.parametrize("page", PAGES)
def test_requests(page: str) -> None:
    named = [text for text in sentences(page) if requests.REQUEST.fullmatch(text)]
    unknown = [text for text in named if not requests.is_known(text)]
    assert not unknown, f"{page}: the API has no {', '.join(unknown)}"
