"""Log lines as they come out of a process: one JSON object each, whoever has something to say."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.phones.installed import ROOT

BEGIN = """
import asyncio, gc, logging, sys, threading, warnings
import structlog
from voipbin_sip import logs

logs.set_up({form!r}, {level!r})
logs.take_others()
"""


def written(body: str, *, form: str = "json", level: str = "info") -> str:
    """Return what a process writes on standard error."""
    program = BEGIN.format(form=form, level=level) + body
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert done.stdout == ""
    return done.stderr


def lines(body: str, **terms: str) -> list[dict[str, Any]]:
    found = [json.loads(line, parse_constant=_refuse) for line in written(body, **terms).split("\n")[:-1]]
    for line in found:
        assert {"timestamp", "level", "event", "logger"} <= line.keys(), line
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def test_own_lines() -> None:
    body = """
log = structlog.get_logger("call").bind(call="c1")
log.info("call", odd="a\\nb\\u2028\\ud800", nothing=None, object=object, endless=float("nan"))
log.debug("not wanted")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("broke")
"""
    first, second = lines(body)
    assert (first["event"], first["level"], first["logger"], first["call"]) == ("call", "info", "call", "c1")
    assert first["odd"] == "a\nb\u2028\ud800"
    assert first["endless"] == "nan"
    assert second["level"] == "error"
    assert "ZeroDivisionError" in second["exception"]


def test_what_libraries_say() -> None:
    body = """
logging.getLogger("uvicorn.error").info("not wanted")
logging.getLogger("uvicorn.error").warning("two\\nlines of %s", "it")
logging.getLogger("alembic").critical("all is lost")
logging.getLogger("odd").error("%d", "no number")
warnings.warn("too old", DeprecationWarning, stacklevel=1)
warnings.warn("look out", RuntimeWarning, stacklevel=1)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("lib").exception("broke")
"""
    found = lines(body)
    said = [(line["logger"], line["level"]) for line in found]
    assert said == [
        ("uvicorn.error", "warning"),
        ("alembic", "error"),
        ("odd", "warning"),
        *[("py.warnings", "warning")] * (len(said) - 4),
        ("lib", "error"),
    ]
    assert found[0]["event"] == "two\nlines of it"
    assert "look out" in found[-2]["event"]
    assert "ZeroDivisionError" in found[-1]["exception"]


def test_what_nobody_caught() -> None:
    body = """
class Odd:
    def __del__(self):
        raise KeyError("in __del__")

async def forgotten():
    raise LookupError("forgotten")

async def main():
    task = asyncio.create_task(forgotten())
    await asyncio.sleep(0)
    del task
    gc.collect()
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0.01)

asyncio.run(main())
thread = threading.Thread(target=lambda: [].pop(), name="worker")
thread.start()
thread.join()
odd = Odd()
del odd
gc.collect()
raise SystemError("the end")
"""
    found = lines(body)
    assert [line["level"] for line in found] == ["error"] * 5
    raised = ("LookupError", "ZeroDivisionError", "IndexError", "KeyError", "SystemError")
    for line, name in zip(found, raised, strict=True):
        assert name in line["exception"]
    assert found[2]["thread"] == "worker"


def test_lines_for_people() -> None:
    text = written('structlog.get_logger("call").info("call ended", call="c1")', form="text")
    assert "call ended" in text
    assert "call=c1" in text
    assert "logger" not in text


def test_words_of_callers_neither_steer_a_terminal_nor_begin_a_line() -> None:
    told = written(
        'structlog.get_logger("call").warning("refused", why="\\x1b[2Jgone", by="a\\n2026 [error] forged")',
        form="text",
    )
    assert "\x1b[2J" not in told
    assert len(told.splitlines()) == 1
    assert "·[2Jgone" in told and "forged" in told


def test_the_level_is_kept() -> None:
    body = """
structlog.get_logger("call").warning("not wanted")
logging.getLogger("lib").warning("not wanted")
structlog.get_logger("call").error("wanted")
"""
    assert [line["event"] for line in lines(body, level="error")] == ["wanted"]


def test_orders_for_later_know_who_gave_them() -> None:
    body = """
log = structlog.get_logger("mail")

async def one(name, begun, other):
    with logs.concerning(call=name, run=""):
        task = asyncio.create_task(later(log.bind(**logs.concerned())))
        begun.set()
        await other.wait()
    log.info("nobody's")
    await task

async def later(bound):
    await asyncio.sleep(0.01)
    bound.info("sent")

async def main():
    events = [asyncio.Event(), asyncio.Event()]
    await asyncio.gather(one("c1", *events), one("c2", *events[::-1]))

asyncio.run(main())
"""
    found = lines(body)
    assert sorted((line["event"], line.get("call", "")) for line in found) == [
        ("nobody's", ""),
        ("nobody's", ""),
        ("sent", "c1"),
        ("sent", "c2"),
    ]
    assert not any("run" in line for line in found)
