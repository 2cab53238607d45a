"""`voipbin-sip doctor` as an operator runs it: before the first start, and beside a running server."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.phones import ports
from tests.phones.installed import ROOT, needs_kamailio
from tests.phones.kamailio import kamailio
from tests.phones.nat import Host, NoNetworks, internet
from tests.phones.server import COMMAND, configure, serving

pytestmark = pytest.mark.phones

HELLO = """
name: hello
actions:
  - type: answer
  - type: talk
    option: {text: "Hello.", language: en-US}
  - type: hangup
"""
ONE_ENGINE: Mapping[str, object] = {"engines": ["nanotts"]}  # the others take their time
CARRIER = "127.0.0.2"


def run(config: Path, *words: str, at: Host | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*(at.command() if at is not None else []), *COMMAND, "doctor", "--config", str(config), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def examined(config: Path, *, status: int, at: Host | None = None) -> list[dict[str, Any]]:
    """Return what the command finds, as programs see it."""
    result = run(config, "--format", "json", at=at)
    assert result.returncode == status, result.stdout + result.stderr
    assert result.stderr == ""
    found: list[dict[str, Any]] = json.loads(result.stdout)
    assert not [one for one in found if "this check broke" in one["finding"]], found
    return found


def told(found: list[dict[str, Any]], level: str, area: str = "") -> list[str]:
    return [one["finding"] for one in found if one["level"] == level and area in ("", one["area"])]


def test_before_the_first_start(tmp_path: Path) -> None:
    config, port = configure(tmp_path, {"hello": HELLO}, speech=ONE_ENGINE)
    found = examined(config, status=0)
    assert told(found, "error") == []
    assert f"udp://127.0.0.1:{port} is free" in told(found, "ok", "ports")
    assert {"area", "level", "finding", "advice", "where"} == {*found[0]}
    assert all(one["advice"] for one in found if one["level"] in ("warning", "error"))
    assert not (tmp_path / "data").exists()  # nothing is changed


def test_a_configuration_with_mistakes_is_told_first_and_the_machine_is_looked_at(tmp_path: Path) -> None:
    config, _ = configure(tmp_path, {"hello": HELLO.replace("text:", "txt:")}, speech=ONE_ENGINE)
    ours, theirs = pty.openpty()
    try:
        result = subprocess.run(
            [*COMMAND, "doctor", "--config", str(config)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm"},
            text=True,
            timeout=60,
            check=False,
        )
        progress = os.read(ours, 65_536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert result.returncode == 1
    assert result.stdout.startswith("configuration\n  error ")
    assert "did you mean 'text'" in result.stdout
    assert "G.722" in result.stdout
    assert "Traceback" not in result.stdout + progress
    assert "looking at" in progress


def test_a_running_server_is_asked(tmp_path: Path) -> None:
    with serving(tmp_path, {"hello": HELLO}, speech=ONE_ENGINE) as server:
        found = examined(server.config, status=0)
        assert told(found, "error") == []
        assert f"udp://127.0.0.1:{server.port}: our server listens" in told(found, "ok", "ports")
        answers = [one["finding"] for one in found if " answers 200 from 127.0.0.1:" in one["finding"]]
        assert [text.split()[0] for text in answers] == [
            f"udp://127.0.0.1:{server.port}",
            f"tcp://127.0.0.1:{server.port}",
        ]
        assert "no event was given up" in told(found, "ok", "server")

        # A reload that is refused, and keys that want a restart.
        (tmp_path / "flows" / "hello.yaml").write_text(HELLO.replace("hangup", "hangpu"))
        other = ports.free()
        server.config.write_text(server.config.read_text().replace(f":{server.port}", f":{other}"))
        server.process.send_signal(signal.SIGHUP)
        wait_for(server.log, "hangpu")
        found = examined(server.config, status=1)
        assert any("was refused" in text and "hangpu" in text for text in told(found, "error", "server"))
        (moved, *_) = told(found, "error", "ports")
        assert f"does not listen on udp://127.0.0.1:{other}" in moved

        # Its API stands still: the doctor does not.
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            found = examined(server.config, status=1)
            assert time.monotonic() - began < 40
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        assert any("API does not answer" in text for text in told(found, "error", "server"))


def test_behind_a_router_and_with_a_closed_firewall(tmp_path: Path) -> None:
    with ExitStack() as stack:
        try:
            net = stack.enter_context(internet())
        except NoNetworks as error:
            pytest.skip(str(error))
        office = net.router("router", "203.0.113.2", "192.168.7").host("office", 20)
        config, _ = configure(
            tmp_path,
            {"hello": HELLO},
            sip={"listen": ["udp://0.0.0.0:5060"]},
            sections={"providers": [{"id": "carrier", "hostname": "sip.carrier.example"}]},
            dns={"servers": ["203.0.113.53"], "timeout": 0.5},  # nobody is there
            speech=ONE_ENGINE,
        )
        media = yaml.safe_load(config.read_text())["media"]["ports"]
        chain = f"chain input {{\ntype filter hook input priority 0\nudp dport {media} drop\n}}"
        rules = f"table ip own {{\n{chain}\n}}\n"
        firewall = [*office.command(), "nft", "-f", "-"]
        subprocess.run(firewall, input=rules, text=True, check=True)
        found = examined(config, status=1, at=office)
    (one_way,) = told(found, "warning", "addresses")
    assert "providers (sip.carrier.example) are told our private address 192.168.7.20" in one_way
    (lost,) = [one for one in found if one["area"] == "wire" and one["level"] == "error"]
    assert "a packet from 192.168.7.20:" in lost["finding"] and "is lost" in lost["finding"]
    assert f"a firewall on this machine drops UDP {media}" in lost["advice"]
    assert told(found, "error", "DNS") == ["no name server answers"]


def wait_for(log: Path, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in log.read_text(errors="replace"):
        assert time.monotonic() < deadline, log.read_text(errors="replace")
        time.sleep(0.05)


@needs_kamailio
async def test_a_wrong_password_at_a_carrier_is_named_with_its_place(tmp_path: Path) -> None:
    async with kamailio(tmp_path, role="CARRIER", host=CARRIER) as carrier:
        entry = {
            "id": "carrier",
            "hostname": carrier.address,
            "username": "customer",
            "password": "wrong",
            "register": 60,
        }
        sections = {"providers": [entry], "routes": [{"provider_id": "carrier"}]}
        stopped = tmp_path / "stopped"
        config, _ = configure(stopped, {"hello": HELLO}, sections=sections, speech=ONE_ENGINE)
        found = await asyncio.to_thread(examined, config, status=1)
        (refused,) = [one for one in found if one["area"] == "providers" and one["level"] == "error"]
        assert "wrong password or user customer" in refused["finding"]
        assert refused["where"].startswith(f"{stopped / 'directory.yaml'}:")

        with serving(tmp_path, {"hello": HELLO}, sections=sections, speech=ONE_ENGINE) as server:
            await asyncio.to_thread(wait_for, server.log, "not registered with provider")
            before = len(carrier.seen("REGISTER"))
            found = await asyncio.to_thread(examined, server.config, status=1)
            (refused,) = [one for one in found if "registration refused: 40" in one["finding"]]
            assert refused["level"] == "error"
            assert "wrong password or user customer" in refused["finding"]
            assert "directory.yaml:" in refused["advice"]
            after = carrier.seen("REGISTER")[before:]
            assert {seen.port for seen in after} <= {server.port}  # the server is asked, not the carrier anew
            assert any("provider carrier at" in text for text in told(found, "ok", "providers"))
