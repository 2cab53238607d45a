"""How long who is waited for, and by which ways a call goes on: in virtual time, with calls that follow a script."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest

from tests.fakes.loop import at_once
from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.destinations import Destinations, NotReachable
from voipbin_sip.calls.first_answer import first_answer
from voipbin_sip.calls.outgoing import LAST_WORD, OutgoingSession, Target
from voipbin_sip.calls.pursuit import MAX_REDIRECTIONS, Pursuit
from voipbin_sip.sip.events import Hop
from voipbin_sip.toll.refused import Refused

ME = Originator(Address("extension", "1000"))


def hop(name: str) -> Hop:
    return Hop("UDP", ("192.0.2.1", 5060), (name, 5060))


# Who is waited for


@dataclass
class Phone:
    """One of several that ring: when it says something, and how it ends."""

    ends: float  # s
    answers: bool = False
    heard: float = 0.0  # s; after its end: never
    is_doubtful: bool = False
    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    @property
    def is_silent(self) -> bool:
        return asyncio.get_running_loop().time() - self.began < self.heard

    async def run(self) -> OutgoingSession | None:
        await asyncio.sleep(self.ends)
        return cast(OutgoingSession, self) if self.answers else None


def waited(*phones: tuple[float, bool, float, bool]) -> tuple[bool, float]:
    """Ring phones (ends, answers, heard, doubtful) for 60 s; returns whether one answered, and after how long."""

    async def ring() -> tuple[bool, float]:
        made = [Phone(*phone) for phone in phones]
        running = {
            cast("asyncio.Future[OutgoingSession | None]", asyncio.ensure_future(phone.run())): cast(
                Pursuit, phone
            )
            for phone in made
        }
        came = await first_answer(running, 60.0)
        for task in running:
            task.cancel()
        return came is not None, asyncio.get_running_loop().time()

    return at_once(ring())


NEVER = 99.0
DEAD = (32.0, False, NEVER, False)
DOUBTFUL = (32.0, False, NEVER, True)


@pytest.mark.parametrize(
    ("phones", "expected"),
    [
        ([DEAD], (False, 32.0)),  # nobody else: as long as RFC 3261 allows
        ([DEAD, (2.0, False, 0.1, False)], (False, 8.0)),
        ([DEAD, DEAD, (2.0, False, 0.1, False)], (False, 8.0)),
        ([DEAD, (2.0, False, 0.1, False), (20.0, False, 0.1, False)], (False, 26.0)),
        ([DEAD, (NEVER, False, 0.1, False)], (False, 60.0)),  # one rings on: all are waited for
        ([(20.0, True, 5.0, False), (2.0, False, 0.1, False)], (True, 20.0)),  # it was only slow
        ([(20.0, True, 9.0, False), (2.0, False, 0.1, False)], (False, 8.0)),
        ([DOUBTFUL], (False, 6.0)),
        ([DOUBTFUL, (2.0, False, 0.1, False)], (False, 2.0)),
        ([DOUBTFUL, (0.1, False, 0.05, False)], (False, 1.0)),
        ([(20.0, True, 0.5, True), (2.0, False, 0.1, False)], (True, 20.0)),  # it is alive after all
        ([DOUBTFUL, (20.0, True, 0.1, False)], (True, 20.0)),
        ([(5.0, True, 0.1, False), (3.0, True, 0.1, False)], (True, 3.0)),
    ],
)
def test_who_is_waited_for(
    phones: list[tuple[float, bool, float, bool]], expected: tuple[bool, float]
) -> None:
    answered, seconds = waited(*phones)
    assert answered is expected[0]
    assert seconds == pytest.approx(expected[1], abs=0.01)


# By which ways


@dataclass
class Session:
    """A call of which each attempt ends as the script says."""

    script: dict[str, object]  # by host: a status, "answer", "silence", an exception, or the URIs of a 302
    dialled: list[str] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    redirected: tuple[str, ...] = ()
    has_rung: bool = False
    has_last_word: bool = False
    wants_answer: bool = True
    attempt_is_heard: bool = False
    concluded: bool = False
    sound: None = None
    outcome: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def log(self) -> Session:
        return self

    def warning(self, *_: object, **__: object) -> None:
        """Log nothing."""

    error = warning

    @property
    def failure(self) -> int:
        return self.failures[-1] if self.failures else 0

    def failed(self, status: int, why: str) -> None:
        self.failures.append(status)

    def dial(self, host: str) -> None:
        what = self.script[host]
        if isinstance(what, Exception):
            raise what
        self.dialled.append(host)
        self.outcome = asyncio.get_running_loop().create_future()
        self.redirected = ()
        self.attempt_is_heard = what != "silence"
        if what == "answer":
            self.outcome.set_result(True)
        elif isinstance(what, tuple):
            self.redirected = what
            self._fail(302)
        elif isinstance(what, int):
            self.has_last_word = what in LAST_WORD or what >= 600
            self._fail(what)

    def _fail(self, status: int) -> None:
        self.failures.append(status)
        self.outcome.set_result(False)

    def give_up_attempt(self) -> None:
        self._fail(408)

    def conclude(self) -> None:
        self.concluded = True


class Ways:
    """Looks nothing up; refuses addresses at `foreign`, and knows nothing of `nowhere`."""

    def __init__(self) -> None:
        self.silent: list[str] = []

    async def hops(self, target: Target) -> tuple[Hop, ...]:
        if "nowhere" in target.uri:
            raise NotReachable("unreachable", "no such host")
        return target.hops or (hop(target.uri),)

    async def target(self, uri: str, originator: Originator) -> Target:
        if "foreign" in uri:
            raise NotReachable("refused", "outbound.allow does not name it")
        return Target(uri)

    def failed(self, target: Target, where: Hop) -> None:
        self.silent.append(where.remote[0])

    def answered(self, target: Target) -> None:
        """It lives."""


def pursue(script: dict[str, object], target: Target) -> tuple[Session, bool, float, Ways]:
    """Try a target; returns the session, whether it was answered, how long that took, and what was noted."""

    async def run() -> tuple[Session, bool, float, Ways]:
        session, ways = Session(script), Ways()

        def attempt(_session: OutgoingSession, _target: Target, where: Hop) -> None:
            session.dial(where.remote[0])

        pursuit = Pursuit(
            cast(OutgoingSession, session), target, ME, cast(Destinations, ways), attempt
        )  # fakes have what is used
        came = await pursuit.run()
        return session, came is not None, asyncio.get_running_loop().time(), ways

    return at_once(run())


def routes(*names: str) -> Target:
    first, *others = (Target(name, provider=name) for name in names)
    return first.before(others)


def test_routes_in_order_until_one_answers() -> None:
    session, answered, seconds, _ = pursue({"a": 503, "b": 404, "c": "answer", "d": 1}, routes(*"abcd"))
    assert answered and seconds == 0.0
    assert session.dialled == ["a", "b", "c"]


def test_a_silent_provider_is_left_after_six_seconds() -> None:
    session, answered, seconds, ways = pursue({"a": "silence", "b": "answer"}, routes("a", "b"))
    assert answered and seconds == pytest.approx(6.0)
    assert ways.silent == ["a"]
    assert session.concluded


def test_the_last_provider_is_given_twelve_seconds() -> None:
    session, answered, seconds, ways = pursue({"a": "silence", "b": "silence"}, routes("a", "b"))
    assert not answered and seconds == pytest.approx(18.0)
    assert ways.silent == ["a", "b"]
    assert session.failures == [408, 408]
    session, answered, seconds, _ = pursue({"a": "silence"}, routes("a"))
    assert not answered and seconds == pytest.approx(12.0)


@pytest.mark.parametrize("status", [403, 486, 600, 603])
def test_a_last_word_ends_it(status: int) -> None:
    session, answered, _, _ = pursue({"a": status, "b": "answer"}, routes("a", "b"))
    assert not answered
    assert session.dialled == ["a"]


def test_other_servers_of_one_target_only_where_one_is_out_of_reach() -> None:
    two = Target("x", (hop("one"), hop("two")))
    assert pursue({"one": 503, "two": "answer"}, two)[0].dialled == ["one", "two"]
    assert pursue({"one": 404, "two": "answer"}, two)[0].dialled == ["one"]


def test_a_provider_that_dns_does_not_know_is_passed_over() -> None:
    session, answered, _, _ = pursue({"b": "answer"}, routes("nowhere", "b"))
    assert answered and session.failures == [480]


def test_a_provider_without_room_is_passed_over() -> None:
    script = {"a": Refused("provider a has 2 calls already"), "b": "answer"}
    session, answered, _, _ = pursue(script, routes("a", "b"))
    assert answered and session.failures == [403]


def test_redirections_are_followed_in_order_and_not_to_foreign_places() -> None:
    script: dict[str, object] = {"a": ("foreign", "b", "c"), "b": 404, "c": "answer"}
    session, answered, _, _ = pursue(script, Target("a"))
    assert answered and session.dialled == ["a", "b", "c"]


def test_redirections_come_to_an_end() -> None:
    script: dict[str, object] = {f"p{number}": (f"p{number + 1}",) for number in range(99)}
    session, answered, _, _ = pursue(script, Target("p0"))
    assert not answered
    assert len(session.dialled) == 1 + MAX_REDIRECTIONS
    wide: dict[str, object] = {
        f"p{number}": tuple(f"p{other}" for other in range(99)) for number in range(99)
    }
    session, _, _, _ = pursue(wide, Target("p0"))
    assert len(session.dialled) == 1 + MAX_REDIRECTIONS


def test_a_redirection_in_vain_leads_on_to_the_next_route() -> None:
    session, answered, _, _ = pursue({"a": ("foreign",), "b": "answer"}, routes("a", "b"))
    assert answered and session.dialled == ["a", "b"]
