"""Trunks, providers and routes in the directory: every mistake with its place, and who owns a source address."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from voipbin_sip.directory import Directory, DirectoryFile, load_directory, read_secrets
from voipbin_sip.directory.sources import Sources
from voipbin_sip.loading import load

ROOT = Path(__file__).resolve().parents[1]

TRUNK = "trunks: [{domain_name: office, auth_types: [%s], %s}]\n"
PROVIDER = "providers: [{id: a, hostname: sip.example.com, %s}]\n"


def read(folder: Path, text: str) -> tuple[DirectoryFile | None, list[str]]:
    path = folder / "directory.yaml"
    path.write_text(text)
    entries, findings = load_directory(path, ["menu"])
    return entries, [str(finding).removeprefix(f"{path}:") for finding in findings]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (TRUNK % ("basic", "username: u"), "1:10", "'username' and 'password'"),
        (TRUNK % ("ip", "username: u"), "1:10", "'allowed_ips' is missing"),
        (TRUNK % ("digest", "username: u"), "1:45", "'digest' is not one of basic, ip"),
        (TRUNK % ("ip", "allowed_ips: [sip.example.com]"), "1:64", "IP address or a network"),
        ("trunks: [{domain_name: My.Office, auth_types: [ip], allowed_ips: ['::1']}]\n", "1:24", "one label"),
        ("providers: [{id: a}]\n", "1:13", "'hostname' is missing"),
        ("providers: [{id: a, hostname: 'a b'}]\n", "1:31", "must be a host"),
        ("providers: [{id: a, hostname: '::1'}]\n", "1:31", "in brackets"),
        ("providers: [{id: a, hostname: 'sip.example.com:70000'}]\n", "1:31", "must be a host"),
        (PROVIDER % "tech_headers: {P-Asserted-Identity: x}", "1:84", "written by the server itself"),
        (PROVIDER % "tech_headers: {vb-call-id: x}", "1:75", "written by the server itself"),
        (PROVIDER % "tech_headers: {f: x}", "1:66", "written by the server itself"),
        (PROVIDER % "tech_headers: {'X (a)': x}", "1:72", "is not a header name"),
        (PROVIDER % 'tech_headers: {X-A: "a\\r\\nb"}', "1:68", "one line"),
        (PROVIDER % "codecs: 'PCMU,GSM'", "1:56", "there is no codec 'GSM'"),
        (PROVIDER % "tech_prefix: '12@4'", "1:61", "may hold letters"),
        (PROVIDER % "register: 60", "1:13", "'register' needs 'username'"),
        (PROVIDER % "username: u", "1:13", "'username' goes with 'password'"),
        (PROVIDER % "caller_id: {user: username}", "1:13", "there is no 'username'"),
        (PROVIDER % "caller_id: {number: '0301234'}", "1:68", "E.164"),
        (PROVIDER % "caller_id: {domain: 'x.example:5070'}", "1:68", "without a port"),
        (PROVIDER % "rewrite_out: [{prefix: abc, by: '0'}]", "1:71", "beginning of a number"),
        (PROVIDER % "transport: sctp", "1:59", "udp, tcp, tls"),
        (PROVIDER % "hostnam: x", "1:48", "did you mean 'hostname'"),
        ("routes: [{provider_id: a}]\n", "1:24", "there is no provider 'a'"),
        (PROVIDER % "" + "routes: [{provider_id: b}]\n", "2:24", "there is no provider 'b'"),
        (PROVIDER % "" + "routes: [{provider_id: a, target: 49}]\n", "2:35", "+49"),
        (PROVIDER % "" + "routes: [{provider_id: a, priority: high}]\n", "2:37", "whole number"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, place: str, words: str) -> None:
    entries, findings = read(tmp_path, text)
    assert entries is None
    assert len(findings) == 1, findings
    assert findings[0].startswith(f"{place}: "), findings
    assert words in findings[0]


def test_two_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    _, findings = read(tmp_path, "providers:\n- {id: a, hostname: x}\n- {id: a, hostname: y}\n")
    assert findings == ["3:8: id 'a' stands already at line 2"]


def test_passwords_of_trunks_and_providers_come_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "office.txt").write_text("hammer\n")
    entries, findings = read(
        tmp_path,
        """
