"""Lines of text around the table of calls: about the server, about the selected call."""

from __future__ import annotations

import time
from typing import ClassVar

from rich.text import Text
from textual.timer import Timer
from textual.widgets import Static

from voipbin_sip.printable import clean
from voipbin_sip.terminal.board import Row
from voipbin_sip.terminal.columns import BAD, Sight, duration
from voipbin_sip.terminal.live import ServerSeen

ID_SHOWN = 8  # letters, which name a call well enough for `voipbin-sip call`


class Line(Static):
    """One line of text, drawn only where it changes."""

    DEFAULT_CSS = "Line { height: 1; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }"
    _shown: Text | None = None

    def show(self, text: Text) -> None:
        """Show another text."""
        if text != self._shown:
            self._shown = text
            self.update(text)


class KeysLine(Line):
    """The keys that may be pressed; for a while something that happened instead."""

    MESSAGE_SECONDS: ClassVar[float] = 8.0

    def __init__(self, keys: str) -> None:
        self._keys = Text(keys, style="dim")
        super().__init__(self._keys, id="keys")
        self._back: Timer | None = None

    def say(self, text: str) -> None:
        """Show a message."""
        if self._back is not None:
            self._back.stop()
        self._back = self.set_timer(self.MESSAGE_SECONDS, lambda: self.show(self._keys))
        self.show(Text(clean(text), style="bold"))


def server_line(server: ServerSeen, running: int, more: str) -> Text:
    """Return the line about the server."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append("voipbin-sip", "bold")
    if server.version:
        line.append(f" {clean(server.version)}")
    if server.base:
        line.append(f"  {server.base.partition('://')[2]}")
    if server.trouble:
        if server.lost_at:
            since = duration(time.monotonic() - server.lost_at)
            line.append(f"  no connection for {since}, trying again", "bold red reverse")
        return line
    line.append(f"  {running} {'call' if running == 1 else 'calls'}", "bold")
    if more:
        line.append(f"  {more}", "bold yellow")
    if server.began is not None:
        line.append(
            f"  {server.calls} since the start, {uptime((server.now - server.began).total_seconds())} ago"
        )
    faults = "; ".join(f"{part}: {what}" for part, what in server.faults.items())
    line.append(f"  {server.status}", "green" if server.status == "ok" else "bold red")
    line.append(f": {clean(faults)}" if faults else "")
    return line


def uptime(seconds: float) -> str:
    """Return how long a server runs: 3 d 4 h, 4 h 12 min, 12 min."""
    minutes = max(0, int(seconds)) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def selected_line(row: Row, sight: Sight, position: str) -> Text:
    """Return where in the table a call is, and what the table may have had no room for."""
    line = Text(f"{position}  {row.id[:ID_SHOWN]}", style="bold", no_wrap=True, overflow="ellipsis")
    if row.ended is not None:
        line.append(f"  {row.ended.astimezone():%H:%M:%S}", "not bold")
    line.append(f"  {clean(row.source)} → {clean(row.destination)}", "not bold")
    if partner := sight.board.partner(row):
        line.append(f"  with {clean(partner)}", "not bold")
    if row.codec:
        line.append(f"  {row.codec}", "not bold")
    if row.silent:
        line.append("  no sound comes from it", BAD)
    elif row.mos is not None:
        line.append(f"  MOS {row.mos:.1f}", BAD if row.bad else "not bold")
    if row.loss is not None:
        line.append(f"  {row.loss:.1f} % lost", BAD if row.bad else "not bold")
    line.append(f"  {clean(row.why if row.over else row.step)}", "not bold")
    return line


def nothing_line(*, filtered: bool) -> Text:
    """Return why there is no call to show."""
    if filtered:
        return Text("no call fits the filter; Escape clears it")
    return Text("no calls; they appear here when somebody calls")
