"""Reading the configuration again: all or nothing, whatever is wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.fakes.authority import Authority
from voipbin_sip.app import reload
from voipbin_sip.app.parts import read_directory
from voipbin_sip.app.reload import Reloader
from voipbin_sip.directory import Directory
from voipbin_sip.loading import Loaded, load
from voipbin_sip.transport.certificate import Certificates
from voipbin_sip.transport.tls_terms import TlsTerms

FLOW = "name: hello\nactions:\n  - {type: answer}\n  - {type: hangup}\n"


class Office:
    """A folder of files, and what is in force."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "flows").mkdir()
        self.write("voipbin.yaml", "data_dir: data\ndrain_seconds: 1\n")
        self.write("directory.yaml", 'numbers:\n  - {number: "100", flow: hello}\n')
        self.write("flows/hello.yaml", FLOW)
        (folder / "data").mkdir()
        loaded, findings = load(folder / "voipbin.yaml")
        assert loaded is not None, findings
        self.started = loaded
        self.in_force: list[tuple[Loaded, Directory]] = []
        self.faults = 0
        self.changed = asyncio.Event()

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def ready(self, loaded: Loaded, directory: Directory) -> Callable[[], None]:
        return lambda: self.use(loaded, directory)

    def use(self, loaded: Loaded, directory: Directory) -> None:
        self.in_force.append((loaded, directory))
        if self.faults:
            self.faults -= 1
            raise RuntimeError("a fault of ours")
        self.changed.set()

    def reloader(self, *certificates: Certificates) -> Reloader:
        directory = read_directory(self.started, self.started.places.data)
        return Reloader(self.started, certificates, self.ready, directory)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    yield Office(tmp_path)


async def test_everything_new_is_taken_at_once(office: Office) -> None:
    reloader = office.reloader()
    office.write("flows/second.yaml", FLOW.replace("hello", "second"))
    numbers = 'numbers:\n  - {number: "100", flow: second}\nextensions:\n  - {extension: "1000"}\n'
    office.write("directory.yaml", numbers)
    result = await reloader.reload("api")
    assert (result.ok, result.version, result.flows, result.cause) == (True, 1, 2, "api")
    ((loaded, directory),) = office.in_force
    assert {flow.name for flow in loaded.flows} == {"hello", "second"}
    assert directory.numbers["100"].flow == "second"
    assert directory.password("1000")  # made, as at the start
    assert reloader.last is result


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("flows/hello.yaml", "name: hello\nactions:\n  - type: answr\n", "hello.yaml:3:11: "),
        ("directory.yaml", 'numbers:\n  - {number: "100", flow: helo}\n', "directory.yaml:2:"),
        ("voipbin.yaml", "data_dir: data\nsipp: {}\n", "voipbin.yaml:2:1: "),
        ("voipbin.yaml", "data_dir: [\n", "voipbin.yaml:"),
        (
            "directory.yaml",
            'extensions:\n  - {extension: "1", password_file: gone}\n',
            "directory.yaml:2:37: ",
        ),
    ],
)
async def test_any_error_keeps_all_of_the_old(office: Office, file: str, text: str, found: str) -> None:
    reloader = office.reloader()
    office.write("flows/good.yaml", FLOW.replace("hello", "good"))
    office.write(file, text)
    result = await reloader.reload("signal")
    assert not result.ok
    assert (result.version, result.flows, reloader.refused) == (0, 1, 1)
    assert office.in_force == []
    assert any(found in str(finding) for finding in result.findings), result.findings


async def test_what_needs_a_restart_is_named_and_left_alone(office: Office) -> None:
    reloader = office.reloader()
    office.write("voipbin.yaml", "data_dir: data\ndrain_seconds: 5\nsip: {advertise: 192.0.2.1}\n")
    result = await reloader.reload("files")
    assert result.ok
    assert result.restart == ["sip.advertise", "drain_seconds"]
    assert office.in_force[0][0].config == office.started.config


async def test_flows_may_move_to_another_folder(office: Office) -> None:
    reloader = office.reloader()
    (office.folder / "other").mkdir()
    office.write("other/hello.yaml", FLOW)
    office.write("other/more.yaml", FLOW.replace("hello", "more"))
    office.write("voipbin.yaml", "data_dir: data\ndrain_seconds: 1\nflows: other\n")
    result = await reloader.reload("api")
    assert (result.ok, result.flows, list(result.restart)) == (True, 2, [])


async def test_a_fault_of_ours_while_it_is_put_into_force_brings_the_old_back(office: Office) -> None:
    reloader = office.reloader()
    office.write("flows/more.yaml", FLOW.replace("hello", "more"))
    office.faults = 1
    result = await reloader.reload("api")
    assert not result.ok
    assert [len(loaded.flows) for loaded, _ in office.in_force] == [2, 1]
    assert (await reloader.reload("api")).flows == 2


async def test_a_certificate_that_does_not_fit_refuses_all(office: Office) -> None:
    pair = Authority(office.folder).pair("127.0.0.1")
    certificates = Certificates(TlsTerms(certificate=pair.certificate, key=pair.key))
    reloader, old = office.reloader(certificates), certificates.server
    pair.key.write_text("no key")
    office.write("flows/more.yaml", FLOW.replace("hello", "more"))
    result = await reloader.reload("api")
    assert not result.ok
    assert "holds no private key" in str(result.findings[0])
    assert office.in_force == []
    assert certificates.server is old


async def test_changed_files_are_noticed_once_they_are_at_rest(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(reload, "AT_REST", 0.05)
    reloader = office.reloader()
    reloader.watch()
    office.write("flows/hello.yaml", "name: hello\nactions:\n  - type: answ")  # an editor is half through
    await asyncio.sleep(0.02)
    office.write("flows/hello.yaml", FLOW.replace("{type: answer}", "{type: answer}\n  - {type: answer}"))
    async with asyncio.timeout(5.0):
        await office.changed.wait()
    await reloader.close()
    assert reloader.last.cause == "files"
    assert reloader.refused == 0
    assert len(next(iter(office.in_force[-1][0].flows)).actions) == 3


async def test_many_signals_at_once_are_served_by_few_reloads(office: Office) -> None:
    reloader = office.reloader()
    for _ in range(50):
        reloader.soon()
    async with asyncio.timeout(5.0):
        await office.changed.wait()
    reloader.soon()
    await asyncio.sleep(0.1)
    await reloader.close()
    assert 1 <= len(office.in_force) <= 3
