"""Key `media.srtp`."""

from __future__ import annotations

from pathlib import Path

import pytest

from voipbin_sip.config import load_config


def read(folder: Path, text: str) -> tuple[str | None, list[str]]:
    """Return the setting, and what is said about the file."""
    path = folder / "voipbin.yaml"
    path.write_text(text)
    config, findings = load_config(path)
    said = [str(finding).replace(f"{folder}/", "") for finding in findings]
    return config.media.srtp if config is not None else None, said


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{}", "optional"), ("media: {srtp: off}", "off"), ("media: {srtp: optional}", "optional")],
)
def test_the_values_mean_themselves(tmp_path: Path, text: str, expected: str) -> None:
    assert read(tmp_path, text) == (expected, [])  # YAML 1.1 takes "off" for false; here it is a word


def test_another_word_is_a_mistake(tmp_path: Path) -> None:
    assert read(tmp_path, "media: {srtp: always}") == (
        None,
        ["voipbin.yaml:1:15: srtp: 'always' is not one of off, optional, required"],
    )


def test_srtp_that_is_required_needs_tls_for_calls_to_phones(tmp_path: Path) -> None:
    setting, (said,) = read(tmp_path, "media: {srtp: required}")
    assert setting == "required"
    assert said.startswith("voipbin.yaml:1:15: warning: without tls:// in sip.listen")
