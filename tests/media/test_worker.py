"""The worker process by itself: its loop on a socketpair, with this test as the control side."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from media.bank import ClipBank
from media.messages import (
    VERSION,
    CloseLeg,
    Event,
    Hello,
    LegClosed,
    Load,
    OpenLeg,
    Order,
    Play,
    PlayDone,
    Stop,
)
from media.stats import create_stats

ROOT = Path(__file__).resolve().parents[2]


class Control:
    """The control side of one worker."""

    def __init__(self) -> None:
        self.bank = ClipBank(1000)
        stats = create_stats()
        self.link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.link.settimeout(5)
        fds = (theirs.fileno(), self.bank.fd, stats)
        command = [sys.executable, "-m", "media.worker", *map(str, fds)]
        self.process = subprocess.Popen(command, pass_fds=fds, cwd=ROOT)
        theirs.close()
        os.close(stats)

    def send(self, order: Order, *sockets: socket.socket) -> None:
        socket.send_fds(self.link, [msgspec.msgpack.encode(order)], [sock.fileno() for sock in sockets])

    def event(self) -> Event:
        event: Event = msgspec.msgpack.decode(self.link.recv(1 << 16), type=Event)
        return event

    def wait_for(self, kind: type) -> Event:
        while not isinstance(event := self.event(), kind):
            pass
        return event


@pytest.fixture
def control() -> Iterator[Control]:
    control = Control()
    yield control
    control.link.close()
    try:
        control.process.wait(3)
    except subprocess.TimeoutExpired:
        control.process.kill()
        control.process.wait()
        raise


def pair() -> tuple[socket.socket, socket.socket]:
    sockets = (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    )
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
    return sockets


def test_it_says_hello_and_how_busy_it_is(control: Control) -> None:
    assert control.event() == Hello(VERSION, control.process.pid)
    load = control.wait_for(Load)
    assert isinstance(load, Load)
    assert load.legs == 0
    assert 0 <= load.busy < 1


def test_it_stops_when_told_and_when_left(control: Control) -> None:
    control.event()
    control.send(Stop())
    assert control.process.wait(3) == 0
    assert control.link.recv(1 << 16) == b""


def test_it_ends_when_the_other_side_closes(control: Control) -> None:
    control.event()
    control.link.close()
    assert control.process.wait(3) == 0


def test_signals_to_the_group_do_not_end_calls(control: Control) -> None:
    control.event()
    control.process.send_signal(signal.SIGINT)
    control.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    assert control.process.poll() is None


def test_a_leg_without_sockets_is_refused_and_the_others_go_on(control: Control) -> None:
    rtp, rtcp = pair()
    control.send(OpenLeg(1, 0, False, 0.0), rtp, rtcp)
    control.send(OpenLeg(2, 1, False, 0.0))
    refused = control.wait_for(LegClosed)
    assert isinstance(refused, LegClosed)
    assert refused.leg == 2
    control.send(CloseLeg(1))
    closed = control.wait_for(LegClosed)
    assert isinstance(closed, LegClosed)
    assert closed.leg == 1
    rtp.close()
    rtcp.close()


def test_a_playout_for_a_leg_that_never_was_is_over(control: Control) -> None:
    control.send(Play(77, 5, []))
    assert control.wait_for(PlayDone) == PlayDone(77, 5, "closed", 0)


def test_closing_frees_the_ports(control: Control) -> None:
    rtp, rtcp = pair()
    address = rtp.getsockname()
    control.send(OpenLeg(1, 0, False, 0.0), rtp, rtcp)
    rtp.close()
    rtcp.close()
    control.send(CloseLeg(1))
    control.wait_for(LegClosed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(address)
