"""A call that we place: attempts come and go, the call is one, and it ends once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from tests.calls.exchange import FakeSound
from voipbin_sip.calls.call import Address, Call
from voipbin_sip.calls.dialer import summary
from voipbin_sip.calls.outgoing import OutgoingSession, Target
from voipbin_sip.calls.session import CallLimits
from voipbin_sip.calls.sound import LegSound
from voipbin_sip.calls.states import Direction, Status
from voipbin_sip.sip.events import Answered, Ended, Hop, Progress
from voipbin_sip.toll.guard import Permit
from voipbin_sip.transport.endpoint import Endpoint

HOP = Hop("UDP", ("192.0.2.1", 5060), ("192.0.2.9", 5060))
TARGET = Target("sip:bob@example.org")


@dataclass
class Core:
    """Notes orders; a leg that is hung up ends at once, as in the real core."""

    invited: list[str] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    heard: bool = False
    session: OutgoingSession | None = None

    def invite(self, now: float, **_: object) -> str:
        self.invited.append(f"leg{len(self.invited) + 1}")
        return self.invited[-1]

    def hang_up(self, now: float, leg: str, *, cause: int = 16, reason_text: str = "") -> None:
        self.hung_up.append(leg)
        assert self.session is not None
        self.session.ended(Ended(leg, "local", 487, "CANCEL", cause, silent=not self.heard))

    def is_heard(self, leg: str) -> bool:
        return self.heard


class Sound(FakeSound):
    """No sound, but a leg that is closed."""

    closed = False

    def offer(self) -> object:
        """Offer nothing."""

    def accept(self, answer: object, *, final: bool = True) -> None:
        """Take anything."""

    def close(self) -> None:
        self.closed = True


@dataclass
class Pass:
    """A permit of the toll guard."""

    story: list[str] = field(default_factory=list)

    def answered(self, now: float) -> None:
        self.story.append("answered")

    def ended(self, now: float) -> None:
        self.story.append("ended")


class World:
    def __init__(self) -> None:
        self.core = Core()
        self.now = lambda: 0.0
        self.flush = lambda: None
        call = Call(
            "",
            Address("extension", "1000"),
            Address("tel", "+15550100"),
            Direction.OUTGOING,
            status=Status.DIALING,
        )
        self.session = OutgoingSession(call, cast(Endpoint, self), CallLimits())
        self.core.session = self.session
        self.permit = Pass()
        self.session.permit = cast(Permit, self.permit)
        self.sound = Sound()

    def dial(self) -> None:
        self.session.dial(cast(LegSound, self.sound), TARGET, HOP)

    def fails(self, status: int, *, cause: int = 0, silent: bool = False) -> None:
        leg = self.core.invited[-1]
        self.session.ended(Ended(leg, "remote", status, "No", cause, silent=silent))

    @property
    def story(self) -> list[str]:
        return self.permit.story


@pytest.fixture
async def world() -> World:
    return World()


async def test_a_failed_attempt_is_not_the_end_of_the_call(world: World) -> None:
    world.dial()
    world.fails(503)
    session = world.session
    assert session.outcome.result() is False
    assert not session.finished.is_set() and not world.sound.closed
    assert session.call.status is Status.DIALING
    world.dial()
    assert not session.outcome.done()
    assert session.call.leg == "leg2"
    session.answered(Answered("leg2", cast(Any, None)))
    assert session.outcome.result() is True
    assert world.story == ["answered"]
    session.conclude()
    assert not session.finished.is_set()
    world.fails(200)
    assert session.finished.is_set()
    assert world.story == ["answered", "ended"]
    assert (session.call.hangup_by, session.call.hangup_reason) == ("remote", "normal")


async def test_it_ends_when_no_attempt_follows(world: World) -> None:
    world.dial()
    world.fails(404)
    world.session.conclude()
    assert world.session.finished.is_set() and world.sound.closed
    assert world.session.failures == [(404, "No")]
    assert (world.session.call.hangup_by, world.session.call.hangup_reason) == ("remote", "failed")
    assert world.story == ["ended"]


@pytest.mark.parametrize(
    ("status", "cause", "reason"),
    [
        (486, 0, "busy"),
        (600, 0, "busy"),
        (480, 0, "noanswer"),
        (603, 0, "noanswer"),
        (404, 0, "failed"),
        (503, 0, "failed"),
        (699, 0, "failed"),
        (500, 17, "busy"),  # what the callee says itself goes before
    ],
)
async def test_why_it_ended(world: World, status: int, cause: int, reason: str) -> None:
    world.dial()
    world.fails(status, cause=cause)
    world.session.conclude()
    assert world.session.call.hangup_reason == reason


async def test_it_ends_though_nothing_could_be_sent(world: World) -> None:
    world.session.failed(480, "DNS does not tell")
    world.session.conclude()
    assert world.session.finished.is_set()
    assert world.core.invited == []
    assert world.story == ["ended"]


@pytest.mark.parametrize("when", ["before", "during", "between"])
async def test_hanging_up(world: World, when: str) -> None:
    if when != "before":
        world.dial()
    if when == "between":
        world.fails(503)
    world.session.hang_up("cancel")
    assert world.core.hung_up == (["leg1"] if when == "during" else [])
    assert world.session.finished.is_set()
    assert (world.session.call.hangup_by, world.session.call.hangup_reason) == ("local", "cancel")
    assert not world.session.wants_answer
    world.session.conclude()
    assert world.story == ["ended"]


async def test_a_phone_that_is_not_answered_in_time(world: World) -> None:
    world.dial()
    world.core.heard = True
    world.session.hang_up("cancel")
    came = summary([world.session])
    assert (came.result, came.status, came.reason) == ("noanswer", 480, "no answer in time")


async def test_a_phone_that_says_nothing_in_time(world: World) -> None:
    world.dial()
    world.session.hang_up("cancel")
    assert summary([world.session]).result == "unreachable"


async def test_the_most_telling_of_all_failures_is_told() -> None:
    sessions = []
    for statuses in ((503, 404), (480,), (486, 500)):
        world = World()
        for status in statuses:
            world.dial()
            world.fails(status)
        sessions.append(world.session)
    came = summary(sessions)
    assert (came.result, came.status, came.call_id) == ("busy", 486, str(sessions[2].call.id))
    assert summary(sessions[:1]).status == 503
    assert summary([]).result == "unreachable"


async def test_an_attempt_given_up_is_one_that_nobody_answered(world: World) -> None:
    world.dial()
    world.session.give_up_attempt()
    assert world.core.hung_up == ["leg1"]
    assert (world.session.failure, world.session.is_heard) == (408, False)
    assert world.session.wants_answer


@pytest.mark.parametrize(
    ("status", "cause", "rings", "last"),
    [
        (486, 0, False, True),
        (403, 0, False, True),
        (600, 0, False, True),
        (603, 0, False, True),
        (480, 0, True, True),
        (408, 0, True, True),
        (500, 17, False, True),
        (480, 19, False, True),
        (480, 0, False, False),
        (404, 1, False, False),
        (407, 0, False, False),
        (500, 38, True, False),
        (503, 34, True, False),
    ],
)
async def test_who_has_the_last_word(world: World, status: int, cause: int, rings: bool, last: bool) -> None:
    world.dial()
    if rings:
        world.session.progressed(Progress("leg1", 180, "Ringing", None))
    world.fails(status, cause=cause)
    assert world.session.has_last_word is last
    assert world.session.is_heard


async def test_silence_is_nobodys_word(world: World) -> None:
    world.dial()
    world.fails(408, silent=True)
    assert not world.session.has_last_word
    assert not world.session.is_heard


async def test_an_answer_while_we_hang_up_is_not_taken(world: World) -> None:
    world.dial()
    world.core.hang_up = lambda *_, **__: None  # type: ignore[method-assign]  # CANCEL is on its way
    world.session.hang_up("cancel")
    world.session.answered(Answered("leg1", cast(Any, None)))
    assert not world.session.outcome.done()
    assert world.session.call.status is Status.CANCELING
    assert "answered" not in world.story
    await asyncio.sleep(0)
