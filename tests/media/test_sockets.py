"""The engine's real network on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from media.latch import Address
from media.rtp import Batch
from media.sockets import SocketIO

HOST = "127.0.0.1"


class Legs:
    """A SocketIO with a few rows and a peer socket for each."""

    def __init__(self, count: int) -> None:
        self.io = SocketIO()
        self.octets = np.zeros((count, 512), np.uint8)
        self.octets[:] = np.arange(count)[:, None]
        self.io.attach(self.octets)
        self.addresses: list[Address] = []
        self.rtcp: list[Address] = []
        self.peers: list[socket.socket] = []
        for row in range(count):
            rtp, rtcp = bound(), bound()
            self.addresses.append(rtp.getsockname())
            self.rtcp.append(rtcp.getsockname())
            self.io.offer(100 + row, rtp, rtcp)
            self.io.open(row, 100 + row)
            peer = bound()
            peer.settimeout(2)
            self.peers.append(peer)

    def lock(self, row: int) -> list[bytes] | None:
        return self.io.lock(row, self.peers[row].getsockname())


def bound() -> socket.socket:
    """Bind to a port by number, as the port pool does: only such a port survives the end of a connection."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        address = probe.getsockname()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(address)
    return sock


@pytest.fixture
def legs() -> Iterator[Legs]:
    legs = Legs(3)
    for row in range(3):
        legs.io.aim(row, legs.peers[row].getsockname())
    yield legs
    for peer in legs.peers:
        peer.close()
    for row in list(legs.io.rows):
        legs.io.close(row)


def test_open_rows_tell_the_source_and_send_where_they_aim(legs: Legs) -> None:
    legs.peers[1].sendto(b"hello", legs.addresses[1])
    assert legs.io.rx_open() == [(1, b"hello", legs.peers[1].getsockname())]
    assert legs.io.rx(Batch(8)) == 0
    legs.io.tx([0, 2], 172)
    legs.io.tx([1], 5)
    assert [len(peer.recv(999)) for peer in legs.peers] == [172, 5, 172]


def test_locked_rows_are_read_one_packet_a_round(legs: Legs) -> None:
    for row in range(3):
        legs.lock(row)
    for packet in (b"one", b"two"):
        legs.peers[0].sendto(packet, legs.addresses[0])
    legs.peers[2].sendto(b"three", legs.addresses[2])
    batch = Batch(8)
    assert legs.io.rx(batch) == 2
    assert sorted(zip(batch.rows, batch.lengths, strict=True)) == [(0, 3), (2, 5)]
    place = batch.rows.index(2)
    assert bytes(batch.octets[place, :5]) == b"three"
    assert legs.io.rx(batch) == 1
    assert (batch.rows, bytes(batch.octets[0, :3])) == ([0], b"two")
    assert legs.io.rx(batch) == 0


def test_locking_keeps_what_the_peer_has_sent_and_drops_the_rest(legs: Legs) -> None:
    for sender, packet in ((0, b"mine"), (1, b"foreign"), (0, b"more")):
        legs.peers[sender].sendto(packet, legs.addresses[0])
    assert legs.lock(0) == [b"mine", b"more"]
    legs.peers[1].sendto(b"foreign", legs.addresses[0])
    assert legs.io.rx(Batch(8)) == 0
    legs.io.tx([0], 7)
    assert legs.peers[0].recv(99) == b"\0" * 7


def test_aiming_again_opens_a_locked_row_on_the_same_port(legs: Legs) -> None:
    legs.lock(0)
    legs.io.aim(0, legs.peers[1].getsockname())
    legs.peers[2].sendto(b"anyone", legs.addresses[0])
    assert legs.io.rx_open() == [(0, b"anyone", legs.peers[2].getsockname())]
    legs.io.tx([0], 3)
    packet, source = legs.peers[1].recvfrom(99)
    assert (packet, source) == (b"\0\0\0", legs.addresses[0])


def test_a_peer_that_is_gone_disturbs_nobody(legs: Legs) -> None:
    for row in range(3):
        legs.lock(row)
    legs.peers[1].close()
    for _ in range(5):
        legs.io.tx([0, 1, 2], 172)
        legs.peers[0].sendto(b"x", legs.addresses[0])
        batch = Batch(8)
        heard = legs.io.rx(batch) + legs.io.rx(batch)
        assert heard == 1
    assert legs.io.refused > 0
    assert len(legs.peers[2].recv(999)) == 172
    legs.peers[1] = bound()


def test_rtcp_both_ways(legs: Legs) -> None:
    legs.peers[2].sendto(b"report", legs.rtcp[2])
    assert legs.io.rx_rtcp() == [(2, b"report", legs.peers[2].getsockname())]
    legs.io.tx_rtcp(2, b"ours", legs.peers[2].getsockname())
    assert legs.peers[2].recvfrom(99) == (b"ours", legs.rtcp[2])


def test_a_closed_row_is_free_for_another_leg(legs: Legs) -> None:
    legs.lock(0)
    legs.io.close(0)
    legs.io.tx([0], 172)
    rtp, rtcp = bound(), bound()
    address = rtp.getsockname()
    legs.io.offer(7, rtp, rtcp)
    legs.io.open(0, 7)
    legs.io.aim(0, legs.peers[0].getsockname())
    legs.peers[0].sendto(b"new", address)
    assert legs.io.rx_open() == [(0, b"new", legs.peers[0].getsockname())]


def test_a_giant_is_cut_not_lost(legs: Legs) -> None:
    legs.lock(0)
    legs.peers[0].sendto(b"x" * 3000, legs.addresses[0])
    batch = Batch(8)
    assert legs.io.rx(batch) == 1
    assert batch.lengths == [1500]
