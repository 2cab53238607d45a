"""REGISTER: who may, what is kept, what is answered."""

from __future__ import annotations

import re

import pytest

from tests.registrar.phone import NOW, Office, Phone, hop, values
from voipbin_sip.registrar.registrar import Answer

CONTACT = "<sip:1000@198.51.100.7:5060>"


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_phone_registers(algorithm: str) -> None:
    office = Office()
    answer = Phone(office).register(CONTACT, headers=["User-Agent: Desk 3"], algorithm=algorithm)
    assert answer.status == 200
    assert values(answer, "Contact") == ["<sip:1000@198.51.100.7:5060>;expires=3600"]
    assert values(answer, "Date") == ["Fri, 15 Jan 2027 08:00:00 GMT"]
    (contact,) = office.locations.contacts("1000")
    assert contact.uri == "sip:1000@198.51.100.7:5060"
    assert contact.user_agent == "Desk 3"
    assert contact.expires_at == NOW + 3600


def test_both_algorithms_are_offered_the_stronger_first() -> None:
    offered = values(Phone(Office()).ask(CONTACT), "WWW-Authenticate")
    assert [re.findall("algorithm=([^,]*)", value) for value in offered] == [["SHA-256"], ["MD5"]]


def test_the_expires_of_the_contact_beats_the_header() -> None:
    office = Office()
    Phone(office).register(f"{CONTACT};expires=120", headers=["Expires: 600"])
    assert office.locations.contacts("1000")[0].expires(NOW) == 120
    Phone(office, call_id="b").register(CONTACT, headers=["Expires: 600"])
    assert office.locations.contacts("1000")[0].expires(NOW) == 600


def test_long_expiries_are_shortened_and_unreadable_ones_mean_an_hour() -> None:
    office = Office()
    answer = Phone(office).register(CONTACT, headers=["Expires: 4294967295"])
    assert values(answer, "Contact") == [f"{CONTACT};expires=7200"]
    answer = Phone(office, call_id="b").register(CONTACT, headers=["Expires: soon"])
    assert values(answer, "Contact") == [f"{CONTACT};expires=3600"]


def test_a_short_expiry_is_refused_and_the_least_is_told() -> None:
    office = Office()
    answer = Phone(office).register(f"{CONTACT};expires=59")
    assert (answer.status, values(answer, "Min-Expires")) == (423, ["60"])
    assert office.uris() == []
    assert Phone(office).register(f"{CONTACT};expires=60").status == 200


def test_a_refused_request_changes_nothing() -> None:
    office = Office()
    phone = Phone(office)
    phone.register(CONTACT)
    answer = phone.register("<sip:1000@198.51.100.7:7000>", f"{CONTACT};expires=5")
    assert answer.status == 423
    assert office.uris() == ["sip:1000@198.51.100.7:5060"]


def test_asking_without_contacts_tells_all() -> None:
    office = Office()
    Phone(office).register(CONTACT)
    Phone(office, call_id="b").register(
        "<sip:1000@203.0.113.5;transport=tcp>;q=0.5", headers=["Expires: 100"]
    )
    office.now += 40
    answer = Phone(office, call_id="c").register()
    assert values(answer, "Contact") == [
        f"{CONTACT};expires=3560",
        "<sip:1000@203.0.113.5;transport=tcp>;q=0.5;expires=60",
    ]
    assert len(office.locations) == 2


def test_a_phone_takes_its_contact_back() -> None:
    office = Office()
    phone = Phone(office)
    phone.register(CONTACT, "<sip:1000@198.51.100.7:7000>")
    answer = phone.register(f"{CONTACT};expires=0")
    assert values(answer, "Contact") == ["<sip:1000@198.51.100.7:7000>;expires=3600"]
    assert phone.register("<sip:1000@198.51.100.7:7000>", headers=["Expires: 0"]).status == 200
    assert office.uris() == []
    assert phone.register(CONTACT, headers=["Expires: 0"]).status == 200  # what is not there may be removed


def test_star_removes_everything() -> None:
    office = Office()
    Phone(office).register(CONTACT)
    Phone(office, call_id="b").register("<sip:1000@203.0.113.5>")
    assert Phone(office, call_id="c").register("*", headers=["Expires: 60"]).status == 400
    assert Phone(office, call_id="c").register("*").status == 400
    assert len(office.locations) == 2
    answer = Phone(office, call_id="c").register("*", headers=["Expires: 0"])
    assert (answer.status, values(answer, "Contact")) == (200, [])
    assert office.uris() == []


