"""Mistakes in files: `voipbin-sip check` names all of them before a caller meets one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.phones.planted.operator import Operator
from tests.phones.server import configure

FLOWS = {
    "office": """
actions:
  - type: answer
  - type: play
    option: {stream_urls: [sounds/welcom.wav]}
  - type: branch
    option: {target_ids: {"1": sale}, default_target_id: sales}
  - id: sales
    type: hangup
""",
    "menu": """
actions:
  - type: answer
  - id: menu
    type: digits_receive
    option: {duration: 5000, length: 1}
  - type: goto
    option: {target_id: menu, loop_count: 1000000}
  - id: around
    type: branch
    option: {default_target_id: around}
""",
    "twice": """
actions:
  - type: talk
    option: {text: "We are closed.", language: en-US, text: "We are open."}
""",
    "colon": """
actions:
  - type: talk
    option:
      text: Opening hours: nine to five
      language: en-US
""",
}


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    folder = tmp_path_factory.mktemp("mistakes")
    config, _ = configure(
        folder,
        FLOWS,
        sections={
            "numbers": [{"number": "100", "flow": "ofice"}],
            "extensions": [{"extension": "1000", "passwort": "secret"}],
        },
    )
    return Operator(config)


@pytest.mark.parametrize(
    "cause",
    [
        "a step that does not exist",
        "a sound file that does not exist",
        "a number with a flow that does not exist",
        "a menu without a way out",
        "a loop in a flow",
        "an unknown key",
        "a key that stands twice",
        "a colon in a text without quotes",
    ],
)
def test_the_check_names(operator: Operator, cause: str) -> None:
    operator.finds(cause, only="check")


def test_it_changes_nothing(operator: Operator) -> None:
    folder: Path = operator.config.parent
    before = sorted(folder.rglob("*"))
    assert "with errors a server does not start" in operator.run("check")
    assert sorted(folder.rglob("*")) == before
