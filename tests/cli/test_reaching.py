"""How commands reach a server, and what they say where they cannot."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.phones.server import configure
from voipbin_sip.cli.call import reach
from voipbin_sip.cli.explain import explain_call
from voipbin_sip.cli.own_server import NoServerError
from voipbin_sip.explain.question import read_question
from voipbin_sip.observe.running import Running, announce


@pytest.mark.parametrize(
    ("api", "key", "words"),
    [
        ("http://127.0.0.1:1", "", "VOIPBIN_ACCESSKEY"),
        ("127.0.0.1:8080", "vb_x", "write https://"),
        ("http://127.0.0.1:1", "vb_x\nX-Forwarded-For: 127.0.0.1", "in one line"),
        ("http://127.0.0.1:1", "vb_ä", "copy it again"),
    ],
)
def test_what_is_no_server(api: str, key: str, words: str) -> None:
    with pytest.raises(NoServerError, match=words):
        reach(Path("voipbin.yaml"), api, key)


def test_a_server_that_was_killed_is_none_to_be_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = configure(tmp_path, {"hello": "actions: [{type: answer}]\n"})
    (tmp_path / "data").mkdir()
    child = subprocess.Popen(["true"])
    child.wait()
    announce(tmp_path / "data", Running(child.pid, "http://127.0.0.1:1", "vb_x"))
    assert explain_call(read_question("100"), config, "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["result"], told["live"]) == ("flow", False)
