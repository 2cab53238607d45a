"""Key `webhook` of the configuration."""

from pathlib import Path

import pytest

from voipbin_sip.config import load_config

GOOD = "webhook: {uri: https://office.example.com/events, method: PUT, secret_file: webhook.secret}"


def findings_of(folder: Path, text: str) -> list[str]:
    path = folder / "voipbin.yaml"
    path.write_text(text)
    return [str(finding).removeprefix(f"{folder}/") for finding in load_config(path)[1]]


def test_a_webhook_with_its_secret_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "webhook.secret").write_text("between us\n")
    path = tmp_path / "voipbin.yaml"
    path.write_text(GOOD)
    config, findings = load_config(path)
    assert config is not None, findings
    assert (config.webhook.uri, config.webhook.method) == ("https://office.example.com/events", "PUT")
    assert config.webhook.key(tmp_path) == "between us"


def test_a_secret_right_there_and_none_at_all(tmp_path: Path) -> None:
    for text, secret in (("webhook: {uri: http://x/, secret: s}", "s"), ("domain: x.example", "")):
        path = tmp_path / "voipbin.yaml"
        path.write_text(text)
        config, findings = load_config(path)
        assert config is not None, findings
        assert config.webhook.key(tmp_path) == secret


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("webhook: {uri: office.example.com}", "must begin with http:// or https://"),
        ("webhook: {uri: 'http://x:port/'}", "must begin with http:// or https://"),
        ("webhook: {uri: http://x/, method: PATCH}", "'PATCH' is not one of POST, GET, PUT, DELETE"),
        ("webhook: {secret: s}", "'uri' is missing: where events go"),
        ("webhook: {uri: http://x/, secret: s, secret_file: f}", "only one of 'secret' and 'secret_file'"),
        (GOOD, "webhook.secret cannot be read: No such file or directory"),
        ("webhook: {uri: http://x/, secret_file: empty}", "empty is empty"),
        ("webhook: {uri: http://x/, secret_file: noise}", "noise is not text"),
    ],
)
def test_mistakes_are_found(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    (finding,) = findings_of(tmp_path, text)
    assert finding.startswith("voipbin.yaml:1:")
    assert message in finding
