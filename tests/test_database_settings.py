"""Key `database`: which URLs are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from voipbin_sip.config import load_config


def findings(folder: Path, database: str) -> list[str]:
    path = folder / "voipbin.yaml"
    path.write_text(f"database:\n  {database}\n")
    return [str(finding).replace(f"{folder}/", "") for finding in load_config(path)[1]]


@pytest.mark.parametrize(
    "database",
    [
        "url: auto",
        "url: sqlite:////var/lib/voipbin/voipbin.db",
        "url: postgresql://voipbin:secret@db.example.com/voipbin?ssl=require",
        "url: postgresql+asyncpg://voipbin@127.0.0.1:5433/voipbin",
        "keep_days: 0",
        "keep_days: 0.5",
    ],
)
def test_what_is_right(tmp_path: Path, database: str) -> None:
    assert findings(tmp_path, database) == []


@pytest.mark.parametrize(
    "url", ["mysql://u@h/d", "postgresql+psycopg2://u@h/d", "voipbin.db", "postgresql://"]
)
def test_what_is_not(tmp_path: Path, url: str) -> None:
    (finding,) = findings(tmp_path, f"url: {url}")
    assert finding.startswith(
        "voipbin.yaml:2:8: url: must be auto, sqlite:////folder/file.db or postgresql://"
    )


def test_days_are_not_negative(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "keep_days: -1")
    assert finding.startswith("voipbin.yaml:2:14: ")
