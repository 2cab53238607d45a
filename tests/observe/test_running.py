"""How commands find the server that runs on this machine."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from voipbin_sip.cli.own_server import NoServerError, own_server
from voipbin_sip.http_settings import HttpSection
from voipbin_sip.observe.running import RUNNING_FILE, Running, announce, find, new_token, withdraw

SERVER = Running(1234, "http://127.0.0.1:8080", "vb_secret")


def test_what_is_announced_is_found_until_it_is_withdrawn(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    announce(tmp_path, SERVER)
    assert find(tmp_path) == SERVER
    assert stat.S_IMODE((tmp_path / RUNNING_FILE).stat().st_mode) == 0o600
    withdraw(tmp_path, SERVER)
    assert [*tmp_path.iterdir()] == []


def test_a_server_that_came_later_is_left_alone(tmp_path: Path) -> None:
    later = Running(5678, "http://127.0.0.1:8081", new_token())
    announce(tmp_path, SERVER)
    announce(tmp_path, later)
    withdraw(tmp_path, SERVER)
    assert find(tmp_path) == later


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"pid": "x", "api": 1, "token": 2}', "\x00"])
def test_a_damaged_file_is_no_server(tmp_path: Path, text: str) -> None:
    (tmp_path / RUNNING_FILE).write_text(text)
    assert find(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["data_dir: there\n", 'data_dir: "there" # here\nsipp: 1\n', "a: [\ndata_dir: there\n"]
)
def test_commands_find_it_though_the_configuration_is_broken(tmp_path: Path, text: str) -> None:
    (tmp_path / "voipbin.yaml").write_text(text)
    (tmp_path / "there").mkdir()
    with pytest.raises(NoServerError, match="no server runs with"):
        own_server(tmp_path / "voipbin.yaml")
    announce(tmp_path / "there", SERVER)
    assert own_server(tmp_path / "voipbin.yaml") == SERVER


@pytest.mark.parametrize(
    ("listen", "base", "local"),
    [
        ("127.0.0.1:0", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("0.0.0.0:0", "http://0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::]:0", "https://[::]:8080", "https://[::1]:8080"),
        ("192.0.2.1:0", "http://192.0.2.1:8080", "http://192.0.2.1:8080"),
    ],
)
def test_the_address_is_one_that_this_machine_reaches(listen: str, base: str, local: str) -> None:
    assert HttpSection(listen=listen).local_url(base) == local
