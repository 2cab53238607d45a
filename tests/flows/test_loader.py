"""Loading folders of flows: all or nothing, by name and by UUID."""

from pathlib import Path

import pytest

from flows import FlowSet, load_flow_file, load_flow_text, load_flows

GOOD = "actions: [{type: answer}]\n"


def test_all_flows_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "reception.yaml").write_text(GOOD)
    (tmp_path / "b.yml").write_text("name: Opening hours\ndetail: when\n" + GOOD)
    (tmp_path / "notes.txt").write_text("no flow")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "c.yaml").write_text("broken: [")
    flows, findings = load_flows(tmp_path)
    assert not findings
    assert flows is not None
    assert sorted(flows.names()) == ["Opening hours", "reception"]
    hours = flows.get("Opening hours")
    assert hours is not None
    assert (hours.detail, hours.trusted, flows.get(str(hours.uuid).upper())) == ("when", True, hours)
    assert "reception" in flows
    assert "b" not in flows
    assert flows.get("missing") is None
    assert len(flows) == len(list(flows)) == 2


def test_one_error_refuses_all(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text("actions: [{type: dance}]")
    (tmp_path / "worse.yaml").write_text("actions: [")
    flows, findings = load_flows(tmp_path)
    assert flows is None
    assert {finding.file.name for finding in findings} == {"bad.yaml", "worse.yaml"}


def test_warnings_do_not_refuse(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("actions: [{id: x, type: beep}, {type: goto, option: {target_id: x}}]")
    flows, findings = load_flows(tmp_path)
    assert flows is not None
    assert len(findings) == 1


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    flows, findings = load_flows(tmp_path / "missing")
    assert flows is None
    assert [str(f) for f in findings] == [f"{tmp_path}/missing:1:1: is not a folder of flows"]


def test_an_empty_folder_is_an_empty_set(tmp_path: Path) -> None:
    flows, findings = load_flows(tmp_path)
    assert (flows is not None and len(flows), findings) == (0, [])


def test_equal_uuids_are_refused(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text("id: 5b1f0a52-0000-4000-8000-00000000000b\n" + GOOD)
    flows, findings = load_flows(tmp_path)
    assert flows is None
    assert "exists already" in findings[0].message


def test_single_files_do_not_need_the_others(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("on_complete_flow_id: b\nactions: [{type: fetch_flow, option: {flow_id: c}}]")
    flow, findings = load_flow_file(file)
    assert flow is not None
    assert (flow.name, findings) == ("a", [])
    assert load_flow_file(tmp_path / "missing.yaml")[0] is None


def test_json_is_read_as_well() -> None:
    flow, findings = load_flow_text(
        '{"actions": [{"type": "sleep", "option": {"duration": 5}}]}', Path("api")
    )
    assert flow is not None
    assert not findings
    assert FlowSet([flow]).names() == ("api",)


def test_a_large_flow_is_checked_in_reasonable_time(tmp_path: Path) -> None:
    steps = "".join(
        f"  - id: s{n}\n    type: branch\n    option: {{variable: x, target_ids: {{a: s{(n * 7) % 5000}}}, "
        f"default_target_id: s{(n + 1) % 5000}}}\n"
        for n in range(5000)
    )
    file = tmp_path / "large.yaml"
    file.write_text("actions:\n" + steps)
    flow, findings = load_flow_file(file)
    assert flow is not None
    assert len(flow.actions) == 5000
    assert len(findings) == 2  # it spins, and it has no way out


def test_too_many_steps_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "huge.yaml"
    file.write_text("actions:\n" + "  - type: beep\n" * 5001)
    flow, findings = load_flow_file(file)
    assert flow is None
    assert "has more than 5000 items" in findings[0].message


@pytest.mark.parametrize("name", ["../evil", "a/b", "ünïcode ✓"])
def test_names_are_only_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.yaml").write_text(f"name: {name}\n{GOOD}")
    flows, _ = load_flows(tmp_path)
    assert flows is not None
    assert flows.get(name) is not None
