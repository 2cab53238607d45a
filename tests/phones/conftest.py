"""Long calls run beside all other tests.

In one process they begin with the first phone test and are judged after the last test of all. With several processes
(`pytest -n`) one of them does nothing but wait for them, and begins at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.phones.background import Background
from tests.phones.long_calls import EXTENSIONS, FLOWS, PLAYS, SESSION

LONG = "test_long.py"
SEVERAL = "PYTEST_XDIST_WORKER" in os.environ


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of long calls last, or first; those with phones, which mostly wait, before all others."""
    if SEVERAL:
        items.sort(key=lambda item: (item.path.name != LONG, item.path.parent.name != "phones"))
    else:
        items.sort(key=lambda item: item.path.name == LONG)  # stable: all others keep their order


@pytest.fixture(scope="session", autouse=True)
def begin_early(request: pytest.FixtureRequest) -> None:
    """Begin the long calls with the first phone test, where one process does it all."""
    if not SEVERAL:
        request.getfixturevalue("long_calls")


@pytest.fixture(scope="session")
def long_calls(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Background | None]:
    """The calls in the background, as many as the chosen tests ask for; None if none does."""
    asked = {
        getattr(item, "callspec").params["play"]  # noqa: B009 - of parametrized tests only, not in Item
        for item in request.session.items
        if item.path.name == LONG
    }
    if not asked:
        yield None
        return
    plays = {name: play for name, play in PLAYS.items() if name in asked}
    background = Background(
        tmp_path_factory.mktemp("long"),
        FLOWS,
        plays,
        extensions=EXTENSIONS,
        sip={"session_expires": SESSION},
    )
    background.begin()
    yield background
    background.end()
