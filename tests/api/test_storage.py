"""Files that people store, recordings as files, and links that expire."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import jwt
import pytest

from tests.api.serving import Api, add_agent
from voipbin_sip.api import links
from voipbin_sip.platform import shelf
from voipbin_sip.recordings.terms import RecordingFile
from voipbin_sip.resources.base import DEFAULT_CUSTOMER, NO_UUID
from voipbin_sip.resources.kinds.agent import Permission
from voipbin_sip.resources.kinds.recording import RecordingResource

BEGAN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


async def upload(api: Api, content: bytes, name: str = "hello.txt", **fields: str) -> tuple[int, Any]:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", content, filename=name)
    for field, value in fields.items():
        form.add_field(field, value)
    url = f"{api.base}/v1.0/storage_files"
    async with api.http.post(url, params={"accesskey": api.token}, data=form) as answer:
        return answer.status, await answer.json()


def kept(data: Path) -> list[Path]:
    return list((data / "files").glob("*/*/*"))


async def follow(api: Api, path: str) -> tuple[int, bytes, Any]:
    """Ask for a file and go where that leads, without the key."""
    url = f"{api.base}/v1.0{path}"
    async with api.http.get(url, params={"accesskey": api.token}, allow_redirects=False) as moved:
        if moved.status != 307:
            return moved.status, await moved.read(), moved.headers
        link = moved.headers["Location"]
    assert api.token not in link
    async with api.http.get(link) as answer:
        return answer.status, await answer.read(), answer.headers


async def recorded(api: Api, *, status: str = "ended", sound: bytes = b"RIFF") -> RecordingResource:
    """Put a recording where one would lie."""
    record = RecordingResource(status=status, tm_start=BEGAN, reference_id=uuid4())  # type: ignore[arg-type]
    record = api.services.history.begin(record)
    file = RecordingFile(
        record.id, "call", record.reference_id, "call", "wav", BEGAN, NO_UUID, NO_UUID, size=len(sound)
    )
    folder = api.services.shelf.recordings
    folder.begin(file).write_bytes(sound)
    folder.end(file)
    api.services.shelf.enter(file)
    return record


async def test_a_file_is_stored_and_had_again(api: Api) -> None:
    content = bytes(range(256)) * 4000
    status, file = await upload(api, content, "a/b\\c: report.pdf", type="talk")
    assert status == 200, file
    assert (file["filename"], file["filesize"], file["type"]) == ("c: report.pdf", len(content), "talk")
    assert file["reference_type"] == "normal"
    assert "path" not in file
    status, shown = await api.ask("GET", f"/storage_files/{file['id']}")
    assert shown["uri_download"].startswith(f"{api.base}/downloads/")
    assert shown["tm_download_expire"] > shown["tm_create"]
    code, got, headers = await follow(api, f"/storage_files/{file['id']}/file")
    assert (code, got) == (200, content)
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"].startswith("attachment")
    assert [f["id"] for f in (await api.ask("GET", "/storage_files"))[1]["result"]] == [file["id"]]
    status, account = await api.ask("GET", "/storage_account")
    assert (account["total_file_count"], account["total_file_size"]) == (1, len(content))
    assert (await api.ask("DELETE", f"/storage_files/{file['id']}"))[0] == 200
    assert (await follow(api, f"/storage_files/{file['id']}/file"))[0] == 404
    assert (await api.ask("GET", "/storage_account"))[1]["total_file_count"] == 0
    assert (await api.ask("GET", "/storage_files"))[1]["result"] == []


@pytest.mark.parametrize("name", ["../../../../etc/passwd", "..", "a" * 4000, ""])
async def test_names_never_become_paths(api: Api, name: str, tmp_path: Path) -> None:
    status, file = await upload(api, b"x", name or "x")
    assert status == 200, file
    assert "/" not in file["filename"]
    assert len(file["filename"]) <= 255
    assert [path.name for path in kept(tmp_path)] == [file["id"]]


async def test_forms_that_are_none(api: Api) -> None:
    async def post(**options: Any) -> tuple[int, Any]:
        url = f"{api.base}/v1.0/storage_files"
        async with api.http.post(url, params={"accesskey": api.token}, **options) as answer:
            return answer.status, await answer.json()

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    without = aiohttp.FormData({"type": "talk"})
    without.add_field("other", b"x", filename="x")
    for options in (
        {"json": {"file": "x"}},
        {"data": b"nonsense", "headers": headers},
        {"data": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"data": without},
    ):
        status, answer = await post(**options)
        assert status == 400, (options, answer)
        assert answer["error"]["status"] == "INVALID_ARGUMENT"
    assert (await upload(api, b"x", type="poem"))[0] == 400


async def test_too_large(api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shelf, "FILE_BYTES", 1000)
    status, answer = await upload(api, bytes(1001))
    assert (status, answer["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    monkeypatch.setattr(shelf, "ACCOUNT_BYTES", 1500)
    assert (await upload(api, bytes(1000)))[0] == 200
    assert (await upload(api, bytes(1000)))[0] == 429
    assert len(kept(tmp_path)) == 1


async def test_a_length_that_is_too_large_is_refused_unread(api: Api) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(10**12)}
    url = f"{api.base}/v1.0/storage_files"
    async with api.http.post(url, params={"accesskey": api.token}, data=b"x", headers=headers) as answer:
        assert answer.status == 400


async def test_a_recording(api: Api) -> None:
    record = await recorded(api, sound=b"RIFF and so on")
    code, got, headers = await follow(api, f"/recordingfiles/{record.id}")
    assert (code, got, headers["Content-Type"]) == (200, b"RIFF and so on", "audio/wav")
    assert f"{record.id}.wav" in headers["Content-Disposition"]
    (file,) = (await api.ask("GET", "/storage_files"))[1]["result"]
    assert (file["type"], file["reference_id"], file["filesize"]) == ("recording", str(record.id), 14)
    status, refused = await api.ask("DELETE", f"/storage_files/{file['id']}")
    assert (status, str(record.id) in refused["error"]["message"]) == (409, True)
    params = {"accesskey": api.token, "reference_id": str(record.reference_id)}
    assert [r["id"] for r in (await api.ask("GET", "/recordings", params=params))[1]["result"]] == [
        str(record.id)
    ]
    status, gone = await api.ask("DELETE", f"/recordings/{record.id}")
    assert status == 200
    assert gone["tm_delete"]
    assert (await follow(api, f"/recordingfiles/{record.id}"))[0] == 404
    assert (await api.ask("GET", "/storage_files"))[1]["result"] == []
    assert (await api.ask("DELETE", f"/recordings/{record.id}"))[0] == 404
    assert not api.services.shelf.recordings.all()


async def test_a_recording_that_goes_on(api: Api) -> None:
    record = await recorded(api, status="recording")
    assert (await follow(api, f"/recordingfiles/{record.id}"))[0] == 409
    assert (await api.ask("DELETE", f"/recordings/{record.id}"))[0] == 409


async def test_a_recording_whose_file_is_gone(api: Api) -> None:
    record = await recorded(api)
    api.services.shelf.recordings.delete(record.id, BEGAN)
    assert (await follow(api, f"/recordingfiles/{record.id}"))[0] == 404


async def test_part_of_a_recording(api: Api) -> None:
    """As players ask for it when somebody jumps into the middle."""
    record = await recorded(api, sound=b"0123456789")
    token, _ = api.services.links.make("recording", record.id)
    async with api.http.get(f"{api.base}/downloads/{token}", headers={"Range": "bytes=3-5"}) as answer:
        assert (answer.status, await answer.read()) == (206, b"345")
    async with api.http.head(f"{api.base}/downloads/{token}") as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, "10")


async def test_links_are_ours_and_expire(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    record = await recorded(api)
    token, _ = api.services.links.make("recording", record.id)
    foreign, _ = links.Links(b"another secret" * 4).make("recording", record.id)
    login = api.services.tokens.make(uuid4())
    monkeypatch.setattr(links, "LIFE", -1)
    old, _ = api.services.links.make("recording", record.id)
    for bad in (
        foreign,
        login,
        old,
        token[:-2],
        "nonsense",
        jwt.encode({"sub": "x"}, "", algorithm="none"),
    ):
        async with api.http.get(f"{api.base}/downloads/{bad}") as answer:
            assert answer.status == 403, bad
            assert (await answer.json())["error"]["reason"] == "LINK_EXPIRED"
    assert api.services.tokens.agent(token) is None


async def test_agents_may_not(api: Api) -> None:
    await add_agent(api, "ann", Permission.AGENT)
    _, login = await api.ask("POST", "/auth/login", {"username": "ann", "password": "open sesame"}, params={})
    headers = {"Authorization": f"Bearer {login['token']}"}
    for path in ("/recordings", f"/recordingfiles/{uuid4()}", "/storage_files", "/storage_accounts"):
        assert (await api.ask("GET", path, params={}, headers=headers))[0] == 403, path
    assert (await api.ask("GET", "/storage_account", params={}, headers=headers))[0] == 200


async def test_the_account(api: Api) -> None:
    _, page = await api.ask("GET", "/storage_accounts")
    assert [account["id"] for account in page["result"]] == [str(DEFAULT_CUSTOMER)]
    token = {"accesskey": api.token, "page_token": page["next_page_token"]}
    assert (await api.ask("GET", "/storage_accounts", params=token))[1]["result"] == []
    assert (await api.ask("GET", f"/storage_accounts/{DEFAULT_CUSTOMER}"))[0] == 200
    assert (await api.ask("GET", f"/storage_accounts/{uuid4()}"))[0] == 404
    assert (await api.ask("POST", "/storage_accounts", {}))[0] == 409
    assert (await api.ask("POST", "/storage_accounts", {"customer_id": str(uuid4())}))[0] == 400
    assert (await api.ask("DELETE", f"/storage_accounts/{DEFAULT_CUSTOMER}"))[0] == 409


async def test_retention_tells_of_each(api: Api) -> None:
    """Recordings that are outgrown are deleted with an event; one that goes on stays."""
    over, running = await recorded(api), await recorded(api, status="recording")
    shelf_ = api.services.shelf
    assert await shelf_.outgrown(over.id)
    assert not await shelf_.outgrown(running.id)
    assert await shelf_.outgrown(uuid4())
    assert (await api.services.history.get(RecordingResource, over.id)).tm_delete is not None
