"""INFO, OPTIONS and other requests in a dialog (RFC 3261 section 12.2.2, RFC 2976, RFC 6086)."""

import pytest

from tests.sip.core_harness import Net, Phone
from voipbin_sip.sip.events import Ended, InfoDigit, Refused


@pytest.mark.parametrize(
    ("content_type", "body", "digit", "duration"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=250\r\n", "5", 250),
        ("application/dtmf-relay", "Signal= *\nDuration= 100", "*", 100),
        ("application/dtmf-relay", "Signal=#", "#", 160),
        ("application/dtmf-relay", "Signal=d\r\nDuration=99999999\r\n", "D", 10_000),
        ("Application/DTMF-Relay; charset=x", "signal=0\r\nduration=abc\r\n", "0", 160),
        ("application/dtmf", "7", "7", 160),
        ("application/dtmf", "10\r\n", "*", 160),
        ("application/dtmf", "11", "#", 160),
    ],
)
def test_a_digit_by_info(content_type: str, body: str, digit: str, duration: int) -> None:
    net = Net()
    phone = Phone(net)
    leg = phone.establish()
    assert phone.send("INFO", body=body, content_type=content_type).status == 200
    assert net.one(InfoDigit) == InfoDigit(leg, digit, duration)


def test_a_repeated_info_is_one_digit() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    info = phone.text("INFO", body="Signal=5\r\nDuration=160\r\n", content_type="application/dtmf-relay")
    phone.give(info)
    net.run(1)
    phone.give(info)
    assert net.responses("INFO") == [200, 200]
    assert len(net.of(InfoDigit)) == 1


def test_a_hook_flash_is_answered_but_is_no_digit() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    assert phone.send("INFO", body="Signal=16", content_type="application/dtmf-relay").status == 200
    assert net.of(InfoDigit) == []


@pytest.mark.parametrize("body", ["Signal=\r\n", "Signal=55\r\n", "Duration=100\r\n", "\x01", "Signal=x"])
def test_a_digit_body_without_a_digit_gets_400(body: str) -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    answer = phone.send("INFO", body=body, content_type="application/dtmf-relay")
    assert answer.start == "SIP/2.0 400 No Digit In Body"
    assert net.of(InfoDigit) == []


def test_other_infos() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    assert phone.send("INFO").status == 200
    picture = phone.send("INFO", body="<x/>", content_type="application/media_control+xml")
    assert picture.status == 415
    assert "application/dtmf-relay" in picture["Accept"]
    package = phone.send("INFO", extra="Info-Package: conference\r\n")
    assert package.status == 469
    assert package["Recv-Info"] == ""
    assert net.of(Ended) == []


def test_options_in_a_dialog() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    answer = phone.send("OPTIONS")
    assert answer.status == 200
    assert "INFO" in answer["Allow"]


@pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE", "PUBLISH", "FOO"])
def test_methods_that_we_do_not_know_get_405_with_allow(method: str) -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    answer = phone.send(method)
    assert answer.status == 405
    assert answer["Allow"] == "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"
    assert net.of(Ended) == []


def test_required_extensions_are_refused_in_a_dialog_too() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    answer = phone.send("INFO", extra="Require: y, 100rel, x\r\n")
    assert answer.status == 420
    assert answer["Unsupported"] == "y, x"


def test_a_request_with_the_wrong_from_tag_is_not_part_of_the_dialog() -> None:
    net = Net()
    phone = Phone(net)
    phone.establish()
    stranger = phone.moved(("192.0.2.66", 5060))
    stranger.from_tag = "guess"
    assert stranger.send("BYE").status == 481
    assert net.one(Refused).status == 481
    assert net.of(Ended) == []


def test_the_order_of_cseq_numbers_is_kept_over_all_methods() -> None:
    net = Net()
    phone = Phone(net, cseq=100)
    phone.establish()
    assert phone.send("OPTIONS", cseq=205).status == 200
    late = phone.send("BYE", cseq=204)
    assert late.start == "SIP/2.0 500 CSeq Out Of Order"
    assert net.of(Ended) == []
    assert phone.send("BYE", cseq=206).status == 200
