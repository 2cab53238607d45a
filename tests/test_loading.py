"""A configuration as a whole: what its files say about each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from voipbin_sip.loading import Loaded, load

FLOW = """
actions:
  - type: connect
    option: {{destinations: [{destination}]}}
"""


def configuration(folder: Path, flow: str) -> Path:
    (folder / "flows").mkdir()
    (folder / "flows" / "desk.yaml").write_text(flow)
    (folder / "directory.yaml").write_text("""
numbers: [{number: "100", flow: desk}]
extensions: [{extension: "1000"}, {extension: workshop}]
conferences: [{id: weekly}]
providers: [{id: carrier, hostname: sip.example.com}]
routes: [{provider_id: carrier, target: "+15"}]
""")
    (folder / "voipbin.yaml").write_text(
        "{flows: flows, directory: directory.yaml, outbound: {allow: [+1, sip.example.org]}}"
    )
    return folder / "voipbin.yaml"


@pytest.mark.parametrize(
    "destination",
    [
        '{type: extension, target: "1000"}',
        '{type: extension, target: "1000", target_name: Front desk}',
        "{type: extension, target: 5b1f0a52-0000-4000-8000-000000000003, target_name: workshop}",
        '{type: extension, target: "${who}"}',
        '{type: tel, target: "+15550100"}',
        "{type: sip, target: bob@sip.example.org}",
    ],
)
def test_destinations_that_the_directory_knows(tmp_path: Path, destination: str) -> None:
    loaded, findings = load(configuration(tmp_path, FLOW.format(destination=destination)))
    assert loaded is not None and not findings, findings


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (
            FLOW.format(destination='{type: extension, target: "1001"}'),
            "desk.yaml:4:55: there is no extension '1001'; did you mean '1000'?",
        ),
        (
            FLOW.format(destination="{type: extension, target_name: werkshop}"),
            "desk.yaml:4:60: there is no extension 'werkshop'; did you mean 'workshop'?",
        ),
        (
            "actions: [{type: conference_join, option: {conference_id: daily}}]",
            "desk.yaml:1:59: there is no conference 'daily'",
        ),
    ],
)
def test_destinations_that_it_does_not_know(tmp_path: Path, flow: str, expected: str) -> None:
    loaded, findings = load(configuration(tmp_path, flow))
    assert loaded is None
    assert [str(finding).replace(f"{tmp_path}/flows/", "") for finding in findings] == [expected]


@pytest.mark.parametrize(
    ("destination", "why"),
    [
        (
            '{type: tel, target: "+493012345678"}',
            "this call will be refused: outbound.allow names no beginning",
        ),
        ("{type: sip, target: bob@sip.example.net}", "refused: outbound.allow does not name sip.example.net"),
        ('{type: tel, target: "+12025550123"}', "no route in the directory leads to +12025550123"),
    ],
)
def test_calls_that_will_not_leave_the_server_are_warned_of(
    tmp_path: Path, destination: str, why: str
) -> None:
    loaded, findings = load(configuration(tmp_path, FLOW.format(destination=destination)))
    assert loaded is not None
    (finding,) = (str(finding).replace(f"{tmp_path}/flows/", "") for finding in findings)
    assert finding.startswith("desk.yaml:4:")
    assert "warning: " in finding and why in finding


MAIL = "actions: [{type: email_send, option: {destinations: [{type: email, target: a@b.example}]}}]"


def test_mail_that_nobody_will_send_is_warned_of(tmp_path: Path) -> None:
    path = configuration(tmp_path, MAIL)
    loaded, findings = load(path)
    assert loaded is not None
    assert [str(finding).rpartition("/")[2] for finding in findings] == [
        "desk.yaml:1:11: warning: no mail is sent: smtp.host in voipbin.yaml is empty"
    ]
    path.write_text(
        "{flows: flows, directory: directory.yaml, smtp: {host: mail.example, from: a@b.example}}"
    )
    loaded, findings = load(path)
    assert loaded is not None
    assert not any("no mail" in finding.message for finding in findings)


def test_what_a_file_names_by_an_id_may_be_the_apis(tmp_path: Path) -> None:
    ours = "5b1f0a52-0000-4000-8000-000000000003"
    flow = FLOW.format(destination=f"{{type: extension, target: {ours}}}") + f"on_complete_flow_id: {ours}\n"
    config = configuration(tmp_path, flow)
    directory = tmp_path / "directory.yaml"
    directory.write_text(directory.read_text().replace("flow: desk", f"flow: {ours}"))
    loaded, findings = load(config)
    assert loaded is not None
    assert [(finding.severity.value, finding.message) for finding in findings] == [
        ("warning", f"no file has the flow {ours}; it has to be one that the API made"),
        ("warning", f"no file has the extension {ours}; it has to be one that the API made"),
        ("warning", f"no file has the flow {ours}; it has to be one that the API made"),
    ]


def _parts(loaded: Loaded | None) -> tuple[object, ...]:
    if loaded is None:
        return ()
    return loaded.config, loaded.places, loaded.directory, list(loaded.flows), loaded.path


def test_read_again_it_is_as_read_for_the_first_time(tmp_path: Path) -> None:
    path = configuration(tmp_path, FLOW.format(destination='{type: extension, target: "1000"}'))
    directory, flow = tmp_path / "directory.yaml", tmp_path / "flows" / "desk.yaml"
    first, _ = load(path)
    assert first is not None
    edits = (
        (directory, 'numbers: [{number: "100", flow: desc}]'),
        (directory, 'numbers: [{number: "200", flow: desk}]\nextensions: [{extension: "1001"}]'),
        (flow, FLOW.format(destination='{type: extension, target: "1001"}')),
        (flow, "actions: [broken"),
        (path, "{flows: flows, directory: directory.yaml, domian: x}"),
        (flow, "name: other\nactions: [{type: answer}]"),
        (path, "{flows: flows, directory: directory.yaml, domain: example.com}"),
        (directory, 'numbers: [{number: "300", flow: other}]'),
    )
    good = 0
    for file, text in edits:
        file.write_text(text)
        (again, findings), (anew, expected) = load(path, first.memory), load(path)
        assert findings == expected
        assert _parts(again) == _parts(anew)
        good += again is not None
    assert good == 2
