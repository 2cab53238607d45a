"""Log lines: structured, on standard error, and never a reason for a call to fail.

Everybody's lines take one way and look alike: those of the server, of libraries that use `logging`, warnings of
Python, and tracebacks of what nobody caught. A line about a call has its id as `call`; one about a run of a flow
has that run's as `run`, the id of the activeflow in the API.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from voipbin_sip.printable import clean

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def concerning(**ids: str) -> AbstractContextManager[None]:
    """Note what a task and those that it begins work for, until the end of the block; empty ids are left out.

    Nothing of it comes into lines by itself, since a task or connection that outlives its first user would go on
    to name him: who logs for somebody else in the background asks `concerned` at the moment of the order.
    """
    return structlog.contextvars.bound_contextvars(**{name: text for name, text in ids.items() if text})


def concerned() -> Mapping[str, Any]:
    """Return the ids that the present task works for, to bind them to a logger."""
    return structlog.contextvars.get_contextvars()


class _Output:
    """Writes lines; a full disk or a closed pipe loses the line, not the call."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self.name = name

    def msg(self, message: str) -> None:
        try:
            self._stream.write(message + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass

    log = debug = info = warning = warn = error = critical = exception = msg


def set_up(form: str, level: str) -> None:
    """Configure log lines for this process: `form` is "text" or "json", `level` one of LEVELS."""
    final: list[Processor]
    if form == "json":
        final = [_in_order, structlog.processors.JSONRenderer(serializer=_as_json)]
    else:
        final = [_printable, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=16)]
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *names: _Output(sys.stderr, str(names[0]) if names else ""),
        cache_logger_on_first_use=True,
    )


def _printable(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Leave out what steers terminals or begins lines; tracebacks keep theirs (a structlog processor)."""
    return {
        name: clean(value) if isinstance(value, str) and name != "exception" else value
        for name, value in event.items()
    }


def _in_order(logger: Any, _method: str, event: EventDict) -> EventDict:
    """Put first what every line has, and add which part of the server speaks (a structlog processor)."""
    first = {name: event.pop(name) for name in ("timestamp", "level", "event")}
    return {**first, "logger": getattr(logger, "name", ""), **event}


def _as_json(event: Any, **keys: Any) -> str:
    """Return one JSON text (RFC 8259), which knows no infinity and no not-a-number."""
    try:
        return json.dumps(event, allow_nan=False, **keys)
    except ValueError:
        return json.dumps({key: _plain(value) for key, value in event.items()}, **keys)


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | bool | None) else repr(value)


class _Bridge(logging.Handler):
    """Takes what libraries log to where our own lines go."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; one that cannot be put into words is lost, and nothing else is."""
        try:
            told: Callable[..., Any] = getattr(structlog.get_logger(record.name), _level_of(record))
            told(record.getMessage().strip(), exc_info=record.exc_info or None)
        except Exception:  # whatever a library's arguments do when they become text
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Name the line that is lost."""
        structlog.get_logger(record.name).warning("a log line cannot be written", at=record.lineno)


def _level_of(record: logging.LogRecord) -> str:
    return next((name for name, least in reversed(LEVELS.items()) if record.levelno >= least), "debug")


def take_others() -> None:
    """Write what libraries log, warnings and uncaught exceptions as our own lines, from now on in this process."""
    logging.basicConfig(handlers=[_Bridge()], level=logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def _uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    structlog.get_logger("server").error("the server broke", exc_info=(kind, error, traceback))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None:
        return
    name = args.thread.name if args.thread is not None else ""
    found = (args.exc_type, args.exc_value, args.exc_traceback)
    structlog.get_logger("server").error("a thread broke", thread=name, exc_info=found)


def _unraisable(args: Any) -> None:
    found = (args.exc_type, args.exc_value, args.exc_traceback)
    what = args.err_msg or "an exception was ignored"
    structlog.get_logger("server").error(what, of=repr(args.object)[:200], exc_info=found)


def worker_words(text: str) -> None:
    """Write what a media worker has put on standard error: a traceback, or a warning of a library."""
    log = structlog.get_logger("media")
    if "Traceback" in text:
        log.error("a media worker broke", exception=text.rstrip())
    else:
        log.warning("a media worker warns", words=text.splitlines())
