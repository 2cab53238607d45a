"""Challenges to requests of ours are answered (RFC 3261 section 22, RFC 7616, RFC 8760)."""

from hashlib import md5, sha256

import pytest

from tests.sip.core_harness import OFFER, Net, Phone, Text, description
from voipbin_sip.sip.auth_headers import Credentials, parse_authorization
from voipbin_sip.sip.events import Answered, Ended, OfferAnswered

WWW = 'WWW-Authenticate: Digest realm="server", nonce="{}", qop="auth", algorithm={}{}\r\n'
PROXY = 'Proxy-Authenticate: Digest realm="proxy", nonce="{}"\r\n'


def challenge(nonce: str = "n1", algorithm: str = "MD5", stale: bool = False) -> str:
    return WWW.format(nonce, algorithm, ", stale=true" if stale else "")


def credentials_in(request: Text, name: str = "Authorization") -> Credentials:
    credentials = parse_authorization(request[name])
    assert credentials is not None
    return credentials


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_challenged_invite_goes_out_again_with_credentials(algorithm: str) -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called(credentials=("carol", "secret"))
    first = net.last
    phone.reply(first, 100)
    phone.reply(first, 401, tag="b0", extra=challenge(algorithm=algorithm))
    ack, second = net.sent[-2:]
    assert (ack.method, ack["Via"]) == ("ACK", first["Via"])
    assert second["CSeq"] == "2 INVITE"
    assert second["Call-ID"] == first["Call-ID"]
    assert second["From"] == first["From"]
    assert second["To"] == first["To"]
    assert second["Via"] != first["Via"]
    given = credentials_in(second)
    assert (given.username, given.realm, given.uri, given.nc) == ("carol", "server", second.uri, "00000001")
    hashed = {"MD5": md5, "SHA-256": sha256}[algorithm]
    a1 = hashed(b"carol:server:secret").hexdigest()
    a2 = hashed(f"INVITE:{second.uri}".encode()).hexdigest()
    text = f"{a1}:n1:00000001:{given.cnonce}:auth:{a2}"
    assert given.response == hashed(text.encode()).hexdigest()
    phone.reply(second, 200, tag="b1", body=OFFER, extra="Contact: <sip:bob@203.0.113.7>\r\n")
    assert net.last["CSeq"] == "2 ACK"
    assert net.last["Authorization"] == second["Authorization"]
    assert net.one(Answered).leg == leg
    net.core.hang_up(net.now, leg)
    net.collect()
    assert net.last["CSeq"] == "3 BYE"
    assert credentials_in(net.last).nc == "00000002"


def test_wrong_credentials_are_not_tried_again() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called(credentials=("carol", "wrong"))
    phone.reply(net.last, 401, tag="b0", extra=challenge())
    phone.reply(net.last, 401, tag="b0", extra=challenge("n2"))
    assert len(net.requests("INVITE")) == 2
    assert net.one(Ended) == Ended(leg, "remote", 401, "Whatever")
    net.run(100)
    assert net.empty


def test_a_stale_nonce_is_worth_another_try_but_only_one() -> None:
    net = Net()
    phone = Phone(net)
    phone.called(credentials=("carol", "secret"))
    phone.reply(net.last, 401, tag="b0", extra=challenge())
    for number in range(3):
        phone.reply(net.last, 401, tag="b0", extra=challenge(f"m{number}", stale=True))
    assert [credentials_in(text).nonce for text in net.requests("INVITE")[1:]] == ["n1", "m0"]
    assert net.one(Ended).status == 401


def test_a_proxy_and_a_server_on_the_way_are_both_answered() -> None:
    net = Net()
    phone = Phone(net)
    phone.called(credentials=("carol", "secret"))
    phone.reply(net.last, 407, extra=PROXY.format("p1"))
    assert "Authorization" not in net.last
    phone.reply(net.last, 401, extra=challenge())
    assert credentials_in(net.last).realm == "server"
    assert credentials_in(net.last, "Proxy-Authorization").realm == "proxy"
    phone.reply(net.last, 180, tag="b1")
    assert net.of(Ended) == []


def test_of_several_algorithms_the_first_that_we_know_is_taken() -> None:
    net = Net()
    phone = Phone(net)
    phone.called(credentials=("carol", "secret"))
    extra = (
        'WWW-Authenticate: Basic realm="server"\r\n'
        + challenge("x", "TOKEN-2")
        + challenge("y", "SHA-256")
        + challenge("z", "MD5")
    )
    phone.reply(net.last, 401, extra=extra)
    assert credentials_in(net.last).algorithm == "SHA-256"
    assert net.last.all("Authorization") == [net.last["Authorization"]]


@pytest.mark.parametrize(
    "extra", ["", "WWW-Authenticate: Digest\r\n", 'WWW-Authenticate: Basic realm="x"\r\n']
)
def test_a_challenge_that_cannot_be_answered_is_a_failure(extra: str) -> None:
    net = Net()
    phone = Phone(net)
    phone.called(credentials=("carol", "secret"))
    phone.reply(net.last, 401, tag="b0", extra=extra)
    assert net.one(Ended).status == 401
    assert len(net.requests("INVITE")) == 1


def test_without_credentials_a_challenge_is_a_failure() -> None:
    net = Net()
    phone = Phone(net)
    phone.called()
    phone.reply(net.last, 407, tag="b0", extra=PROXY.format("p1"))
    assert net.one(Ended).status == 407


def test_ever_new_realms_come_to_an_end() -> None:
    net = Net()
    phone = Phone(net)
    phone.called(credentials=("carol", "secret"))
    for number in range(20):
        phone.reply(net.requests("INVITE")[-1], 407, extra=PROXY.replace("proxy", f"p{number}"))
    assert len(net.requests("INVITE")) == 5
    assert net.one(Ended).status == 407


def test_a_call_that_was_hung_up_is_not_tried_again() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.called(credentials=("carol", "secret"))
    net.core.hang_up(net.now, leg)
    net.collect()
    phone.reply(net.last, 401, tag="b0", extra=challenge())
    assert len(net.requests("INVITE")) == 1
    net.run(100)
    assert net.empty


def test_reinvite_and_bye_are_challenged_too() -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.picks_up(credentials=("carol", "secret"))
    net.core.offer(net.now, leg, description())
    net.collect()
    phone.reply(net.last, 401, extra=challenge())
    assert net.last["CSeq"] == "3 INVITE"
    assert credentials_in(net.last).nonce == "n1"
    phone.reply(net.last, 200, body=OFFER)
    assert net.last["CSeq"] == "3 ACK"
    assert net.one(OfferAnswered).leg == leg
    net.core.hang_up(net.now, leg)
    net.collect()
    phone.reply(net.last, 401, extra=challenge("n2"))
    assert net.last["CSeq"] == "5 BYE"
    assert credentials_in(net.last).nonce == "n2"
    phone.reply(net.last, 200)
    net.run(100)
    assert net.empty
