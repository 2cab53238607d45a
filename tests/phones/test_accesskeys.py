"""Keys made by the command line, used with the API of a server that runs."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.fakes.authority import Authority
from tests.phones.server import Server, configure, serving
from tests.phones.test_command import GOOD, complaint, run

pytestmark = pytest.mark.phones


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("keys"), {"long": GOOD}) as server:
        yield server


def status(server: Server, token: str) -> int:
    try:
        with urlopen(f"{server.api}/v1.0/customer?accesskey={token}", timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_a_key_is_printed_alone_and_works_at_once_in_a_server_that_runs(server: Server) -> None:
    result = run("accesskey", "create", "shop", "--config", server.config)
    assert result.returncode == 0
    assert re.fullmatch(r"vb_[A-Za-z0-9]{32}\n", result.stdout)
    assert status(server, result.stdout.strip()) == 200
    assert status(server, "vb_" + "a" * 32) == 401


def test_a_deleted_key_is_refused_soon(server: Server) -> None:
    token = server.make_accesskey("gone")
    assert status(server, token) == 200
    listed = run("accesskey", "list", "--config", server.config).stdout
    assert token not in listed
    assert re.search(rf"^[0-9a-f-]{{36}}  {token[:11]}…  expires 20.* gone$", listed, re.MULTILINE)
    assert run("accesskey", "delete", "gone", "--config", server.config).returncode == 0
    deadline = time.monotonic() + 15
    while status(server, token) == 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert status(server, token) == 401
    again = run("accesskey", "delete", "gone", "--config", server.config)
    assert again.returncode == 1
    assert "there is no access key 'gone'" in again.stderr


def test_a_key_that_has_expired_is_refused(server: Server) -> None:
    token = run("accesskey", "create", "brief", "--expire", "1", "--config", server.config).stdout.strip()
    time.sleep(1.1)
    assert status(server, token) == 401


def test_before_the_first_start_and_without_a_sound_configuration(tmp_path: Path) -> None:
    config, _ = configure(tmp_path, {"long": GOOD})
    assert run("accesskey", "create", "early", "--config", config).stdout.startswith("vb_")
    assert " early" in run("accesskey", "list", "--config", config).stdout
    config.write_text("http: {listne: x}")
    result = run("accesskey", "create", "early", "--config", config)
    assert (result.returncode, result.stdout) == (1, "")
    assert "did you mean 'listen'" in result.stderr


def test_the_api_is_not_opened_to_others_before_there_is_a_key(tmp_path: Path) -> None:
    pair = Authority(tmp_path).pair("ours", names=["127.0.0.1"])
    tls = {"certificate": str(pair.certificate), "key": str(pair.key)}
    config, _ = configure(tmp_path, {"long": GOOD}, http={"listen": "0.0.0.0:1", "tls": tls})
    assert "make one: voipbin-sip accesskey create NAME --config FILE" in complaint(config)
    config, _ = configure(tmp_path, {"long": GOOD}, http={"listen": "0.0.0.0:1"})
    result = run("serve", "--config", config)
    assert result.returncode == 1
    assert re.search(r"voipbin\.yaml:\d+:\d+: access keys would cross the network unencrypted", result.stderr)


def test_a_port_of_the_api_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        config, _ = configure(tmp_path, {"long": GOOD}, http={"listen": listen})
        assert f"cannot listen on {listen}: Address already in use" in complaint(config)


def test_nothing_secret_is_in_the_log(server: Server) -> None:
    token = server.make_accesskey("logged")
    assert status(server, token) == 200
    assert status(server, "vb_wrong") == 401
    assert token not in server.log.read_text()
    assert "vb_wrong" not in server.log.read_text()
