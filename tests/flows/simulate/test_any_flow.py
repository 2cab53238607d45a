"""Whatever the check lets through can be simulated to its end, and drawn."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows import FlowSet, RunLimits, load_flow_text
from flows.graph_mermaid import mermaid
from flows.graph_reading import read_picture
from flows.graph_svg import svg
from flows.simulate import Caller, Kind, Simulation, Usual
from tests.flows.test_any_flow import _random_flow

MONDAY = datetime(2026, 1, 5, 10, tzinfo=UTC)
LIMITS = RunLimits(steps=200)


@pytest.mark.parametrize("seed", range(25))
async def test_every_accepted_flow_is_simulated_to_its_end(seed: int) -> None:
    chance = random.Random(seed)
    flow = None
    while flow is None:
        flow, _ = load_flow_text(_random_flow(chance), Path("any.yaml"))
    call = Simulation(FlowSet([flow]), flow, caller=Caller(), begin=MONDAY, answers=Usual(), limits=LIMITS)
    call.start()
    while not await call.settled():
        if chance.random() < 0.4:
            call.press(chance.choice("123#"))
        elif not call.advance():
            call.hang_up()
    assert call.result is not None
    assert call.call.doing is None
    assert call.result.steps - len(call.journal.of(Kind.BEGUN)) in (0, 1)  # 1: a limit was reached
    assert len(call.journal.of(Kind.DONE)) >= call.result.steps


@pytest.mark.parametrize("seed", range(25))
def test_every_flow_can_be_drawn(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "any.yaml"
    path.write_text(_random_flow(random.Random(1000 + seed)), encoding="utf-8")
    picture, _ = read_picture(path)
    assert picture is not None
    keys = {box.key for box in picture.boxes}
    assert {end for arrow in picture.arrows for end in (arrow.source, arrow.target)} <= keys
    ET.fromstring(svg(picture))
    assert mermaid(picture).count("\n") >= len(picture.boxes) + len(picture.arrows)
