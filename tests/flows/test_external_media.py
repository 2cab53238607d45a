"""What the external media actions ask of the call, and what is refused when a flow is loaded."""

from pathlib import Path

import pytest

from flows import load_flow_text
from tests.fakes.flowport import failing
from tests.flows.driving import Scene, played

HOST = "external_host: '192.0.2.10:9000'"


@pytest.mark.parametrize(
    ("option", "asked"),
    [
        (HOST, "192.0.2.10:9000 rtp udp ulaw - -"),
        (f"{HOST}, format: slin16, direction_listen: both", "192.0.2.10:9000 rtp udp slin16 both -"),
        (
            f"{HOST}, encapsulation: audiosocket, direction_speak: out",
            "192.0.2.10:9000 audiosocket tcp slin - out",
        ),
        (f"{HOST}, encapsulation: none, transport: websocket", "192.0.2.10:9000 none websocket ulaw - -"),
        ("external_host: '${bot}', transport: websocket", "bot.example:80 rtp websocket ulaw - -"),
        ("external_host: '[2001:db8::1]:9000'", "[2001:db8::1]:9000 rtp udp ulaw - -"),
        (
            "external_host: 'wss://bot.example/media', encapsulation: none, transport: websocket, format: slin",
            "wss://bot.example/media none websocket slin - -",
        ),
    ],
)
async def test_what_starting_asks(option: str, asked: str) -> None:
    scene = await played(
        f"  - {{id: e, type: external_media_start, option: {{{option}}}}}\n  - {{type: beep}}",
        variables={"bot": "bot.example:80"},
    )
    assert scene.log[:2] == [f"external {asked}", "beep"]
    assert scene.details("e") == ["external media id-1"]


async def test_stopping() -> None:
    scene = await played("  - {id: e, type: external_media_stop}")
    assert scene.log[0] == "external stop"
    assert scene.details("e") == ["2 ended"]


async def test_a_program_that_cannot_be_reached_is_passed_over() -> None:
    scene = Scene(f"  - {{id: e, type: external_media_start, option: {{{HOST}}}}}\n  - {{type: beep}}")
    scene.call.fail["external"] = failing("cannot connect")
    await scene.play()
    assert scene.details("e") == ["cannot connect"]
    assert "beep" in scene.log


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("external_host: somewhere", "is not host:port"),
        ("external_host: 'a:70000'", "is not host:port"),
        ("external_host: 'http://a.example/'", "is not host:port"),
        (f"{HOST}, transport: tcp", "encapsulation rtp goes by udp or websocket"),
        (f"{HOST}, encapsulation: audiosocket, format: ulaw", "audiosocket carries the format slin"),
        (f"{HOST}, format: opus", "format"),
        (f"{HOST}, connection_type: server", "connection_type"),
        (f"{HOST}, direction_listen: up", "direction_listen"),
        ("external_host: 'ws://a.example'", "needs the transport websocket"),
    ],
)
def test_what_is_refused(option: str, complaint: str) -> None:
    text = f"actions:\n  - {{type: external_media_start, option: {{{option}}}}}\n"
    flow, findings = load_flow_text(text, Path("main.yaml"))
    assert flow is None
    assert any(complaint in str(finding) for finding in findings), findings


def test_one_that_does_nothing_is_warned_of() -> None:
    text = f"actions:\n  - {{type: external_media_start, option: {{{HOST}}}}}\n"
    flow, findings = load_flow_text(text, Path("main.yaml"))
    assert flow is not None
    assert any("without 'direction_listen'" in str(finding) for finding in findings)
