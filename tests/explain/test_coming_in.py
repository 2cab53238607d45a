"""Calls that come in, explained from files: who the caller is, what was dialled, where it leads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.explain.office import CARRIERS, CONFIG, DESK, DIRECTORY, OURS, Office, topic, write_office
from voipbin_sip.transport.limits import Standing

TRUNK, PLANT, STRANGER = "192.0.2.20", "198.51.100.7", "198.51.100.99"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return write_office(tmp_path_factory.mktemp("office"))


@pytest.mark.parametrize(
    ("to", "caller", "source", "result", "status", "target"),
    [
        ("200", "1000", "", "flow", 0, "reception"),
        ("1001", "1000", "", "phones", 0, "1001"),
        ("1000", "1000", "", "phones", 0, "1000"),
        ("200", "", TRUNK, "flow", 0, "reception"),
        ("200", "1000", TRUNK, "flow", 0, "reception"),
        ("1001", "+4930555", PLANT, "phones", 0, "1001"),
        ("conference:weekly", "1000", "", "conference", 0, "weekly"),
        ("weekly@conference.voipbin.test", "1000", "", "conference", 0, "weekly"),
        ("300", "1000", "", "refused", 404, ""),
        ("999", "1000", "", "refused", 404, ""),
        ("999", "", TRUNK, "refused", 404, ""),
        ("200", "", "", "asked", 407, ""),
        ("200", "", STRANGER, "asked", 407, ""),
        ("999", "", STRANGER, "asked", 407, ""),
        ("200", "1009", STRANGER, "asked", 407, ""),
        ("200", "anonymous", "", "asked", 407, ""),
        (OURS, "", STRANGER, "flow", 0, "reception"),
        (OURS, "anonymous", "", "flow", 0, "reception"),
        (OURS, "+4915112345678", "", "flow", 0, "reception"),
        ("493012345678", "", STRANGER, "flow", 0, "reception"),
        ("0049 30 12345678", "", STRANGER, "flow", 0, "reception"),
        ("030-12345678", "", STRANGER, "flow", 0, "reception"),
        (f"tel:{OURS}", "", STRANGER, "flow", 0, "reception"),
        (f"sip:{OURS}@192.0.2.1;user=phone", "", STRANGER, "flow", 0, "reception"),
        (DESK, "", CARRIERS, "flow", 0, "connecting"),
        ("03012345600", "+4989123", CARRIERS, "flow", 0, "connecting"),
        ("1000", "", CARRIERS, "refused", 404, ""),
        ("200", "", CARRIERS, "flow", 0, "reception"),
        ("200@office.trunk.voipbin.test", "", STRANGER, "flow", 0, "reception"),
        ("200@plant.trunk.voipbin.test", "", STRANGER, "asked", 407, ""),
        ("200@plant.trunk.voipbin.test", "", PLANT, "flow", 0, "reception"),
        ("200@nobody.trunk.voipbin.test", "", STRANGER, "asked", 407, ""),
        ("bob@other.example", "1000", "", "refused", 404, ""),
        ("sip:200@[2001:db8::1]", "1000", "", "flow", 0, "reception"),
    ],
)
def test_where_a_call_leads(
    office: Office, to: str, caller: str, source: str, result: str, status: int, target: str
) -> None:
    told = office.ask(to, caller, source)
    assert (told.result, told.status, told.target) == (result, status, target)
    assert not told.live and told.notes
    assert told.decisions and all(
        decision.text.rstrip(":").endswith((".", "?", ")")) or decision.lines for decision in told.decisions
    )


def test_the_trunk_of_the_longest_network_with_its_place(office: Office) -> None:
    told = topic(office.ask("200", "", "192.0.2.7"), "caller")
    assert "the trunk plant" in told.text and "(192.0.2.7)" in told.text
    assert told.where == (office.line("directory.yaml", "domain_name: plant"),)
    other = topic(office.ask("200", "", TRUNK), "caller")
    assert "the trunk office" in other.text and "192.0.2.0/24" in other.text


def test_who_is_asked_for_which_password(office: Office) -> None:
    phone = topic(office.ask("200", "1000"), "caller")
    assert "extension 1000 once its phone has given the password" in phone.text
    assert phone.where == (office.line("directory.yaml", 'extension: "1000"'),)
    trunk = topic(office.ask("200@office.trunk.voipbin.test", "", STRANGER), "caller")
    assert "its user pbx" in trunk.text
    assert "hammer" not in str(office.ask("200@office.trunk.voipbin.test", "", STRANGER))
    plant = topic(office.ask("200@plant.trunk.voipbin.test", "", STRANGER), "caller")
    assert "known by its address only" in plant.text


def test_a_phone_at_the_address_of_a_trunk_is_a_phone(office: Office) -> None:
    assert "extension 1000" in topic(office.ask("200", "1000", TRUNK), "caller").text


def test_a_stranger_is_told_nothing_and_the_operator_everything(office: Office) -> None:
    private = office.ask("200", "", STRANGER)
    missing = office.ask("99", "", STRANGER)
    assert private.summary == missing.summary  # what the caller sees
    number = topic(private, "number")
    assert office.line("directory.yaml", 'number: "200"') in number.text and "not public" in number.text
    assert "no number, extension or conference '99'" in topic(missing, "number").text


@pytest.mark.parametrize(
    ("to", "source", "meant"),
    [
        ("+493012345679", CARRIERS, "+493012345678"),
        ("12345678", CARRIERS, "+493012345678"),
        ("20O", TRUNK, "200"),
        ("10000", TRUNK, "1000"),
        ("conference:weekli", TRUNK, "weekly"),
        ("extension:10001", TRUNK, "1001"),
    ],
)
def test_what_was_probably_meant(office: Office, to: str, source: str, meant: str) -> None:
    assert f"did you mean '{meant}'?" in office.ask(to, "", source).summary


def test_an_extension_that_there_is_not(office: Office) -> None:
    assert "no extension 10011; did you mean '1001'?" in topic(office.ask("200", "10011"), "caller").text


def test_a_number_without_a_flow(office: Office) -> None:
    told = office.ask("300", "1000")
    assert "has no flow" in told.summary
    assert office.line("directory.yaml", 'number: "300"') in told.summary


@pytest.mark.parametrize(
    ("to", "source", "how"),
    [
        (OURS, STRANGER, f"{OURS} is a number of ours"),
        ("493012345678", STRANGER, "the + was left out"),
        ("004930-12345678", STRANGER, "00 in front means +"),
        ("03012345678", STRANGER, "in the country DE of outbound.default_outgoing_source_number"),
        ("+49-30-12345678", STRANGER, "without separators"),
        ("03012345600", CARRIERS, "rewrite_in puts +49 in place of 0"),
    ],
)
def test_how_a_number_was_read(office: Office, to: str, source: str, how: str) -> None:
    told = topic(office.ask(to, "", source), "number")
    assert how in told.text
    number = DESK if source == CARRIERS else OURS
    assert told.where == (office.line("directory.yaml", f'number: "{number}"'),)


def test_national_numbers_mean_nothing_without_a_number_of_ours_to_show(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    config = CONFIG.replace('  default_outgoing_source_number: "+493012345678"\n', "")
    office = write_office(tmp_path_factory.mktemp("homeless"), config=config)
    told = office.ask("03012345678", "", TRUNK)
    assert (told.result, told.status) == ("refused", 404)
    assert "default_outgoing_source_number" in told.summary


def test_the_steps_until_the_caller_is_waited_for(office: Office) -> None:
    told = topic(office.ask("200", "1000"), "flow")
    assert "up to the step digits_receive" in told.text
    assert told.where == ("reception.yaml:2",)
    assert told.lines == (
        f"{office.line('reception.yaml', 'answer')}  answer",
        f"{office.line('reception.yaml', 'talk')}  talk “Welcome to the office.”",
        f"{office.line('reception.yaml', 'menu')}  digits_receive menu, waits for the caller's digits",
    )


def test_a_flow_that_needs_nobody_is_walked_to_its_end(office: Office) -> None:
    told = topic(office.ask("400", "1001"), "flow")
    assert "goes through by itself (hung up" in told.text
    assert "“You are 1001.”" in told.lines[1]


def test_whom_a_flow_calls_is_followed(office: Office) -> None:
    told = office.ask(DESK, "+4915112345678", CARRIERS)
    assert [decision.topic for decision in told.decisions if decision.topic in ("connect", "phones", "provider")] == [
        "connect", "phones", "connect", "provider", "provider",
    ]  # fmt: skip
    carrier = told.sent[0]
    assert carrier.request_uri == "sip:00494098765432@sip.carrier.example;transport=udp"
    assert ("Privacy", "id") in carrier.headers  # the step is anonymous
    assert "No phone or trunk pays" in topic(told, "limits").text  # strangers pay for nothing


def test_nothing_listens_for_tls(office: Office) -> None:
    told = office.ask("200", "1000", transport="tls")
    assert (told.result, told.target) == ("ignored", "")
    assert office.line("voipbin.yaml", "listen:") in told.summary


def test_sources_that_the_server_does_not_hear(office: Office) -> None:
    seen = {STRANGER: Standing(banned=120.4), "198.51.100.98": Standing(limited=True)}
    view = replace(office.view(), live=True, standing=lambda host: seen.get(host, Standing()))
    banned = office.ask(OURS, "", STRANGER, view=view)
    assert (banned.result, banned.status) == ("ignored", 0)
    assert "banned for 120 s" in banned.summary
    assert "sends too much" in office.ask(OURS, "", "198.51.100.98", view=view).summary
    assert office.ask(OURS, "", "198.51.100.97", view=view).result == "flow"


def test_sound_that_has_to_be_encrypted(tmp_path_factory: pytest.TempPathFactory) -> None:
    office = write_office(tmp_path_factory.mktemp("secret"), config=f"{CONFIG}\nmedia: {{srtp: required}}\n")
    assert "488" in topic(office.ask("200", "1000"), "sound").text


def test_sound_that_a_provider_wants_encrypted(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = DIRECTORY.replace("codecs: PCMA\n", "codecs: PCMA\n    srtp: required\n")
    told = write_office(tmp_path_factory.mktemp("keys"), directory=directory).ask("+494098765432", "1000")
    assert [bool(sent.refused) for sent in told.sent] == [True, False]
    assert "TLS" in told.sent[0].refused
    assert told.summary.startswith("goes out by the provider backup")


def test_without_extensions_nobody_is_asked(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = 'numbers: [{number: "200", flow: clock}]\n'
    config = CONFIG.replace('  default_outgoing_source_number: "+493012345678"\n', "")
    office = write_office(tmp_path_factory.mktemp("bare"), config=config, directory=directory)
    (office.folder / "flows" / "connecting.yaml").unlink()
    told = office.ask("200", "1000")
    assert (told.result, told.status) == ("refused", 404)
    assert "no password to ask for" in topic(told, "caller").text
