"""`voipbin-sip accesskey`: keys for programs, made on the server itself, whether it runs or not."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from voipbin_sip import logs
from voipbin_sip.config import load_config, locations
from voipbin_sip.resources.catalogue import Catalogue
from voipbin_sip.resources.kinds.accesskey import StoredAccesskey, make_accesskey
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.resources.stamps import Stamps
from voipbin_sip.store.store import Store, StoreError, StoreUnavailable, database_url


class CommandError(Exception):
    """The command cannot be carried out; the message says why and what to do."""


def create(config: Path, name: str, expire: int) -> int:
    """Print the token of a new key; returns the exit status."""

    async def work(keys: Catalogue) -> None:
        key, token = make_accesskey(name, expire=expire)
        await keys.create(key)
        print(token)

    return _run(config, work)


def show(config: Path) -> int:
    """Print all keys, the newest first, without their tokens; returns the exit status."""

    async def work(keys: Catalogue) -> None:
        now = datetime.now(UTC)
        for key in keys.all(StoredAccesskey):
            end = "never expires"
            if key.tm_expire is not None:
                word = "expires" if key.tm_expire > now else "EXPIRED"
                end = f"{word} {key.tm_expire:%Y-%m-%d %H:%M} UTC"
            print(f"{key.id}  {key.token_prefix}…  {end}  {key.name}".rstrip())

    return _run(config, work)


def delete(config: Path, name: str) -> int:
    """Delete the key with this id, name or beginning of its token; returns the exit status."""

    async def work(keys: Catalogue) -> None:
        found = [
            key for key in keys.all(StoredAccesskey) if name in (str(key.id), key.name, key.token_prefix)
        ]
        if not found:
            raise CommandError(f"there is no access key {name!r}; see voipbin-sip accesskey list")
        if len(found) > 1:
            raise CommandError(f"{len(found)} access keys are named {name!r}; give the id of one of them")
        await keys.delete(StoredAccesskey, found[0].id)
        print(f"deleted {found[0].id}; a running server refuses it within seconds", file=sys.stderr)

    return _run(config, work)


def _run(config: Path, work: Callable[[Catalogue], Awaitable[None]]) -> int:
    logs.set_up("text", "warning")
    try:
        asyncio.run(_with_keys(config, work))
    except (CommandError, StoreError, StoreUnavailable) as error:
        print(f"voipbin-sip: {error}", file=sys.stderr)
        return 1
    return 0


async def _with_keys(path: Path, work: Callable[[Catalogue], Awaitable[None]]) -> None:
    config, findings = load_config(path)
    if config is None:
        for finding in findings:
            print(finding, file=sys.stderr)
        raise CommandError("correct the mistakes above")
    data = locations(config, path).data
    _prepare(data)
    store = Store(database_url(config.database.url, data))
    try:
        if not await store.open():
            raise CommandError("the database cannot be reached; nothing was changed")
        keys = Catalogue(Ledger(store, Stamps()), [StoredAccesskey])
        await keys.load()
        await work(keys)
    finally:
        await store.close()


def _prepare(data: Path) -> None:
    """Make the data folder, unless files of ours in it would shut its owner out."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = data.stat().st_uid
    except OSError as error:
        raise CommandError(f"cannot use the data folder {data}: {error.strerror}") from error
    if owner != os.geteuid():
        raise CommandError(
            f"the data folder {data} belongs to another user; run this as that one (uid {owner})"
        )