def test_an_older_request_of_the_same_call_id_is_refused() -> None:
    office = Office()
    phone = Phone(office)
    phone.register(CONTACT, cseq=10)
    phone.cseq = 10
    assert phone.register(CONTACT, cseq=9).status == 500
    assert phone.register(CONTACT, cseq=10).status == 500
    assert phone.register("*", headers=["Expires: 0"], cseq=9).status == 500
    assert office.uris() == ["sip:1000@198.51.100.7:5060"]
    assert phone.register(CONTACT, cseq=11).status == 200
    assert Phone(office, call_id="after a reboot".replace(" ", "-")).register(CONTACT, cseq=1).status == 200


def test_the_same_uri_written_otherwise_is_the_same_contact() -> None:
    office = Office()
    Phone(office).register("<sip:1000@198.51.100.7:5060;ob>")
    Phone(office, call_id="b").register("<SIP:%31000@198.51.100.7:5060>")
    assert office.uris() == ["SIP:%31000@198.51.100.7:5060"]
    Phone(office, call_id="b2").register(CONTACT, CONTACT)
    assert len(office.uris()) == 1
    Phone(office, call_id="c").register("<sip:1000@198.51.100.7:5060;transport=tcp>")
    assert len(office.uris()) == 2


def test_a_phone_that_moved_replaces_itself() -> None:
    office = Office()
    instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'
    Phone(office).register(f"{CONTACT};{instance};reg-id=1")
    answer = Phone(office, call_id="b").register(f"<sip:1000@203.0.113.5>;{instance};reg-id=1")
    assert values(answer, "Contact") == [f"<sip:1000@203.0.113.5>;expires=3600;{instance};reg-id=1"]
    Phone(office, call_id="c").register(f"<sip:1000@203.0.113.6>;{instance};reg-id=2")  # its second flow
    assert len(office.uris()) == 2


def test_of_too_many_contacts_the_oldest_go() -> None:
    office = Office(contacts=3)
    for number in range(5):
        office.now += 1
        Phone(office, call_id=f"c{number}").register(f"<sip:1000@198.51.100.{number}>")
    assert office.uris() == ["sip:1000@198.51.100.4", "sip:1000@198.51.100.3", "sip:1000@198.51.100.2"]
    office.now += 1
    Phone(office, call_id="again").register("<sip:1000@198.51.100.2>")
    office.now += 1
    Phone(office, call_id="new").register("<sip:1000@198.51.100.9>")
    assert office.uris() == ["sip:1000@198.51.100.9", "sip:1000@198.51.100.2", "sip:1000@198.51.100.4"]


def test_the_path_is_kept_and_told() -> None:
    office = Office()
    path = ["Path: <sip:p2.test;lr>, <sip:p1.test;lr>", "Path: <sip:p0.test;lr>"]
    answer = Phone(office).register(CONTACT, headers=path)
    told = ["<sip:p2.test;lr>", "<sip:p1.test;lr>", "<sip:p0.test;lr>"]
    assert values(answer, "Path") == told
    assert values(answer, "Supported") == ["path"]
    assert office.locations.contacts("1000")[0].path == tuple(told)


def test_contacts_that_cannot_be_called_are_left_out() -> None:
    office = Office()
    answer = Phone(office).register("<mailto:desk@example.org>", CONTACT)
    assert values(answer, "Contact") == [f"{CONTACT};expires=3600"]


def test_a_contact_is_kept_without_the_headers_in_its_uri() -> None:
    office = Office()
    Phone(office).register("<sip:1000@198.51.100.7?Subject=x>")
    assert office.uris() == ["sip:1000@198.51.100.7"]


@pytest.mark.parametrize(
    "contacts", [["<sip:" + "a" * 600 + "@198.51.100.7>"], [f"<sip:a{n}@198.51.100.7>" for n in range(17)]]
)
def test_what_is_too_much_is_refused(contacts: list[str]) -> None:
    office = Office()
    assert Phone(office).register(*contacts).status == 400
    assert office.uris() == []


def test_nobody_registers_for_another() -> None:
    office = Office()
    phone = Phone(office, "1001", username="1000", password="secret")
    assert phone.register(CONTACT).status == 403
    assert Phone(office, "9999", username="1000", password="secret").register(CONTACT).status == 403
    assert len(office.locations) == 0


