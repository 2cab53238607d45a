from __future__ import annotations

import stat
from pathlib import Path

import pytest

from voipbin_sip.platform.secrets import Sealer, SecretError, own_key


def test_a_key_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    key = own_key(tmp_path, "seal.key")
    assert own_key(tmp_path, "seal.key") == key
    assert own_key(tmp_path, "other.key") != key
    assert stat.S_IMODE((tmp_path / "seal.key").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.key", "seal.key"]


@pytest.mark.parametrize("text", ["", "no hex", "00ff"])
def test_a_damaged_key_file_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "seal.key").write_text(text)
    with pytest.raises(SecretError, match=r"seal\.key"):
        own_key(tmp_path, "seal.key")


def test_what_is_sealed_opens_for_the_same_thing_and_key_only() -> None:
    sealer = Sealer(bytes(32))
    sealed = sealer.seal("pässword", "extension 1000")
    assert "pässword" not in sealed
    assert sealer.seal("pässword", "extension 1000") != sealed
    assert sealer.open(sealed, "extension 1000") == "pässword"
    for other, about in ((sealer, "extension 1001"), (Sealer(b"1" * 32), "extension 1000")):
        with pytest.raises(SecretError, match="sealed with another key"):
            other.open(sealed, about)
    for broken in ("", "v1:", "v1:####", sealed[:-4], "plain"):
        with pytest.raises(SecretError):
            sealer.open(broken, "extension 1000")
