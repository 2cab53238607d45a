"""Key `smtp` of the configuration."""

from pathlib import Path

import pytest

from voipbin_sip.config import load_config

GOOD = (
    "smtp: {host: mail.example.com, username: me, password_file: smtp.password, from: voicemail@example.com}"
)


def findings_of(folder: Path, text: str) -> list[str]:
    path = folder / "voipbin.yaml"
    path.write_text(text)
    return [str(finding).removeprefix(f"{folder}/") for finding in load_config(path)[1]]


def test_a_mail_server_with_a_password(tmp_path: Path) -> None:
    (tmp_path / "smtp.password").write_text("secret\n")
    path = tmp_path / "voipbin.yaml"
    path.write_text(GOOD)
    config, findings = load_config(path)
    assert config is not None, findings
    assert (config.smtp.host, config.smtp.port, config.smtp.tls) == ("mail.example.com", 587, "starttls")
    assert config.smtp.password(tmp_path) == "secret"


def test_without_the_key_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "voipbin.yaml"
    path.write_text("domain: x.example")
    config, _ = load_config(path)
    assert config is not None
    assert config.smtp.host == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smtp: {host: x}", "'from' is missing: the address that mails come from"),
        ("smtp: {host: x, from: nobody}", "must be a mail address, like voicemail@example.com"),
        ("smtp: {host: x, from: a@b.c, port: 0}", "'0' is less than 1"),
        ("smtp: {host: x, from: a@b.c, username: me}", "'username' and 'password_file' go together"),
        (
            "smtp: {host: x, from: a@b.c, username: me, password_file: p, tls: none}",
            "a password is not sent without TLS",
        ),
        ("smtp: {host: x, from: a@b.c, tls: ssl}", "'ssl' is not one of starttls, implicit, none"),
        (GOOD, "smtp.password cannot be read: No such file or directory"),
    ],
)
def test_mistakes_are_found(tmp_path: Path, text: str, message: str) -> None:
    (finding,) = findings_of(tmp_path, text)
    assert finding.startswith("voipbin.yaml:1:")
    assert message in finding
