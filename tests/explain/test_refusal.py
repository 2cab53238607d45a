"""Why attempts were refused, in full: what was probably meant and what to do, by the directory of now."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest

from tests.explain.office import Office, write_office
from voipbin_sip.calls.verdict import Ground
from voipbin_sip.explain.refusal import refusal
from voipbin_sip.observe.attempt import Attempt, Cause
from voipbin_sip.transport.limits import Standing


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return write_office(tmp_path)


def attempt(cause: Cause, callee: str = "555", *, method: str = "INVITE", **fields: object) -> Attempt:
    made = Attempt(
        cause, method, 404, "No", "UDP", ("192.0.2.200", 5060), "1000", callee, "", 0.0, 0.0, deque(["c"])
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def test_a_number_that_was_mistyped(office: Office) -> None:
    told = refusal(office.view(), attempt(Cause.NO_SUCH_NUMBER, "201", ground=Ground.EXTENSION, peer="1000"))
    assert told.why == "there is no number, extension or conference '201'; did you mean '200'?"
    assert told.advice == (
        "Ask again at any time: voipbin-sip explain --to 201 --source 192.0.2.200 --from 1000",
    )


def test_a_number_that_there_is_by_now(office: Office) -> None:
    told = refusal(office.view(), attempt(Cause.NO_SUCH_NUMBER, "200", ground=Ground.EXTENSION, peer="1000"))
    assert told.why == "200 is no number, extension or conference here; it is by now"


def test_a_private_number_and_no_password(office: Office) -> None:
    told = refusal(office.view(), attempt(Cause.NO_PASSWORD, "200", ground=Ground.EXTENSION))
    where = office.line("directory.yaml", '"200"')
    assert told.why == (
        f"it was asked for a password and sent none. 200 is a number of ours ({where}) and runs the flow reception, "
        "but only phones and trunks of ours may call it: it is not public."
    )
    assert told.advice[:2] == (
        "Give the phone the password of extension 1000.",
        "Or let anybody call the number: `public: true` in the directory.",
    )


def test_a_phone_that_registers_as_nobody(office: Office) -> None:
    told = refusal(office.view(), attempt(Cause.NO_SUCH_USER, "1002", method="REGISTER", claimed="1002"))
    assert told.why.startswith("there is no extension 1002; did you mean '100")
    assert told.advice[0] == "Add the extension 1002 to the directory, or correct the name in the phone."
    assert not any("explain" in line for line in told.advice), "it explains calls"


def test_a_banned_source_and_for_how_long(office: Office) -> None:
    made = attempt(Cause.WRONG_PASSWORD, "1000", method="REGISTER", claimed="1000", ban=300.0)
    view = replace(office.view(), standing=lambda host: Standing(240.0 if host == "192.0.2.200" else 0.0))
    told = refusal(view, made)
    where = office.line("directory.yaml", '"1000"')
    assert told.why.endswith("192.0.2.200 is banned for 5 minutes after too many wrong passwords")
    assert told.advice[0] == f"Compare the password in the phone with that of extension 1000 ({where})."
    assert told.advice[1].startswith("192.0.2.200 is banned for 4 minutes more: ")
    assert (
        refusal(office.view(), made).advice[1] == "192.0.2.200 was banned for a while, and is not any more."
    )


def test_a_trunk_that_there_is_not(office: Office) -> None:
    made = attempt(
        Cause.WRONG_PASSWORD, "sip:1@offce.trunk.voipbin.test", ground=Ground.TRUNK_PASSWORD, claimed="pbx"
    )
    assert "there is no trunk offce; did you mean 'office'?" in refusal(office.view(), made).why


def test_a_callee_that_nobody_can_read_is_no_fault_of_ours(office: Office) -> None:
    told = refusal(office.view(), attempt(Cause.MALFORMED, "", reason="Bad URI"))
    assert (told.why, told.advice) == ("it is not as SIP wants it: Bad URI", ())
    assert refusal(office.view(), attempt(Cause.NO_SUCH_NUMBER, "a b <>")).why


@pytest.mark.parametrize("cause", list(Cause), ids=str)
def test_every_cause_has_words(office: Office, cause: Cause) -> None:
    assert refusal(office.view(), attempt(cause, claimed="1000", peer="1000")).why
