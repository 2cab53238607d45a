"""Servers that do not start, or should not be as they are: found before the first call."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.fakes.authority import Authority
from tests.phones import ports
from tests.phones.planted.operator import Operator
from tests.phones.server import configure

pytestmark = pytest.mark.phones

HELLO = "actions: [{type: answer}, {type: hangup}]"
SITS = """
import socket, sys
taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
taken.bind(("127.0.0.1", int(sys.argv[1])))
print("sits", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Somebody with a port that another process has, and certificates that are no good."""
    folder = tmp_path_factory.mktemp("starts")
    authority = Authority(folder)
    old = authority.pair("old", names=["voipbin.test"], days=-3)
    other = authority.pair("other", names=["phones.example.org"])
    config, port = configure(
        folder,
        {"hello": HELLO},
        outbound={"allow": ["+49", "+33"]},
        sections={
            "providers": [{"id": "carrier", "hostname": f"127.0.0.1:{ports.free()}"}],
            "routes": [{"provider_id": "carrier", "target": "+49"}],
        },
        speech={"engines": ["nanotts"]},
    )
    keys = yaml.safe_load(config.read_text())
    keys["sip"]["listen"].append(f"tls://127.0.0.1:{ports.free()}")
    keys["sip"]["tls"] = {"certificate": str(other.certificate), "key": str(other.key)}
    keys["http"]["tls"] = {"certificate": str(old.certificate), "key": str(old.key)}
    config.write_text(yaml.safe_dump(keys))
    command = [sys.executable, "-c", SITS, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other_program:
        assert other_program.stdout is not None and other_program.stdout.readline() == b"sits\n"
        yield Operator(config)


@pytest.mark.parametrize(
    "cause",
    [
        "another program has the port",
        "the certificate has expired",
        "the certificate is for another name",
        "no route for numbers that may be called",
    ],
)
def test_the_doctor_names(operator: Operator, cause: str) -> None:
    operator.finds(cause, only="doctor")


def test_the_server_says_why_it_does_not_start(tmp_path: Path, operator: Operator) -> None:
    config, _ = configure(tmp_path, {"hello": HELLO})
    taken = yaml.safe_load(operator.config.read_text())["sip"]["listen"][0]
    config.write_text(
        config.read_text().replace(yaml.safe_load(config.read_text())["sip"]["listen"][0], taken)
    )
    lost = Operator(config)
    lost.finds("another program has the port", only="serve")
    lost.finds("the server does not run")