def test_other_domains_are_not_served() -> None:
    assert Phone(Office()).ask(CONTACT, uri="sip:example.org").status == 404
    assert Phone(Office()).ask(CONTACT, to="sip:1000@example.org").status == 404
    for uri in ("sip:192.0.2.1:5060", "sip:sip.voipbin.test", "sip:[2001:db8::1]"):
        assert Phone(Office()).register(CONTACT, uri=uri).status == 200


def test_known_and_unknown_extensions_look_the_same() -> None:
    def seen(phone: Phone) -> list[object]:
        first = phone.ask(CONTACT)
        return [_shape(first), _shape(phone.ask(CONTACT, credentials=phone.credentials(first)))]

    wrong = seen(Phone(Office(), "1000", password="guess"))
    unknown = seen(Phone(Office(), "4711", password="guess"))
    empty = seen(Phone(Office(), "4711", password=""))
    assert wrong == unknown == empty


def test_only_wrong_passwords_are_told_to_who_watches() -> None:
    office = Office()
    Phone(office).ask(CONTACT)
    assert office.judged == []
    Phone(office, password="guess").register(CONTACT)
    Phone(office, "4711").register(CONTACT)
    assert office.judged == [("198.51.100.7", False)] * 2
    Phone(office).register(CONTACT)
    assert office.judged[2:] == [("198.51.100.7", True)]


def test_a_stale_nonce_is_no_wrong_password() -> None:
    office = Office()
    phone = Phone(office)
    first = phone.ask(CONTACT)
    office.now += 3600
    answer = phone.ask(CONTACT, credentials=phone.credentials(first))
    assert answer.status == 401
    assert all("stale=true" in value for value in values(answer, "WWW-Authenticate"))
    assert office.judged == []
    assert phone.ask(CONTACT, credentials=phone.credentials(answer)).status == 200


def test_a_wrong_password_is_blamed_on_who_received_the_nonce() -> None:
    office = Office()
    stranger, forging = (
        Phone(office, password="guess"),
        Phone(office, password="guess", hop=hop("203.0.113.9")),
    )
    answer = forging.ask(CONTACT, credentials=forging.credentials(stranger.ask(CONTACT)))
    assert answer.status == 401
    assert office.judged == [("198.51.100.7", False)]


@pytest.mark.parametrize("password", ["secret", "guess"])
@pytest.mark.parametrize("worthless", ["foreign", "old", "barred"])
def test_nothing_is_learnt_from_a_nonce_that_blames_nobody(worthless: str, password: str) -> None:
    office = Office()
    phone = Phone(office, password=password)
    challenge = phone.ask(CONTACT)
    credentials = phone.credentials(challenge)
    if worthless == "foreign":
        credentials = phone.credentials(Phone(Office(secret=b"another")).ask(CONTACT))
    elif worthless == "old":
        office.now += 3601
    else:
        office.barred.add("198.51.100.7")
    phone.hop = hop("203.0.113.9")
    answer = phone.ask(CONTACT, credentials=credentials)
    assert answer.status == 401
    assert all("stale=true" in value for value in values(answer, "WWW-Authenticate"))
    assert office.judged == []


def test_a_phone_that_wandered_between_challenge_and_answer_is_let_in() -> None:
    phone = Phone(Office())
    credentials = phone.credentials(phone.ask(CONTACT))
    phone.hop = hop("203.0.113.9")  # the other line of its NAT, or another proxy of a farm
    assert phone.ask(CONTACT, credentials=credentials).status == 200


def test_credentials_are_good_once() -> None:
    office = Office()
    phone = Phone(office)
    credentials = phone.credentials(phone.ask(CONTACT))
    assert phone.ask(CONTACT, credentials=credentials).status == 200
    assert phone.ask(CONTACT, credentials=credentials).status == 401


def test_a_phone_that_answers_as_if_to_a_proxy_is_understood() -> None:
    phone = Phone(Office())
    credentials = phone.credentials(phone.ask(CONTACT))
    assert phone.ask(CONTACT, headers=[f"Proxy-Authorization: {credentials}"]).status == 200


def _shape(answer: Answer) -> object:
    return answer.status, answer.reason, [re.sub('nonce="[^"]*"', "", value) for _, value in answer.headers]
