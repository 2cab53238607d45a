"""What the server knows again after a restart: who is registered, what was telephoned today, what the API made.

The server loads this module while the media workers start: SQLAlchemy takes about as long.
"""

from __future__ import annotations

import time
from pathlib import Path

import structlog

from voipbin_sip.app.errors import StartError
from voipbin_sip.config import DatabaseSection
from voipbin_sip.directory import Directory
from voipbin_sip.loading import Loaded
from voipbin_sip.named_files import BadSecretError
from voipbin_sip.platform.customers import DeclaredWebhook
from voipbin_sip.platform.platform import Platform
from voipbin_sip.platform.secrets import SecretError
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.store.bindings import record_bindings, restore_bindings
from voipbin_sip.store.store import Store, StoreError, database_url
from voipbin_sip.store.usage import record_usage, restore_usage
from voipbin_sip.toll.guard import TollGuard
from voipbin_sip.web.client import WebClient


async def remember(
    database: DatabaseSection,
    data: Path,
    *,
    web: WebClient,
    locations: Locations,
    loaded: Loaded,
    directory: Directory,
    toll: TollGuard,
    today: str,
) -> Platform:
    """Open the database, tell what it holds to those who want to know, and have them record what changes.

    `loaded` and `directory` are what the configuration declares. Raises StartError for what cannot be used as it is
    configured; a database in trouble is no reason not to start.
    """
    try:
        store = Store(database_url(database.url, data))
        platform = Platform(
            store, web, data, keep_days=database.keep_days, bounds=loaded.config.recordings.bounds
        )
    except StoreError as error:
        raise StartError(f"{error}; change database.url") from error
    except SecretError as error:
        raise StartError(str(error)) from error
    platform.declare(platform.declaration(loaded, directory))
    platform.customers.declare(_webhook(loaded))
    opened = await store.open()
    await platform.load()
    if opened:
        known = platform.directory.directory.extensions.__contains__
        phones = await restore_bindings(store, locations, known, time.time())
        if phones:
            structlog.get_logger("server").info("phones known from before", count=phones)
        await restore_usage(store, toll, today)
    record_bindings(store, locations)
    record_usage(store, toll)
    return platform


def _webhook(loaded: Loaded) -> DeclaredWebhook | None:
    """Return where events go by the configuration, None where the API says it. Raises StartError."""
    webhook = loaded.config.webhook
    if not webhook.uri:
        return None
    try:
        return DeclaredWebhook(webhook.uri, webhook.method, webhook.key(loaded.places.base))
    except BadSecretError as error:
        raise StartError(f"webhook.secret_file: {error}") from error
