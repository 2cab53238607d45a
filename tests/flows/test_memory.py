"""A folder that is read again with the memory of the last time is read as if for the first time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import Finding, FlowSet, load_flows
from flows.memory import Memory

NAMES = ("reception", "sales", "hours", "night", "menu")
SOUND = (
    "- type: answer",
    "- type: play\n  option: {stream_urls: [hello.wav]}",
    '- type: talk\n  option: {text: "to ${voipbin.call.source.tel}", language: en-US}',
    "- type: sleep\n  option: {duration: 100}",
)
STEPS = (
    *SOUND,
    "- type: play\n  option: {stream_urls: [gone.wav]}",
    "- type: goto\n  option: {target_id: top, loop_count: 2}",
    "- type: goto\n  option: {target_id: elsewhere}",
    "- id: elsewhere\n  type: beep",
    "- type: hangup",
    "- type: connect\n  option: {destinations: [{type: tel, target: '+15550100'}], early_media: nonsense}",
    "- type: answr",
)


def _step(chance: random.Random, wild: bool) -> str:
    if chance.random() < 0.3:
        name = chance.choice((*NAMES, "nobody") if wild else NAMES)
        return f"- type: fetch_flow\n  option: {{flow_id: {name}}}"
    return chance.choice(STEPS if wild else SOUND)


def _text(chance: random.Random) -> str:
    """Return a flow, mostly without a mistake; steps may lead to one of the flow that fetched theirs."""
    wild = chance.random() < 0.3
    if wild and chance.random() < 0.1:
        return "actions: [broken"
    name = f"name: {chance.choice(NAMES)}\n" if wild and chance.random() < 0.2 else ""
    after = f"on_complete_flow_id: {chance.choice(NAMES)}\n" if chance.random() < 0.2 else ""
    steps = "\n".join(_step(chance, wild) for _ in range(chance.randint(1, 4)))
    tail = "- id: top\n  type: beep\n" if chance.random() < 0.4 else ""  # reached only from elsewhere
    back = "- type: goto\n  option: {target_id: top, loop_count: 2}\n" if chance.random() < 0.2 else ""
    return f"{name}{after}actions:\n{steps}\n{back}- type: hangup\n{tail}"


def _edits(folder: Path, chance: random.Random) -> Iterator[None]:
    """Change the folder over and over, a little each time; what went wrong is often put right at once."""
    sound = folder / "hello.wav"
    for _ in range(25):
        file = folder / f"{chance.choice(NAMES)}.yaml"
        before = file.read_bytes() if file.exists() else None
        what = chance.random()
        if what < 0.1:
            file.unlink(missing_ok=True)
        elif what < 0.2:
            sound.touch() if chance.random() < 0.5 else sound.unlink(missing_ok=True)
        else:
            file.write_text(_text(chance))
        yield
        if before is not None and chance.random() < 0.7:
            file.write_bytes(before)
            yield


def _sound_flows(folder: Path) -> None:
    (folder / "hello.wav").touch()
    for name in NAMES:
        (folder / f"{name}.yaml").write_text("actions: [{type: answer}, {type: hangup}]")


def _told(found: tuple[FlowSet | None, list[Finding]]) -> tuple[list[object], list[Finding]]:
    flows, findings = found
    return ([None] if flows is None else list(flows)), findings


@pytest.mark.parametrize("seed", range(8))
def test_after_any_edit_it_is_as_read_for_the_first_time(tmp_path: Path, seed: int) -> None:
    _sound_flows(tmp_path)
    memory, good = Memory(), 0
    for _ in _edits(tmp_path, random.Random(seed)):
        again = load_flows(tmp_path, base=tmp_path, memory=memory)
        memory.forget_others()
        assert _told(again) == _told(load_flows(tmp_path, base=tmp_path))
        good += again[0] is not None
    assert good  # else only mistakes were compared


def test_only_what_changed_is_compiled(tmp_path: Path) -> None:
    _sound_flows(tmp_path)
    memory = Memory()
    first, _ = load_flows(tmp_path, memory=memory)
    (tmp_path / "sales.yaml").write_text("actions: [{type: answer}, {type: beep}, {type: hangup}]")
    (tmp_path / "menu.yaml").write_text("actions: [{type: answr}]")
    assert load_flows(tmp_path, memory=memory)[0] is None
    (tmp_path / "menu.yaml").write_text("actions: [{type: answer}, {type: hangup}]")
    (tmp_path / "night.yaml").touch()
    second, _ = load_flows(tmp_path, memory=memory)
    assert first is not None and second is not None
    same = {flow.name for flow in second if flow is first.get(flow.name)}
    assert same == {"reception", "hours", "night"}


def test_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    _sound_flows(tmp_path)
    memory = Memory()
    first, _ = load_flows(tmp_path, memory=memory)
    memory.forget_others()
    text = (tmp_path / "sales.yaml").read_bytes()
    (tmp_path / "sales.yaml").unlink()
    load_flows(tmp_path, memory=memory)
    memory.forget_others()
    (tmp_path / "sales.yaml").write_bytes(text)
    second, _ = load_flows(tmp_path, memory=memory)
    assert first is not None and second is not None
    assert list(first) == list(second)
    assert {flow.name for flow in second if flow is not first.get(flow.name)} == {"sales"}


def test_others_have_their_turn_between_files(tmp_path: Path) -> None:
    _sound_flows(tmp_path)
    pauses: list[None] = []
    memory = Memory(lambda: pauses.append(None))
    for _ in range(2):  # also where nothing has changed
        pauses.clear()
        load_flows(tmp_path, memory=memory)
        assert len(pauses) >= 2 * len(NAMES)
