"""What is over is freed by reference counts, once its last timer has gone: nothing is left to the collector."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest

from tests.sip.core_harness import Net, Phone
from voipbin_sip.sip.session import Session

ENOUGH = 100.0  # seconds: all timers of RFC 3261 section 17 are over


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def hung_up_by_us(net: Net, phone: Phone) -> None:
    leg = phone.picks_up()
    net.core.hang_up(net.now, leg)
    net.collect()
    phone.reply(net.last, 200)


def challenged(net: Net, phone: Phone) -> None:
    """Our BYE is never answered with anything but a challenge that we cannot meet."""
    leg = phone.picks_up()
    net.core.hang_up(net.now, leg)
    net.collect()
    challenge = 'WWW-Authenticate: Digest realm="there", nonce="n", qop="auth"\r\n'
    phone.reply(net.last, 401, extra=challenge)


def left_by_the_peer(net: Net, phone: Phone) -> None:
    phone.picks_up()
    assert phone.send("BYE", cseq=0).status == 200


def refused_by_us(net: Net, phone: Phone) -> None:
    net.core.reject(net.now, phone.invite(), 404)
    net.collect()
    phone.ack_failure()


def given_up_by_us(net: Net, phone: Phone) -> None:
    leg = phone.called()
    invite = net.last
    phone.reply(invite, 180, tag="b1")
    net.core.hang_up(net.now, leg)
    net.collect()
    phone.reply(net.last, 200)
    phone.reply(invite, 487, tag="b1")


def never_answered(net: Net, phone: Phone) -> None:
    phone.called()


CALLS = [hung_up_by_us, challenged, left_by_the_peer, refused_by_us, given_up_by_us, never_answered]


def sessions() -> list[Session]:
    return [found for found in gc.get_objects() if isinstance(found, Session)]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_a_session_is_freed(call: Callable[[Net, Phone], None]) -> None:
    others = sessions()  # of other tests
    net = Net()
    call(net, Phone(net))
    made = [weakref.ref(found) for found in sessions() if found not in others]
    net.run(ENOUGH)
    assert net.empty
    assert not [reference for reference in made if reference() is not None]
