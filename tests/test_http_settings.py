"""Key `http`: nothing that would send access keys in the clear, and mistakes at the place to mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.authority import Authority
from voipbin_sip.config import load_config
from voipbin_sip.http_settings import HttpSection


def findings(folder: Path, http: str) -> list[str]:
    path = folder / "voipbin.yaml"
    path.write_text(f"http:\n  {http}\n")
    return [str(finding).replace(f"{folder}/", "") for finding in load_config(path)[1]]


@pytest.fixture(autouse=True)
def authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path)
    authority.pair("ours")
    authority.pair("old", days=-1)
    return authority


@pytest.mark.parametrize(
    "http",
    [
        "{}",
        "listen: 127.0.0.1:8080",
        'listen: "[::1]:8080"',
        "listen: localhost:8080",
        "{listen: 0.0.0.0:443, tls: {certificate: ours.pem, key: ours.key}}",
        'origins: ["https://office.example.com", "http://localhost:3000"]',
    ],
)
def test_what_is_right(tmp_path: Path, http: str) -> None:
    assert findings(tmp_path, http) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "[::]", "[2001:db8::1]", "office.example.com"])
def test_without_tls_it_listens_on_this_machine_only(tmp_path: Path, host: str) -> None:
    (finding,) = findings(tmp_path, f'listen: "{host}:8080"')
    assert finding.startswith("voipbin.yaml:2:11: access keys would cross the network unencrypted: listen on")


@pytest.mark.parametrize(
    ("http", "expected"),
    [
        (
            "tls: {certificate: ours.pem}",
            "voipbin.yaml:2:8: http.tls needs both certificate and key, files in PEM",
        ),
        (
            "tls: {certificate: ours.pem, key: their.key}",
            "voipbin.yaml:2:37: cannot read their.key: No such file or directory",
        ),
        (
            "tls: {certificate: ours.pem, key: old.key}",
            "voipbin.yaml:2:37: old.key is not the key of the certificate ours.pem",
        ),
        (
            "listen: 127.0.0.1:80800",
            "voipbin.yaml:2:11: listen: must be an address and a port, like 127.0.0.1:8080",
        ),
        ("lisen: 127.0.0.1:80", "voipbin.yaml:2:3: 'lisen' is an unknown key; did you mean 'listen'?"),
    ],
)
def test_mistakes(tmp_path: Path, http: str, expected: str) -> None:
    assert findings(tmp_path, http) == [expected]


@pytest.mark.parametrize("origin", ["*", "https://*.example.com", "https://office.example.com/", "office"])
def test_origins_are_single_pages(tmp_path: Path, origin: str) -> None:
    (finding,) = findings(tmp_path, f'origins: ["{origin}"]')
    assert "must be scheme, host and port of a page and no more" in finding


def test_an_expired_certificate_is_a_warning(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "tls: {certificate: old.pem, key: old.key}")
    assert finding.startswith("voipbin.yaml:2:22: warning: the certificate expired on 20")


def test_addresses() -> None:
    section = HttpSection(listen="[::1]:8080")
    assert section.address == ("::1", 8080)
    assert section.base_url(("::1", 8080)) == "http://[::1]:8080"
