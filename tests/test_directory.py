"""Configuration and directory files: every mistake with its place, passwords that are made once and kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from voipbin_sip.config import load_config, locations
from voipbin_sip.directory import DirectoryFile, ExtensionEntry, load_directory, read_passwords

REPOSITORY = Path(__file__).resolve().parents[1]


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_shipped_configuration_says_what_the_defaults_are() -> None:
    path = REPOSITORY / "config" / "voipbin.yaml"
    config, findings = load_config(path)
    assert findings == []
    assert config is not None
    defaults = type(config)()
    assert config.model_copy(update={"flows": defaults.flows, "directory": defaults.directory}) == defaults
    places = locations(config, path)
    assert places.flows == REPOSITORY / "config" / "flows"
    assert places.data == REPOSITORY / "data"


def test_every_key_has_a_default(tmp_path: Path) -> None:
    config, findings = load_config(write(tmp_path, "voipbin.yaml", "domain: example.org\n"))
    assert findings == []
    assert config is not None
    assert config.sip.listen == ["udp://0.0.0.0:5060", "tcp://0.0.0.0:5060"]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("domian: x\n", "1:1", "did you mean 'domain'"),
        ("sip:\n  listen: [0.0.0.0:5060]\n", "2:12", "udp://, tcp:// or tls://"),
        ("sip: {advertise: example.org}\n", "1:18", "auto or an IP address"),
        ("sip: {local_networks: [192.168.1.0/33]}\n", "1:24", "a network like 192.0.2.0/24"),
        ("sip: {session_expires: 30}\n", "1:24", "90 to 86400"),
        ("media: {ports: 20000-10000}\n", "1:16", "lower number first"),
        ("media: {workers: none}\n", "1:18", "auto"),
        ("drain_seconds: soon\n", "1:16", "number"),
        ("domain: a\ndomain: b\n", "2:1", "line 1"),
        ("http: {listen: 8080}\n", "1:16", "like 127.0.0.1:8080"),
    ],
)
def test_mistakes_in_the_configuration(tmp_path: Path, text: str, place: str, words: str) -> None:
    path = write(tmp_path, "voipbin.yaml", text)
    config, findings = load_config(path)
    assert config is None
    assert len(findings) == 1
    assert str(findings[0]).startswith(f"{path}:{place}: ")
    assert words in findings[0].message


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('numbers: [{number: "+155", flow: menu}]\n', "1:20", "7 to 15 digits"),
        ("numbers: [{number: 10 0, flow: menu}]\n", "1:20", "digits"),
        ("numbers: [{number: 100, flow: mnu}]\n", "1:31", "did you mean 'menu'"),
        ("numbers: [{number: 100}]\n", "1:11", "flow"),
        ("numbers: [{number: 100, flow: menu, publik: true}]\n", "1:37", "did you mean 'public'"),
        ("numbers: [{number: 100, flow: menu, public: perhaps}]\n", "1:45", "true or false"),
        ("numbers:\n- {number: 100, flow: menu}\n- {number: 100, flow: menu}\n", "3:12", "line 2"),
        ("extensions:\n- {extension: a}\n- {extension: a}\n", "3:15", "line 2"),
        ("extensions: [{extension: a b}]\n", "1:26", "letters"),
        ("extensions: [{extension: a, password: ''}]\n", "1:39", ""),
    ],
)
def test_mistakes_in_the_directory(tmp_path: Path, text: str, place: str, words: str) -> None:
    path = write(tmp_path, "directory.yaml", text)
    directory, findings = load_directory(path, ["menu"])
    assert directory is None
    assert len(findings) == 1
    assert str(findings[0]).startswith(f"{path}:{place}: ")
    assert words in findings[0].message


def test_numbers_keep_what_was_written(tmp_path: Path) -> None:
    path = write(
        tmp_path, "directory.yaml", "numbers: [{number: +4915112345, flow: no}, {number: 0123, flow: no}]\n"
    )
    directory, findings = load_directory(path, ["no"])
    assert findings == []
    assert directory is not None
    assert [entry.number for entry in directory.numbers] == ["+4915112345", "0123"]


def test_passwords_are_made_once_and_readable_by_us_only(tmp_path: Path) -> None:
    entries = DirectoryFile(extensions=(ExtensionEntry(extension="1000"), ExtensionEntry(extension="1001")))
    first = read_passwords(entries, tmp_path, tmp_path)
    assert first == read_passwords(entries, tmp_path, tmp_path)
    assert len(set(first.values())) == 2
    assert all(len(password) >= 16 for password in first.values())
    (store,) = tmp_path.iterdir()
    assert stat.S_IMODE(store.stat().st_mode) == 0o600


def test_passwords_that_the_operator_gave(tmp_path: Path) -> None:
    write(tmp_path, "workshop.txt", "hammer\n")
    entries = DirectoryFile(
        extensions=(
            ExtensionEntry(extension="1000", password="desk"),
            ExtensionEntry(extension="1001", password_file=Path("workshop.txt")),
        )
    )
    assert read_passwords(entries, tmp_path, tmp_path / "data") == {"1000": "desk", "1001": "hammer"}
