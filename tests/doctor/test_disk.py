"""A data folder that cannot be made or written, a full disk, files open to others."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.doctor.patients import bad, errors, found, of, patient, warnings
from voipbin_sip.doctor.disk import disk, secrets
from voipbin_sip.doctor.finding import Level
from voipbin_sip.observe.running import Running, announce


async def test_a_folder_that_is_yet_to_be_made(tmp_path: Path) -> None:
    findings = await found(disk, patient(tmp_path))
    assert errors(findings) == []
    assert "made at the first start" in of(Level.OK, findings)[0]
    assert not (tmp_path / "data").exists()  # the doctor changes nothing


async def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    (told,) = errors(await found(disk, patient(tmp_path, data_dir="data/inside")))
    assert f"{tmp_path / 'data'} is a file" in told
    assert "change data_dir" in told


def _let_in(folder: Path, mode: int) -> None:
    """Let other users come as far as a folder of the test's own."""
    for above in folder.parents:
        if above == Path(tempfile.gettempdir()):
            break
        above.chmod(0o755)
    folder.chmod(mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
async def test_a_folder_of_another_user(tmp_path: Path) -> None:
    whom = patient(tmp_path)
    (tmp_path / "data").mkdir(mode=0o755)
    for mode in (0o755, 0o700):  # of the folder around it
        _let_in(tmp_path, mode)
        os.seteuid(65_534)
        try:
            told = errors(await found(disk, whom))
        finally:
            os.seteuid(0)
        assert "cannot write to the data folder" in told[0] and "Permission denied" in told[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small disk")
async def test_a_full_disk(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", str(data)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:  # noqa: ASYNC221 - at once
        pytest.skip("no right to mount here")
    try:
        with (data / "filler").open("wb") as filler, pytest.raises(OSError, match="No space"):
            filler.write(bytes(1_000_000))
        told = errors(await found(disk, patient(tmp_path)))
    finally:
        subprocess.run(["umount", str(data)], check=True)  # noqa: ASYNC221 - at once
    assert "No space left on device" in told[0]
    assert "make room" in told[0]
    assert "it is full" in told[1]


async def test_more_recordings_are_allowed_than_there_is_room(tmp_path: Path) -> None:
    (told,) = warnings(await found(disk, patient(tmp_path, recordings={"max_gb": 10_000_000})))
    assert "lower recordings.max_gb" in told


async def test_what_a_killed_server_has_left(tmp_path: Path) -> None:
    whom = patient(tmp_path)
    (tmp_path / "data").mkdir(mode=0o700)
    child = subprocess.Popen(["true"])  # noqa: ASYNC220 - ends at once
    child.wait()
    announce(tmp_path / "data", Running(child.pid, "http://127.0.0.1:1", "vb_none"))
    (told,) = of(Level.INFO, await found(disk, whom))
    assert f"a server that was killed (process {child.pid})" in told


async def test_secrets_that_everybody_can_read(tmp_path: Path) -> None:
    (tmp_path / "carrier.secret").write_text("word")
    (tmp_path / "carrier.secret").chmod(0o644)
    entry = {"id": "c", "hostname": "203.0.113.1", "username": "u", "password_file": "carrier.secret"}
    whom = patient(tmp_path, sections={"providers": [entry]})
    (tmp_path / "data").mkdir(mode=0o755)
    told = warnings(await found(secrets, whom))
    assert len(told) == 2
    assert f"chmod 600 {tmp_path / 'carrier.secret'}" in told[0]
    assert f"chmod 700 {tmp_path / 'data'}" in told[1]


async def test_a_directory_with_passwords_in_it(tmp_path: Path) -> None:
    whom = patient(tmp_path, sections={"extensions": [{"extension": "1000", "password": "word"}]})
    path = tmp_path / "directory.yaml"
    path.chmod(0o644)
    assert f"chmod 600 {path}" in warnings(await found(secrets, whom))[0]
    path.chmod(0o640)
    assert bad(await found(secrets, whom)) == []