trunks:
- {domain_name: office, auth_types: [basic], username: pbx, password_file: office.txt}
- {domain_name: lab, auth_types: [ip], allowed_ips: [192.0.2.0/24, 2001:db8::7]}
providers:
- {id: first, hostname: "[2001:db8::1]:5070", username: me, password: saw, codecs: "pcma, PCMU", register: 60}
- {id: second, hostname: sip.example.com}
""",
    )
    assert entries is not None, findings
    directory = Directory.of(entries, read_secrets(entries, tmp_path, tmp_path))
    assert directory.trunk_passwords == {"office": "hammer"}
    assert directory.credentials("first") == ("me", "saw")
    assert directory.credentials("second") is None
    first = directory.providers["first"]
    assert (first.host, first.port, first.codecs) == ("2001:db8::1", 5070, ("PCMA", "PCMU"))
    assert directory.sources.owners("192.0.2.77") == [directory.trunks["lab"]]


def test_password_files_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "noise").write_bytes(b"\xff\xfe")
    found = configured(
        tmp_path,
        "domain: office.example\n",
        """
extensions:
- {extension: "1000", password_file: gone}
- {extension: "1001", password: word, password_file: gone}
trunks:
- {domain_name: office, auth_types: [basic], username: pbx, password_file: empty}
providers:
- {id: carrier, hostname: sip.example.com, username: me, password_file: noise}
""",
    )
    assert found == [
        f"directory.yaml:3:38: {tmp_path}/gone cannot be read: No such file or directory",
        f"directory.yaml:6:76: {tmp_path}/empty is empty",
        f"directory.yaml:8:73: {tmp_path}/noise is not text",
    ]


def test_passwords_are_in_no_finding(tmp_path: Path) -> None:
    _, findings = read(tmp_path, "providers: [{id: a, hostname: h, username: u, password: [hush]}]\n")
    assert len(findings) == 1
    assert "hush" not in findings[0]


def test_the_longest_network_owns_an_address() -> None:
    sources = Sources(
        [
            ("192.0.2.0/24", "net"),
            ("192.0.2.7", "host"),
            ("192.0.2.7/32", "beside"),
            ("0.0.0.0/0", "all"),
            ("2001:db8::/32", "six"),
            ("192.0.2.128/25", "half"),
        ]
    )
    assert sources.owners("192.0.2.7") == ["host", "beside", "net", "all"]
    assert sources.owners("192.0.2.200") == ["half", "net", "all"]
    assert sources.owners("198.51.100.1") == ["all"]
    assert sources.owners("2001:db8::5%eth0") == ["six"]
    assert sources.owners("2001:db9::5") == []
    assert sources.owners("::ffff:192.0.2.200") == ["half", "net", "all"]
    assert sources.owners("no address") == []
    assert Sources[str]().owners("192.0.2.7") == []


def configured(folder: Path, config: str, directory: str) -> list[str]:
    (folder / "flows").mkdir()
    (folder / "flows" / "reception.yaml").write_text("actions: [{type: answer}]\n")
    (folder / "directory.yaml").write_text(directory)
    (folder / "voipbin.yaml").write_text(config)
    return [str(finding).removeprefix(f"{folder}/") for finding in load(folder / "voipbin.yaml")[1]]


def test_the_examples_of_the_documentation(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "trunks.md").read_text()
    config, directory = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    for name in re.findall(r"password_file: (\S+)", directory):
        (tmp_path / name).write_text("word\n")
    assert configured(tmp_path, config, directory) == []


def test_the_commented_examples_of_the_shipped_directory(tmp_path: Path) -> None:
    shipped = (ROOT / "config" / "directory.yaml").read_text()
    example = shipped[shipped.index("# providers:") :].replace("\n#", "\n").removeprefix("#")
    entries, findings = read(tmp_path, re.sub(r"^ ", "", example, flags=re.MULTILINE))
    assert findings == []
    assert entries is not None
    assert entries.providers and entries.routes and entries.trunks


def test_the_number_that_is_shown_must_be_ours(tmp_path: Path) -> None:
    config = 'outbound:\n  default_outgoing_source_number: "+493012345679"\n'
    findings = configured(tmp_path, config, 'numbers: [{number: "+493012345678", flow: reception}]\n')
    assert findings == [
        "voipbin.yaml:2:35: there is no number '+493012345679' in the directory; did you mean '+493012345678'?"
    ]
