"""`voipbin-sip calls`: the live table in a terminal, or the calls once, for scripts."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from voipbin_sip.terminal.fetch import Api, ApiFault
from voipbin_sip.terminal.refused import fetch_refused_list

PIPE_COLUMNS = 250  # nothing is cut off for programs
Find = Callable[[], Api]


def server_finder(config: Path, url: str, accesskey: str) -> Find:
    """Return what finds the server each time it is wanted: the one at a URL, else that of the configuration."""

    def find() -> Api:
        from voipbin_sip.cli.call import reach  # while the table is drawn already
        from voipbin_sip.cli.own_server import NoServerError

        try:
            return reach(config, url, accesskey)
        except NoServerError as error:
            raise ApiFault(
                f"{error}" if url else f"{error}; a server elsewhere is reached by --api URL"
            ) from error

    return find


def watch(find: Find) -> int:
    """Show the live table until it is left; returns the exit status."""
    from voipbin_sip.terminal.app import CallsApp

    app = CallsApp(find)
    app.run()
    return app.return_code or 0


def show(find: Find) -> int:
    """Print the table once; returns the exit status."""
    from rich.console import Console

    from voipbin_sip.terminal.live import look_once
    from voipbin_sip.terminal.plain import plain_table

    try:
        board, server = asyncio.run(look_once(find))
    except ApiFault as fault:
        return _complain(fault)
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    console.print(plain_table(board, server.now))
    return 0


def show_json(find: Find) -> int:
    """Print the calls that go on, and the attempts that became none, as the API tells them; returns the exit status."""

    async def ask() -> Any:
        async with find() as api:
            refused = await fetch_refused_list(api)
            return {**await api.get("/timelines/calls-live"), "refused": refused["result"]}

    try:
        told = asyncio.run(ask())
    except ApiFault as fault:
        return _complain(fault)
    print(json.dumps(told, indent=2))
    return 0


def _complain(fault: ApiFault) -> int:
    print(f"voipbin-sip: {fault}", file=sys.stderr)
    return 1
