"""Key `sip.tls`: what is wrong with it is said before the server starts, at the place to mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.authority import Authority
from voipbin_sip.config import load_config

LISTEN = 'listen: ["tls://0.0.0.0:5061"]'


def findings(folder: Path, sip: str) -> list[str]:
    path = folder / "voipbin.yaml"
    path.write_text(f"sip:\n  {LISTEN}\n  {sip}\n")
    return [str(finding).replace(f"{folder}/", "") for finding in load_config(path)[1]]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path)
    authority.pair("ours")
    authority.pair("old", days=-1)
    return authority


def test_a_pair_in_the_folder_of_the_configuration(tmp_path: Path, authority: Authority) -> None:
    ca = authority.file.name
    text = f"tls: {{certificate: ours.pem, key: ours.key, ca: {ca}, client_certificates: required}}"
    assert findings(tmp_path, text) == []
    config, _ = load_config(tmp_path / "voipbin.yaml")
    assert config is not None
    assert config.sip.secure
    terms = config.sip.tls.terms(tmp_path)
    assert terms.files == (tmp_path / "ours.pem", tmp_path / "ours.key", authority.file)


@pytest.mark.usefixtures("authority")
@pytest.mark.parametrize(
    ("sip", "expected"),
    [
        (
            "advertise: auto",
            "voipbin.yaml:2:3: tls:// in sip.listen needs sip.tls.certificate and sip.tls.key, files in PEM",
        ),
        (
            "tls: {certificate: ours.pem}",
            "voipbin.yaml:3:8: tls:// in sip.listen needs sip.tls.certificate and sip.tls.key, files in PEM",
        ),
        (
            "tls: {certificate: their.pem, key: ours.key}",
            "voipbin.yaml:3:22: cannot read their.pem: No such file or directory",
        ),
        (
            "tls: {certificate: ours.pem, key: old.key}",
            "voipbin.yaml:3:37: old.key is not the key of the certificate ours.pem",
        ),
        (
            "tls: {certificate: ours.pem, key: ours.key, ca: ours.key}",
            "voipbin.yaml:3:51: ours.key holds no certificates in PEM",
        ),
        (
            "tls: {certificate: ours.pem, key: ours.key, client_certificates: required}",
            "voipbin.yaml:3:8: tls: client_certificates needs ca: the authorities whose certificates are taken",
        ),
        (
            "tls: {certificat: ours.pem, key: ours.key}",
            "voipbin.yaml:3:9: 'certificat' is an unknown key; did you mean 'certificate'?",
        ),
    ],
)
def test_mistakes(tmp_path: Path, sip: str, expected: str) -> None:
    assert findings(tmp_path, sip) == [expected]


@pytest.mark.usefixtures("authority")
def test_an_expired_certificate_is_a_warning_with_the_date(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "tls: {certificate: old.pem, key: old.key}")
    assert finding.startswith("voipbin.yaml:3:22: warning: the certificate expired on 20")


def test_a_certificate_that_nobody_uses_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "voipbin.yaml"
    path.write_text("sip: {tls: {certificate: ours.pem, key: ours.key}}")
    config, (finding,) = load_config(path)
    assert config is not None
    assert str(finding).endswith("warning: sip.tls has no effect: there is no tls:// in sip.listen")
