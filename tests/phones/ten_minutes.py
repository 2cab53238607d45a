"""The newcomer's ten minutes in their order, each looked at on the screen; test and picture are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.phones.newcomer import Newcomer, newcomer
from tests.phones.sound import Stretch


@dataclass(frozen=True, slots=True)
class Session:
    """What came of it: the recording, and what the phone heard in the two calls that went well."""

    cast: Path
    before: list[Stretch]
    after: list[Stretch]


async def ten_minutes(folder: Path) -> Session:
    """Do all that the README says. Raises AssertionError where the screen does not show what it should."""
    recording = folder / "ten-minutes.cast"
    with newcomer(folder) as person:
        person.desk.record(recording)
        before = await first_call(person)
        await first_change(person)
        after = await second_call(person)
        await failures(person)
        person.has_done_all()
        person.server.key("C-c")
        await person.server.shows("\n$\n")
    return Session(recording, before, after)


async def first_call(person: Newcomer) -> list[Stretch]:
    """Start the server, call 100, press 3."""
    await person.server.shows("$")
    await person.says("make run")
    await person.server.shows("extension 1000", "ready sip=", "dial sip:100@")
    async with person.phone("first") as phone:
        await phone.dials("100")
        await person.server.shows("to=reception")
        await phone.hears(5.0)
        await phone.presses("3")
        await phone.hears_itself()
        return await phone.hangs_up()


async def first_change(person: Newcomer) -> None:
    """Edit the flow with a slip, be told, correct it, walk through it without a phone."""
    await person.says("export PATH=")
    await person.edits(3)
    await person.says("voipbin-sip check")
    await person.own.shows(
        "there is no step 'huors'; did you mean 'hours'?", "would find nothing, and be hung up"
    )
    await person.server.shows("not reloaded")
    await person.clears()
    await person.edits(1)
    await person.says("voipbin-sip check")
    await person.own.shows("no mistakes found")
    await person.says("voipbin-sip flow simulate")
    await person.own.shows("For our hours, press 4.", "left) >")
    await person.own.enter("4")
    await person.own.shows(
        "the caller types 4", "talk hours", "We are here from nine to five, Monday to Friday."
    )
    await person.server.shows("reloaded ", "flows=1")
    await person.own.shows("ends, hung up: normal")
    await person.clears()


async def second_call(person: Newcomer) -> list[Stretch]:
    """Call again and press 4, while the live table shows it."""
    await person.says("voipbin-sip calls")
    await person.own.shows("Enter page", "the caller hung up")
    async with person.phone("second") as phone:
        await phone.dials("100")
        await person.own.shows(" 1 call ", "reception.yaml:26 talk")
        await phone.presses("4")
        await person.own.shows("reception.yaml:92 talk")
        person.own.key("Enter")
        await person.own.shows("Goes on: at reception.yaml:92 talk", "goes to 'hours'")
        heard = await phone.is_hung_up()
    await person.own.shows("This server hung up: reception.yaml:48 hangup")
    person.own.key("Escape")
    await person.own.shows(" 0 calls ")
    person.own.type("q")
    await person.clears()
    return heard


async def failures(person: Newcomer) -> None:
    """Dial what nobody has, and an extension without a phone; ask why."""
    async with person.phone("third") as phone:
        await phone.dials_in_vain("10", asked=True)
    await person.says("voipbin-sip call last")
    assert "-- INVITE + SDP --" in await person.reads()
    await person.clears()
    async with person.phone("fourth", registered=True) as phone:
        await phone.dials_in_vain("1001")
    await person.says("voipbin-sip call last")
    assert "Is the phone of 1001 on" in await person.reads()
    await person.clears()
    await person.says("voipbin-sip explain")
    await person.own.shows("calls 10: is asked for a password", "did you mean '100'?", "\n$\n")
    await person.clears()
    await person.says("voipbin-sip doctor")
    await person.own.shows("0 errors, ", " things are in order", "\n$\n")
