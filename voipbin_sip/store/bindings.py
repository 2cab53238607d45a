"""Registered phones in the database: written behind, read once at start."""

from __future__ import annotations

import json
from collections.abc import Callable

import structlog
from sqlalchemy import RowMapping, select

from voipbin_sip.registrar.contact import Contact, LocationEvent, Registered
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.uri import parse_uri
from voipbin_sip.store.store import Store
from voipbin_sip.store.tables import bindings
from voipbin_sip.store.write_behind import Value


async def restore_bindings(
    store: Store, locations: Locations, known: Callable[[str], bool], now: float
) -> int:
    """Fill the locations with what was registered before the restart; returns how many phones that are.

    Left out, and deleted: what has expired, extensions that are not `known` any more, and phones that only a
    connection led to: they come back by themselves.
    """
    kept: list[tuple[str, Contact]] = []
    for row in await store.read(select(bindings)):
        contact = _contact(row)
        extension = row["extension"]
        if contact is None or contact.expires_at <= now or contact.only_by_connection or not known(extension):
            store.remove(bindings, {"extension": extension, "uri": row["uri"]})
        else:
            kept.append((extension, contact))
    locations.restore(kept)
    return len(kept)


def record_bindings(store: Store, locations: Locations) -> None:
    """Write every change of the locations behind."""

    def on_change(event: LocationEvent) -> None:
        extension, contact = event.extension, event.contact
        if not isinstance(event, Registered):
            store.remove(bindings, {"extension": extension, "uri": contact.uri})
            return
        if event.old is not None and event.old.uri != contact.uri:
            store.remove(bindings, {"extension": extension, "uri": event.old.uri})
        store.put(bindings, _row(extension, contact))

    locations.subscribe(on_change)


def _row(extension: str, contact: Contact) -> dict[str, Value]:
    hop = contact.hop
    return {
        "extension": extension,
        "uri": contact.uri,
        "expires_at": contact.expires_at,
        "updated_at": contact.updated_at,
        "call_id": contact.call_id,
        "cseq": contact.cseq,
        "transport": hop.transport,
        "local_host": hop.local[0],
        "local_port": hop.local[1],
        "remote_host": hop.remote[0],
        "remote_port": hop.remote[1],
        "source_host": contact.source[0],
        "source_port": contact.source[1],
        "path": json.dumps(contact.path),
        "q": contact.q,
        "user_agent": contact.user_agent,
        "instance": contact.instance,
        "reg_id": contact.reg_id,
    }


def _contact(row: RowMapping) -> Contact | None:
    """Return a row's contact, None if somebody wrote what is none."""
    try:
        parse_uri(row["uri"])
        return Contact(
            uri=row["uri"],
            hop=Hop(
                row["transport"],
                (row["local_host"], row["local_port"]),
                (row["remote_host"], row["remote_port"]),
            ),
            expires_at=row["expires_at"],
            updated_at=row["updated_at"],
            call_id=row["call_id"],
            cseq=row["cseq"],
            source=(row["source_host"], row["source_port"]),
            path=tuple(json.loads(row["path"])),
            q=row["q"],
            user_agent=row["user_agent"],
            instance=row["instance"],
            reg_id=row["reg_id"],
        )
    except (RemoteProtocolError, ValueError, TypeError) as error:
        structlog.get_logger("store").warning("a binding cannot be read", uri=row["uri"], why=str(error))
        return None
