"""What is refused before it begins: what counts as a refusal, what is counted as one, and how much is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.calls.test_admission import HOP, Gate, invite
from tests.registrar.phone import Office, Phone
from tests.registrar.test_strangers import work
from tests.sip.core_harness import Net
from tests.sip.core_harness import Phone as Caller
from voipbin_sip.calls.verdict import Admitted, Ground, Rule, Turned
from voipbin_sip.observe.attempt import Attempt, Cause, in_words, span
from voipbin_sip.observe.refused import (
    KEPT,
    KEPT_CHALLENGES,
    KEPT_OF_SOURCE,
    PATIENCE,
    TOGETHER,
    RefusedAttempts,
)
from voipbin_sip.registrar.registrar import Answer
from voipbin_sip.sip.events import Hop, Refused
from voipbin_sip.sip.message import Request, parse_message


class Door:
    """A gate and a registrar, their watcher, and a clock."""

    def __init__(self, *known: str, banned: Callable[[str], float] = lambda host: 0.0) -> None:
        self.now = 1_000_000.0
        self.gate = Gate()
        self.office = Office()
        self.refused = RefusedAttempts(
            "voipbin.test", wall=lambda: self.now, known=known.__contains__, banned=banned
        )

    def call(self, uri: str, *, call_id: str = "c1", hop: Hop = HOP, password: str = "") -> Admitted | Turned:
        """Send an INVITE, and one more with the password where it is asked for one."""
        decision = self._tell(invite(uri).request, call_id, hop, self.gate.call(uri))
        if password and isinstance(decision, Turned) and decision.outcome is not None:
            decision = self.gate.call_with_password(uri, password)
            self._tell(invite(uri).request, call_id, hop, decision)
        return decision

    def _tell(
        self, request: Request, call_id: str, hop: Hop, decision: Admitted | Turned
    ) -> Admitted | Turned:
        request = _named(request, call_id)
        if isinstance(decision, Turned):
            self.refused.call_turned(request, hop, decision)
        else:
            self.refused.call_admitted(request, hop)
        return decision

    def register(self, extension: str = "1000", password: str = "secret", host: str = "198.51.100.7") -> None:
        """Register as phones do: ask, be challenged, come back with the password."""
        phone = _Watched(self, extension, password, host)
        challenge = phone.ask("<sip:x@198.51.100.7>")
        phone.ask("<sip:x@198.51.100.7>", credentials=phone.credentials(challenge))

    @property
    def attempts(self) -> list[Attempt]:
        return [*self.refused.newest()]

    @property
    def one(self) -> Attempt:
        (attempt,) = self.attempts
        return attempt


class _Watched(Phone):
    """A phone whose registrar is watched."""

    def __init__(self, door: Door, extension: str, password: str, host: str = "198.51.100.7") -> None:
        hop = Hop("UDP", ("192.0.2.1", 5060), (host, 5060))
        super().__init__(door.office, extension, password=password, hop=hop, call_id=f"reg-{extension}")
        self.door = door
        registrar = door.office.registrar
        self._answer = registrar.answer

    def ask(self, *contacts: str, **options: object) -> Answer:
        registrar = self.office.registrar
        said: list[tuple[Request, Hop, Answer]] = []

        class Told:
            @staticmethod
            def answer(request: Request, hop: Hop, now: float) -> Answer:
                answer = registrar.answer(request, hop, now)
                said.append((request, hop, answer))
                return answer

        self.office.registrar = Told()  # type: ignore[assignment]
        try:
            answer = super().ask(*contacts, **options)  # type: ignore[arg-type]
        finally:
            self.office.registrar = registrar
        self.door.refused.registration_answered(*said[0])
        return answer


def _named(request: Request, call_id: str) -> Request:
    other = parse_message(re.sub(rb"Call-ID: \S+", b"Call-ID: " + call_id.encode(), request.to_bytes()))
    assert isinstance(other, Request)
    return other


def from_host(host: str) -> Hop:
    return replace(HOP, remote=(host, 5060))


# What is a refusal


def test_an_unknown_number_is_refused_at_once() -> None:
    door = Door("1000")
    assert isinstance(door.call("sip:555@voipbin.test", password="secret"), Turned)
    attempt = door.one
    assert (attempt.cause, attempt.status, attempt.callee) == (Cause.NO_SUCH_NUMBER, 404, "555")
    assert (attempt.caller, attempt.peer) == ("sip:alice@example.org", "1000")
    assert attempt.source == HOP.remote
    assert [*attempt.call_ids] == ["c1"]
    assert in_words(attempt) == "555 is no number, extension or conference here"


@pytest.mark.parametrize("host", ["office.trunk.voipbin.test", "conference.voipbin.test"])
def test_a_host_that_says_more_than_the_number_is_kept(host: str) -> None:
    door = Door("1000")
    door.call(f"sip:555@{host}")
    door.now += 2 * PATIENCE
    assert door.one.callee == f"sip:555@{host}"


def test_a_challenge_that_is_answered_is_no_refusal() -> None:
    door = Door("1000")
    assert isinstance(door.call("sip:200@voipbin.test", password="secret"), Admitted)
    door.register()
    door.now += 10 * PATIENCE
    assert door.attempts == []
    assert door.refused.waiting() == 0


def test_a_challenge_that_is_not_answered_becomes_one_after_a_while() -> None:
    door = Door("1000")
    door.call("sip:200@voipbin.test")
    door.now += PATIENCE - 0.1
    assert door.attempts == []
    assert door.refused.waiting() == 1
    door.now += 0.2
    attempt = door.one
    assert (attempt.cause, attempt.status, attempt.at) == (Cause.NO_PASSWORD, 407, 1_000_000.0)
    assert in_words(attempt) == "it was asked for a password and sent none"
    assert door.refused.waiting() == 0
    assert door.refused.counters == {Cause.NO_PASSWORD: 1}


def test_a_wrong_password_is_one_at_once() -> None:
    door = Door("1000")
    door.register(password="guess")
    attempt = door.one
    assert (attempt.method, attempt.cause, attempt.status) == ("REGISTER", Cause.WRONG_PASSWORD, 401)
    assert (attempt.claimed, attempt.callee, attempt.source[0]) == ("1000", "1000", "198.51.100.7")
    assert in_words(attempt) == "the password of 1000 is wrong"
    door.now += 2 * PATIENCE
    assert len(door.attempts) == 1


def test_a_password_of_nobody_is_told_apart() -> None:
    door = Door("1000")
    door.register("4711")
    assert in_words(door.one) == "there is no extension 4711"


def test_the_password_that_was_one_too_many_says_so() -> None:
    door = Door("1000", banned=lambda host: 600.0 if host == "198.51.100.7" else 0.0)
    door.register(password="guess")
    assert in_words(door.one) == (
        "the password of 1000 is wrong; 198.51.100.7 is banned for 10 minutes after too many wrong passwords"
    )


def test_a_longer_interval_is_asked_for_and_nothing_refused() -> None:
    door = Door("1000")
    door.refused.registration_answered(invite("sip:1000@voipbin.test").request, HOP, Answer(423, "Too Brief"))
    assert door.attempts == []


def test_a_phone_that_registers_for_another_one() -> None:
    door = Door("1000", "1001")
    phone = _Watched(door, "1000", "secret")
    challenge = phone.ask("<sip:x@198.51.100.7>", to="sip:1001@voipbin.test")
    credentials = phone.credentials(challenge)
    assert (
        phone.ask("<sip:x@198.51.100.7>", to="sip:1001@voipbin.test", credentials=credentials).status == 403
    )
    assert in_words(door.one) == "the phone of 1000 registers for 1001"


@pytest.mark.parametrize(
    ("ground", "status", "cause"),
    [
        (Ground.DOMAIN, 404, Cause.NOT_OUR_DOMAIN),
        (Ground.NOBODY, 404, Cause.NOT_FOR_STRANGERS),
        (Ground.PROVIDER, 404, Cause.NO_SUCH_NUMBER),
        (Ground.DRAINING, 503, Cause.DRAINING),
        (Ground.NO_MEDIA, 503, Cause.NO_MEDIA),
        (Ground.SERVER, 500, Cause.FAULT),
    ],
)
def test_every_ground_has_its_cause_and_its_words(ground: Ground, status: int, cause: Cause) -> None:
    door = Door()
    request = invite("sip:555@voipbin.test").request
    door.refused.call_turned(request, HOP, Turned(status, "Reason", rule=Rule(ground, "carrier")))
    assert door.one.cause is cause
    assert in_words(door.one)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (("Max-Forwards: 70", "Replaces: other;to-tag=1;from-tag=2"), Cause.NO_SUCH_CALL),
        (("Max-Forwards: 70", "Require: magic"), Cause.UNSUPPORTED),
        (("CSeq: 1 INVITE", "CSeq: 1 BYE"), Cause.MALFORMED),
    ],
    ids=["replaces", "require", "malformed"],
)
def test_what_the_core_refuses_is_kept_with_its_request(change: tuple[str, str], cause: Cause) -> None:
    door, net = Door(), Net()
    event = _refused(net, Caller(net).text("INVITE").replace(*change))
    door.refused.request_refused(event)
    attempt = door.one
    assert (attempt.cause, attempt.status, attempt.method) == (cause, event.status, "INVITE")
    assert in_words(attempt)


def test_an_invite_that_comes_by_two_ways_is_a_loop() -> None:
    door, net = Door(), Net()
    caller = Caller(net)
    net.give(caller.text("INVITE", cseq=1), HOP)
    door.refused.request_refused(_refused(net, caller.text("INVITE", cseq=1)))
    assert (door.one.cause, door.one.status) == (Cause.LOOP, 482)


def test_what_begins_nothing_is_no_attempt() -> None:
    door, net = Door(), Net()
    door.refused.request_refused(_refused(net, Caller(net).text("MESSAGE")))
    door.refused.request_refused(Refused(HOP, 0, "message too long"))
    assert door.attempts == []


def _refused(net: Net, request: str) -> Refused:
    net.give(request, HOP)
    return net.one(Refused)


# How much is kept


def test_equal_attempts_that_follow_each_other_are_counted_as_one() -> None:
    door = Door("1000")
    for number in range(5):
        door.call("sip:555@voipbin.test", call_id=f"c{number}", password="secret")
        door.now += TOGETHER - 1
    attempt = door.one
    assert (attempt.count, attempt.began, attempt.at) == (5, 1_000_000.0, door.now - TOGETHER + 1)
    assert [*attempt.call_ids] == ["c0", "c1", "c2", "c3", "c4"]
    assert [*door.refused.find("c2")] == [*door.refused.find(str(attempt.id)[:8])] == [attempt]
    door.now += TOGETHER
    door.call("sip:555@voipbin.test", password="secret")
    assert [attempt.count for attempt in door.attempts] == [1, 5]
    assert door.refused.counters == {Cause.NO_SUCH_NUMBER: 6}


@pytest.mark.parametrize("differs", ["number", "source"])
def test_what_differs_is_not_counted_as_one(differs: str) -> None:
    door = Door("1000")
    door.call("sip:555@voipbin.test", password="secret")
    if differs == "number":
        door.call("sip:556@voipbin.test", password="secret")
    else:
        door.call("sip:555@voipbin.test", hop=from_host("192.0.2.10"), password="secret")
    assert [attempt.count for attempt in door.attempts] == [1, 1]


def test_a_scanner_pushes_out_nobody_else() -> None:
    door = Door("1000")
    door.call("sip:555@voipbin.test", hop=from_host("198.51.100.99"), password="secret")
    for number in range(KEPT + 100):
        door.now += 0.001
        door.call(f"sip:{number}@voipbin.test", call_id=f"s{number}", password="secret")
    assert len(door.attempts) == KEPT_OF_SOURCE + 1
    assert door.attempts[-1].callee == "555"
    assert door.attempts[0].callee == str(KEPT + 99)


def test_many_sources_have_so_many_together() -> None:
    door = Door("1000")
    for number in range(KEPT + 50):
        door.now += 0.001
        door.call(
            "sip:555@voipbin.test", hop=from_host(f"10.1.{number // 250}.{number % 250}"), password="secret"
        )
    found = door.attempts
    assert len(found) == KEPT
    assert found[0].source[0] == f"10.1.{(KEPT + 49) // 250}.{(KEPT + 49) % 250}"
    assert [attempt.id for attempt in door.refused.newest(size=2)] == [attempt.id for attempt in found[:2]]
    assert [*door.refused.newest(before=found[9].at, size=1)] == [found[10]]


def test_a_flood_of_callers_without_passwords_is_bounded() -> None:
    door = Door("1000")
    for number in range(2 * KEPT_CHALLENGES):
        door.call("sip:200@voipbin.test", call_id=f"f{number}")
    door.now += 2 * PATIENCE
    assert door.one.count == KEPT_CHALLENGES


def test_what_callers_write_is_cut_and_harmless() -> None:
    door = Door()
    request = invite(f"sip:{'9' * 1000}@voipbin.test").request
    door.refused.call_turned(request, HOP, Turned(404, "Number not found", rule=Rule(Ground.NOBODY)))
    assert len(door.one.callee) == 256
    assert door.one.callee.isprintable()


# What strangers learn


def test_a_known_and_an_unknown_user_take_the_same_work() -> None:
    def told(extension: str) -> Callable[[], None]:
        door = Door("1000")
        phone = Phone(door.office, extension, password="guess")
        outcome = phone.ask("<sip:x@198.51.100.7>", credentials=phone.credentials(phone.ask("<sip:x@h>")))
        request = invite("sip:200@voipbin.test").request
        return lambda: door.refused.registration_answered(request, HOP, outcome)

    for _ in range(2):  # the first time fills caches
        known, unknown = work(told("1000")), work(told("4711"))
    assert known == unknown


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 second"), (40, "40 seconds"), (60, "1 minute"), (300, "5 minutes"), (86_400, "24 hours")],
)
def test_lengths_of_bans_are_written_for_people(seconds: float, words: str) -> None:
    assert span(seconds) == words
