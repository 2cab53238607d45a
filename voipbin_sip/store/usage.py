"""The minutes of today in the database: written behind, read once at start."""

from __future__ import annotations

from sqlalchemy import select

from voipbin_sip.store.store import Store
from voipbin_sip.store.tables import outbound_usage
from voipbin_sip.toll.guard import TollGuard


async def restore_usage(store: Store, guard: TollGuard, today: str) -> None:
    """Tell the guard what was used before the restart; other days are deleted."""
    used: dict[str, float] = {}
    for row in await store.read(select(outbound_usage)):
        if row["day"] == today:
            used[row["account"]] = row["seconds"]
        else:
            store.remove(outbound_usage, {"day": row["day"], "account": row["account"]})
    guard.restore(today, used)


def record_usage(store: Store, guard: TollGuard) -> None:
    """Write what the guard counts behind."""

    def on_change(day: str, account: str, seconds: float) -> None:
        store.put(outbound_usage, {"day": day, "account": account, "seconds": seconds})

    guard.record = on_change
