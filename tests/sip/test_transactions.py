"""The transaction layer: timers of each machine, matching, reliable transports (RFC 3261 section 17, RFC 6026)."""

import pytest

from tests.sip.core_harness import OFFER, Net, Phone, description
from voipbin_sip.sip.events import Incoming, Limits
from voipbin_sip.sip.transaction import (
    INVITE_CLIENT,
    INVITE_SERVER,
    NON_INVITE_CLIENT,
    NON_INVITE_SERVER,
    State,
    Table,
)

TABLES = {
    "INVITE server": (INVITE_SERVER, State.PROCEEDING),
    "other server": (NON_INVITE_SERVER, State.TRYING),
    "INVITE client": (INVITE_CLIENT, State.CALLING),
    "other client": (NON_INVITE_CLIENT, State.TRYING),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_can_be_reached_and_leads_to_the_end(name: str) -> None:
    table, first = TABLES[name]
    assert reached(table, first) == {state for state, _ in table} | {State.TERMINATED}
    for state in {state for state, _ in table}:
        assert State.TERMINATED in reached(table, state)


def reached(table: Table, start: State) -> set[State]:
    found = {start}
    while True:
        more = {after for (state, _), (after, _) in table.items() if state in found} - found
        if not more:
            return found
        found |= more


def test_timer_j_a_repeated_request_is_answered_for_64_t1() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    info = phone.text("INFO")
    phone.give(info)
    net.run(31.9)
    phone.give(info)
    net.run(0.2)
    phone.give(info)
    assert net.responses("INFO") == [200, 200, 500]


def test_timer_i_repeated_acks_are_absorbed_for_t4() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.invite()
    net.core.reject(net.now, leg, 486)
    net.collect()
    phone.ack_failure()
    net.run(4.9)
    phone.give(phone.invite_text)
    assert net.core.sizes["transactions"] == 1
    assert net.responses("INVITE") == [100, 486]
    net.run(0.2)
    assert net.core.sizes["transactions"] == 0


def test_timer_l_the_invite_transaction_outlives_the_200_by_64_t1() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    net.run(31.9)
    assert net.core.sizes["transactions"] == 1
    net.run(0.2)
    assert net.core.sizes["transactions"] == 0


def test_timers_i_and_j_are_zero_on_reliable_transports() -> None:
    net = Net()
    phone = Phone(net, transport="TCP", connection=4)
    leg = phone.invite()
    net.core.reject(net.now, leg, 486)
    net.collect()
    phone.ack_failure()
    phone.cancel(branch="z9hG4bK-none")
    net.run(0)
    assert net.core.sizes["transactions"] == 0


def test_timer_d_repeated_failures_of_our_invite_are_acknowledged_for_32_s() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    net.run(40)
    net.core.offer(net.now, leg, description())
    net.collect()
    invite = net.last
    phone.reply(invite, 488)
    net.run(31.9)
    phone.reply(invite, 488)
    assert len(net.requests("ACK")) == 2
    net.run(0.2)
    phone.reply(invite, 488)
    assert len(net.requests("ACK")) == 2
    assert net.core.sizes["transactions"] == 0


def test_timer_e_slows_to_t2_after_a_provisional_and_timer_f_still_counts_from_the_start() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    start = net.now
    net.core.hang_up(net.now, leg)
    net.run(5)
    phone.reply(net.requests("BYE")[0], 100)
    net.run(60)
    assert [bye.at - start for bye in net.requests("BYE")] == [0, 0.5, 1.5, 3.5, *range(9, 32, 4)]


def test_timer_k_a_final_response_is_absorbed_for_t4() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    net.run(40)
    net.core.info_digit(net.now, leg, "1")
    net.collect()
    phone.reply(net.last, 200)
    phone.reply(net.last, 200)
    assert net.core.sizes["transactions"] == 1
    net.run(5.1)
    assert net.core.sizes["transactions"] == 0
    assert net.core.counters.get("refused.0", 0) == 0


def test_requests_are_not_repeated_on_reliable_transports_but_given_up() -> None:
    net = Net()
    phone = Phone(net, transport="TCP", connection=4)
    leg = phone.establish()
    net.core.hang_up(net.now, leg)
    net.run(100)
    assert len(net.requests("BYE")) == 1
    assert net.empty


def test_t1_and_t2_can_be_configured() -> None:
    net = Net(limits=Limits(t1=0.1, t2=0.4))
    phone = Phone(net)
    leg = phone.invite()
    start = net.now
    net.core.answer(net.now, leg, description())
    net.run(1.9)
    times = [round(text.at - start, 6) for text in net.sent if text.status == 200]
    assert times == [0, 0.1, 0.3, 0.7, 1.1, 1.5, 1.9]


@pytest.mark.parametrize(
    ("via", "new"),
    [
        ("SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bK-alice-1", False),
        ("SIP/2.0/UDP 203.0.113.7:5060;rport;branch=Z9HG4BK-Alice-1", False),
        ("SIP/2.0/UDP 203.0.113.7:5061;branch=z9hG4bK-alice-1", True),
        ("SIP/2.0/UDP 203.0.113.8:5060;branch=z9hG4bK-alice-1", True),
        ("SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bK-alice-2", True),
    ],
)
def test_a_transaction_is_known_by_branch_and_sent_by(via: str, new: bool) -> None:
    net = Net()
    phone = Phone(net)
    phone.invite(via="SIP/2.0/UDP 203.0.113.7:5060;rport;branch=z9hG4bK-alice-1")
    phone.give(phone.text("INVITE", cseq=1, via=via, body=OFFER))
    # A copy by another way is a merged request; the same transaction gets its 100 again.
    assert net.last.status == (482 if new else 100)
    assert len(net.of(Incoming)) == 1


def test_the_bare_magic_cookie_is_no_branch() -> None:
    net = Net()
    for number in (1, 2):
        phone = Phone(net, from_tag=f"f{number}")
        phone.give(phone.text("INVITE", branch="z9hG4bK", body=OFFER))
    assert len(net.of(Incoming)) == 2
