"""Requests outside of dialogs: those that come up to the user, and those that it sends (RFC 3261 8.1, 8.2)."""

import pytest

from tests.sip.core_harness import Net, Phone, Text
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.events import Asked, Hop, Limits, Refused, Response

CHALLENGE = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'


def asking_net() -> Net:
    return Net(asks=frozenset(("REGISTER", "MESSAGE")))


def asked(net: Net, phone: Phone) -> Text:
    """Return a REGISTER that we have sent."""
    net.core.request(
        net.now,
        "REGISTER",
        hop=phone.hop,
        uri="sip:trunk.example",
        from_="<sip:carol@trunk.example>",
        to="<sip:carol@trunk.example>",
        call_id="reg-1",
        cseq=7,
        headers=(("Contact", "<sip:carol@198.51.100.1>"), ("Expires", "300")),
        credentials=("carol", "secret"),
    )
    net.collect()
    return net.last


def test_a_register_comes_up_and_is_answered() -> None:
    net = asking_net()
    phone = Phone(net)
    register = phone.text("REGISTER", uri="sip:example.com", extra="Contact: *\r\nExpires: 0\r\n")
    phone.give(register)
    phone.give(register)
    event = net.one(Asked)
    assert event.request.method == "REGISTER"
    assert event.hop == phone.hop
    assert net.sent == []
    net.core.respond(net.now, event.token, 200, headers=(("Contact", "<sip:a@203.0.113.7>;expires=60"),))
    net.core.respond(net.now, event.token, 403)
    net.collect()
    phone.give(register)
    assert net.responses("REGISTER") == [200, 200]
    assert net.last["Contact"] == "<sip:a@203.0.113.7>;expires=60"
    assert net.last.to_tag
    assert len(net.of(Asked)) == 1
    net.run(40)
    assert net.empty


def test_a_register_with_a_to_tag_is_a_register_all_the_same() -> None:
    net = asking_net()
    Phone(net).give(Phone(net).text("REGISTER", to_tag="odd"))
    assert net.one(Asked).request.to.tag == "odd"


def test_a_challenge_keeps_no_state() -> None:
    net = asking_net()
    phone = Phone(net)
    register = phone.text("REGISTER")
    for number in range(2):
        phone.give(register)
        net.core.respond(net.now, net.of(Asked)[number].token, 401, headers=(("WWW-Authenticate", "x"),))
        net.collect()
        assert net.empty
    assert net.responses("REGISTER") == [401, 401]


def test_a_request_that_the_user_forgets_is_answered_in_the_end() -> None:
    net = asking_net()
    Phone(net).give(Phone(net).text("REGISTER"))
    net.run(10)
    assert net.responses("REGISTER") == [500]
    net.core.respond(net.now, net.one(Asked).token, 200)
    net.run(40)
    assert net.responses("REGISTER") == [500]
    assert net.empty


def test_methods_that_nobody_asks_for_are_refused_and_the_others_are_allowed() -> None:
    net = asking_net()
    phone = Phone(net)
    answer = phone.send("PUBLISH")
    assert answer.status == 405
    assert answer["Allow"].endswith("MESSAGE, REGISTER")
    assert "REGISTER" in phone.send("OPTIONS")["Allow"]
    assert net.of(Asked) == []


def test_a_flood_of_registers_stops_at_the_cap() -> None:
    net = Net(limits=Limits(max_transactions=20), asks=frozenset(("REGISTER",)))
    phone = Phone(net)
    for _ in range(30):
        phone.give(phone.text("REGISTER"))
    assert net.responses("REGISTER") == [503] * 10
    assert len(net.of(Asked)) == 20
    assert len(net.of(Refused)) == 10


def test_a_request_of_ours_is_answered() -> None:
    net = Net()
    phone = Phone(net)
    request = asked(net, phone)
    assert request.start == "REGISTER sip:trunk.example SIP/2.0"
    assert request["CSeq"] == "7 REGISTER"
    assert request["Call-ID"] == "reg-1"
    assert request["To"] == "<sip:carol@trunk.example>"
    assert request["From"].startswith("<sip:carol@trunk.example>;tag=")
    assert request["Contact"] == "<sip:carol@198.51.100.1>"
    phone.reply(request, 100)
    assert net.events == []
    phone.reply(request, 200, extra="Contact: <sip:carol@198.51.100.1>;expires=60\r\n")
    event = net.one(Response)
    assert (event.status, event.cseq, event.hop) == (200, 7, phone.hop)
    assert event.headers.get("contact") == "<sip:carol@198.51.100.1>;expires=60"
    net.run(10)
    assert net.empty


def test_a_challenged_request_goes_out_again_with_the_next_number() -> None:
    net = Net()
    phone = Phone(net)
    phone.reply(asked(net, phone), 401, extra=CHALLENGE)
    assert net.last["CSeq"] == "8 REGISTER"
    assert net.last["Authorization"].startswith('Digest username="carol", realm="r", nonce="n"')
    assert net.events == []
    phone.reply(net.last, 401, extra=CHALLENGE)
    event = net.one(Response)
    assert (event.status, event.cseq) == (401, 8)


def test_a_request_without_answer_ends_with_408() -> None:
    net = Net()
    asked(net, Phone(net))
    net.run(40)
    assert (net.one(Response).status, net.one(Response).reason) == (408, "Request Timeout")
    assert len(net.requests("REGISTER")) == 11
    assert net.empty


def test_a_request_that_cannot_be_sent_ends_with_503() -> None:
    net = Net()
    phone = Phone(net, transport="TCP")
    asked(net, phone)
    net.core.send_failed(net.now, Hop("TCP", ("198.51.100.1", 5060), ("192.0.2.1", 5060)))
    assert net.events == []
    net.core.send_failed(net.now, phone.hop)
    net.collect()
    assert net.one(Response).status == 503
    net.run(40)
    assert net.empty


def test_a_request_on_a_lost_connection_goes_over_a_new_one() -> None:
    net = Net()
    phone = Phone(net, transport="TCP", connection=4)
    asked(net, phone)
    net.core.connection_lost(net.now, 4)
    net.collect()
    first, second = net.requests("REGISTER")
    assert (first.hop.connection, second.hop.connection) == (4, 0)
    assert second.hop.remote == phone.address
    phone.moved(phone.address, connection=5).reply(second, 200)
    assert net.one(Response).status == 200
    assert net.one(Response).hop.connection == 5


@pytest.mark.parametrize("method", ["INVITE", "BYE", "CANCEL", "ACK"])
def test_requests_that_need_a_dialog_are_not_sent_without(method: str) -> None:
    net = Net()
    with pytest.raises(LocalProtocolError):
        net.core.request(
            net.now, method, hop=Phone(net).hop, uri="sip:a@b.example", from_="<sip:c@d.example>"
        )
