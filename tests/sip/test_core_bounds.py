"""What the core keeps is bounded, and everything it kept is forgotten."""

import gc

from tests.sip.core_harness import OFFER, Net, Phone, description
from voipbin_sip.sip.events import Ended, Limits
from voipbin_sip.sip.message import Request
from voipbin_sip.sip.session import Session


def test_a_thousand_calls_at_once_are_kept_and_forgotten() -> None:
    net = Net()
    phones = []
    for number in range(1000):
        phone = Phone(net, call_id=f"c{number}", name=f"u{number}")
        phone.establish()
        phones.append(phone)
    assert net.core.sizes["legs"] == 1000
    net.run(60)
    assert net.core.sizes["transactions"] == 0
    assert net.core.sizes["timers"] == 0
    for phone in phones:
        phone.send("BYE")
    assert net.core.sizes["legs"] == 0
    net.run(60)
    assert net.empty
    assert len(net.of(Ended)) == 1000


def test_the_transactions_of_finished_calls_do_not_keep_their_messages() -> None:
    net = Net()
    gc.collect()
    before = sum(isinstance(thing, Request | Session) for thing in gc.get_objects())
    for number in range(100):
        phone = Phone(net, call_id=f"c{number}", name=f"u{number}")
        phone.establish()
        phone.send("BYE")
    net.events.clear()
    assert net.core.sizes["transactions"] == 200
    gc.collect()
    assert sum(isinstance(thing, Request | Session) for thing in gc.get_objects()) - before < 5


def test_a_flood_of_invites_stops_at_the_cap() -> None:
    net = Net(limits=Limits(max_legs=50, max_transactions=80))
    for number in range(1000):
        phone = Phone(net, call_id=f"c{number}", name=f"u{number}")
        phone.give(phone.text("INVITE", body=OFFER))
    assert net.core.sizes["legs"] == 50
    assert net.core.sizes["transactions"] == 50
    assert net.responses("INVITE").count(503) == 950


def test_a_flood_within_a_dialog_stops_at_the_cap() -> None:
    net = Net(limits=Limits(max_transactions=80))
    phone = Phone(net)
    phone.establish()
    for _ in range(1000):
        phone.send("OPTIONS")
    assert net.core.sizes["transactions"] == 80
    net.run(40)
    assert net.core.sizes["transactions"] == 0


def test_a_flood_of_what_is_refused_keeps_nothing() -> None:
    net = Net()
    for number in range(500):
        phone = Phone(net, call_id=f"c{number}", name=f"u{number}", to_tag="x" * (number % 2))
        for method in ("BYE", "REGISTER", "CANCEL", "ACK", "OPTIONS"):
            phone.give(phone.text(method))
        phone.give(phone.text("INVITE", extra="Require: x\r\n"))
    assert net.empty


def test_a_call_that_goes_on_for_a_day_with_many_holds_stays_small() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    for _ in range(200):
        phone.send("INVITE", body=OFFER)
        net.core.accept_offer(net.now, leg, description())
        net.collect()
        phone.ack()
        net.core.info_digit(net.now, leg, "1")
        net.collect()
        phone.reply(net.last, 200)
        net.run(432)
    assert net.core.sizes["transactions"] == 0
    assert net.core.sizes["timers"] == 0
    assert net.of(Ended) == []
