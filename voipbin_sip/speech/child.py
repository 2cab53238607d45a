"""A child process with one speech engine in it: `python -m voipbin_sip.speech.child MODULE:CLASS`.

Everything an engine may do to the process that runs it (crash, hang, leak, print, be under the GPL) stays in
here. The child ends when its standard input does, that is when the server goes away, and when one order takes
longer than `LONGEST` (the server gives up much sooner). It ignores SIGINT and SIGTERM: a server that drains
still speaks.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import queue
import signal
import sys
import threading
import time
from typing import BinaryIO

from voipbin_sip.speech.engine import Engine, SpeechFault
from voipbin_sip.speech.finish import finish
from voipbin_sip.speech.protocol import (
    LENGTH,
    MAX_RECORD,
    Failed,
    Order,
    Ready,
    Sound,
    decode_order,
    frame,
)

LONGEST = 60.0  # s; enforced by a thread that needs no interpreter lock, so it also ends C code that loops
NICENESS = 10  # sound already playing is more urgent than sound to come


def main() -> int:
    """Serve orders until standard input ends."""
    output = _claim_output()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICENESS)
    orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
    threading.Thread(target=_read_orders, args=(sys.stdin.buffer, orders), daemon=True).start()
    faulthandler.dump_traceback_later(LONGEST, exit=True)
    began = time.monotonic()
    engine = _load(sys.argv[1])
    engine.warm()
    _write(output, Ready(time.monotonic() - began))
    while True:
        faulthandler.cancel_dump_traceback_later()
        order = orders.get()
        faulthandler.dump_traceback_later(LONGEST, exit=True)
        _write(output, _serve(engine, order))


def _claim_output() -> BinaryIO:
    """Take standard output for records; what the engine prints goes to standard error from here on."""
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return output


def _read_orders(source: BinaryIO, orders: queue.SimpleQueue[Order]) -> None:
    while True:
        head = source.read(LENGTH.size)
        if len(head) < LENGTH.size:
            os._exit(0)  # the server is gone; nothing here is worth saving
        (length,) = LENGTH.unpack(head)
        if length > MAX_RECORD:
            os._exit(2)
        body = source.read(length)
        if len(body) < length:
            os._exit(0)
        orders.put(decode_order(body))


def _load(factory: str) -> Engine:
    module, _, name = factory.partition(":")
    engine: Engine = getattr(importlib.import_module(module), name)()
    return engine


def _serve(engine: Engine, order: Order) -> Sound | Failed:
    native = min(max(order.pace, engine.slowest), engine.fastest)
    try:
        sound, rate = engine.speak(order.spans, order.voice, native)
    except SpeechFault as fault:
        return Failed(order.number, str(fault))
    samples = finish(sound, rate, order.rate, order.pace / native)
    if not len(samples):
        return Failed(order.number, "the engine had nothing to say")
    return Sound(order.number, samples.astype("<i2").tobytes())


def _write(output: BinaryIO, record: Ready | Sound | Failed) -> None:
    rest = memoryview(frame(record))
    try:
        while rest:
            rest = rest[output.write(rest) :]
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
