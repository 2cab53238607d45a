"""RTP ports: even and odd, drained before reuse."""

from __future__ import annotations

import socket

import pytest

from media.ports import DRAIN, NoPort, PortPool

HOST = "127.0.0.1"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def free_range(pairs: int) -> range:
    """Return a range of ports that nobody uses now."""
    for start in range(23_000, 30_000, 2 * pairs):
        opened = []
        try:
            for port in range(start, start + 2 * pairs):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                opened.append(sock)
                sock.bind((HOST, port))
        except OSError:
            continue
        else:
            return range(start, start + 2 * pairs)
        finally:
            for sock in opened:
                sock.close()
    raise AssertionError("no free ports for the test")


def take(pool: PortPool) -> int:
    port, rtp, rtcp = pool.open(HOST)
    assert rtp.getsockname() == (HOST, port)
    assert rtcp.getsockname() == (HOST, port + 1)
    rtp.close()
    rtcp.close()
    return port


def test_pairs_are_even_and_odd_and_each_is_given_once() -> None:
    ports = free_range(5)
    pool = PortPool(range(ports.start - 1, ports.stop), Clock())
    taken = [take(pool) for _ in range(5)]
    assert sorted(taken) == list(ports[::2])
    with pytest.raises(NoPort, match=f"{ports.start - 1}-{ports.stop - 1}"):
        take(pool)


def test_a_pair_rests_before_it_is_used_again() -> None:
    clock = Clock()
    pool = PortPool(free_range(1), clock)
    port = take(pool)
    pool.release(port)
    clock.now = DRAIN - 0.1
    with pytest.raises(NoPort):
        take(pool)
    clock.now = DRAIN
    assert take(pool) == port


def test_ports_of_other_programs_are_passed_over_and_tried_again_later() -> None:
    ports = free_range(3)
    pool = PortPool(ports, Clock())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, ports.start + 1))
        assert sorted(take(pool) for _ in range(2)) == [ports.start + 2, ports.start + 4]
        with pytest.raises(NoPort):
            take(pool)
    assert take(pool) == ports.start


def test_an_address_that_is_not_ours_is_an_error_and_loses_no_port() -> None:
    pool = PortPool(free_range(1), Clock())
    with pytest.raises(OSError, match="assign"):
        pool.open("192.0.2.1")
    assert take(pool)


def test_sockets_of_both_families() -> None:
    pool = PortPool(free_range(1), Clock())
    try:
        _, rtp, rtcp = pool.open("::1")
    except OSError:
        pytest.skip("no IPv6 loopback here")
    assert rtp.family == socket.AF_INET6
    rtp.close()
    rtcp.close()
