"""What the server knows again after a restart: which phones are registered, and what was telephoned today.

`app` loads this module while the media workers start: SQLAlchemy takes about as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import structlog

from voipbin_sip.registrar.locations import Locations
from voipbin_sip.store.bindings import record_bindings, restore_bindings
from voipbin_sip.store.store import Store, StoreError, database_url
from voipbin_sip.store.usage import record_usage, restore_usage
from voipbin_sip.toll.guard import TollGuard

__all__ = ["StoreError", "remember"]


async def remember(
    url: str, data: Path, *, locations: Locations, known: Callable[[str], bool], toll: TollGuard, today: str
) -> Store:
    """Open the database, tell what it holds to those who want to know, and have them record what changes.

    `known` says of an extension whether it is still in the directory. Raises StoreError for a wrong URL; a database
    in trouble is no reason not to start.
    """
    store = Store(database_url(url, data))
    if await store.open():
        phones = await restore_bindings(store, locations, known, time.time())
        if phones:
            structlog.get_logger("server").info("phones known from before", count=phones)
        await restore_usage(store, toll, today)
    record_bindings(store, locations)
    record_usage(store, toll)
    return store
