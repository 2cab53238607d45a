"""The command as an operator's shell sees it: what it prints, how it ends, how it behaves when told to stop."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.phones.installed import ROOT
from tests.phones.server import COMMAND, Server, children, configure, serving
from tests.phones.wire import wire

pytestmark = pytest.mark.phones

GOOD = """
name: long
actions:
  - type: answer
  - type: sleep
    option: {duration: 60000}
"""
BROKEN = """
name: broken
actions:
  - type: answer
  - type: talk
    option: {txt: "Hello", language: en-US}
  - type: goto
    option: {target_id: nowhere, loop_count: 2}
"""


def run(*words: str | Path, seconds: float = 30.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *(str(word) for word in words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def complaint(config: Path) -> str:
    """Start a server that cannot start; returns its one line."""
    result = run("serve", "--config", config)
    output = result.stdout + result.stderr
    assert result.returncode not in (0, None)
    assert "Traceback" not in output
    assert not re.search("^ready ", output, re.MULTILINE)
    (line,) = [line for line in output.splitlines() if line.strip()]
    return line


def test_check_names_every_mistake_with_its_place(tmp_path: Path) -> None:
    config, _ = configure(tmp_path, {"broken": BROKEN, "long": GOOD})
    (tmp_path / "directory.yaml").write_text("numbers:\n  - {number: '100', flow: lnog}\n")
    result = run("check", config)
    places = re.findall(r"^(?:.*/)?([\w.]+):(\d+):(\d+): ", result.stdout, re.MULTILINE)
    assert result.returncode == 1
    assert ("broken.yaml", "6", "14") in places  # txt
    assert ("broken.yaml", "8", "25") in places  # nowhere
    assert any(file == "directory.yaml" and line == "2" for file, line, _ in places)
    assert "did you mean" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_check_is_content_with_what_is_right(tmp_path: Path) -> None:
    config, _ = configure(tmp_path, {"long": GOOD})
    assert run("check", config).returncode == 0
    assert run("check", tmp_path / "flows").returncode == 0


def test_the_shipped_configuration_has_no_mistakes() -> None:
    assert run("check").returncode == 0


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    config, port = configure(tmp_path, {"long": GOOD})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        assert str(port) in complaint(config)


def test_a_data_folder_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    config, _ = configure(tmp_path, {"long": GOOD})
    (tmp_path / "data").write_text("a file where the folder should be")
    assert str(tmp_path / "data") in complaint(config)


def test_a_missing_configuration_is_named(tmp_path: Path) -> None:
    result = run("serve", "--config", tmp_path / "absent.yaml")
    assert result.returncode not in (0, None)
    assert "absent.yaml" in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_a_broken_flow_stops_the_start_and_is_named(tmp_path: Path) -> None:
    config, _ = configure(tmp_path, {"broken": BROKEN})
    result = run("serve", "--config", config)
    output = result.stdout + result.stderr
    assert result.returncode not in (0, None)
    assert re.search(r"broken\.yaml:6:14: ", output)
    assert "Traceback" not in output


def test_the_ready_line_names_the_addresses(tmp_path: Path) -> None:
    with serving(tmp_path, {"long": GOOD}) as server:
        (line,) = [text for text in server.log.read_text().splitlines() if text.startswith("ready ")]
        assert f"127.0.0.1:{server.port}" in line


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once_when_told_to(tmp_path: Path, told: signal.Signals) -> None:
    with serving(tmp_path, {"long": GOOD}) as server:
        helpers = children(server.process.pid)
        started = time.monotonic()
        server.process.send_signal(told)
        assert server.process.wait(10.0) == 0
        assert time.monotonic() - started < 3.0
        assert server.media_sockets() == 0
        assert gone(helpers)


def gone(pids: list[int], seconds: float = 5.0) -> bool:
    """Wait for the end of processes; tell whether all have."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


async def test_a_killed_server_leaves_nothing_behind_and_starts_again(tmp_path: Path) -> None:
    with serving(tmp_path, {"long": GOOD}) as server:
        async with wire(server.address) as line:
            lost, found = await line.new_call("100"), await line.new_call("100")
            assert await lost.invite() == 200
            helpers = children(server.process.pid)
            assert helpers
            server.process.kill()
            await asyncio.to_thread(server.process.wait)
            assert await asyncio.to_thread(gone, helpers)
            assert server.media_sockets() == 0
            await asyncio.to_thread(server.start)
            assert await found.invite() == 200
            assert await found.bye() == 200


async def test_a_server_that_drains_takes_no_new_calls_and_ends_the_old_ones_in_time(tmp_path: Path) -> None:
    with serving(tmp_path, {"long": GOOD}, numbers={"100": "long"}, drain_seconds=3) as server:
        async with wire(server.address) as line:
            old, new = await line.new_call("100"), await line.new_call("100")
            assert await old.invite() == 200
            server.process.send_signal(signal.SIGTERM)
            told = time.monotonic()
            await asyncio.sleep(0.5)
            assert await new.invite() == 503
            assert re.search(r"^Retry-After: *\d+", new.last_response, re.MULTILINE | re.IGNORECASE)
            assert not old.ended.is_set()
            async with asyncio.timeout(6.0):
                await old.ended.wait()
            assert time.monotonic() - told > 2.5
        assert await asyncio.to_thread(server.process.wait, 10.0) == 0


async def test_a_server_that_drains_ends_with_its_last_call(tmp_path: Path) -> None:
    with serving(tmp_path, {"long": GOOD}, numbers={"100": "long"}, drain_seconds=60) as server:
        async with wire(server.address) as line:
            call = await line.new_call("100")
            assert await call.invite() == 200
            server.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.5)
            assert server.process.poll() is None
            assert await call.bye() == 200
        assert await asyncio.to_thread(server.process.wait, 10.0) == 0


def test_keys_that_do_not_exist_are_refused_with_their_place(tmp_path: Path) -> None:
    config, _ = configure(tmp_path, {"long": GOOD})
    text = yaml.safe_load(config.read_text()) | {"drain_secnods": 5}
    config.write_text(yaml.safe_dump(text, sort_keys=False))
    server = Server(config, 0)
    result = run("check", server.config)
    assert result.returncode == 1
    assert re.search(r"voipbin\.yaml:\d+:1: .*drain_secnods", result.stdout)
    assert "drain_seconds" in result.stdout
