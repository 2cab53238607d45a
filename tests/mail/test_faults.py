"""What is remembered of mails that were not taken."""

from __future__ import annotations

from datetime import UTC, datetime

from voipbin_sip.mail.faults import MOST_CALLS, OF_ONE, MailFaults

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def test_trouble_begins_with_the_first_fault_and_ends_with_a_mail_that_is_taken() -> None:
    faults = MailFaults()
    faults.refused("one", NOON, "550 no", "the mail server refused a mail")
    faults.refused("", NOON.replace(hour=13), "551 never", "the mail server refused a mail")
    assert str(faults.now) == (
        "the mail server takes no mail since 2026-01-02 12:00:00 UTC (2 tries): 551 never"
    )
    assert faults.of("one") == ("the mail server refused a mail: 550 no",)
    assert faults.of("two") == ()
    faults.taken()
    assert faults.now is None
    assert faults.of("one")  # what became of the call's mail stays true


def test_it_is_bounded() -> None:
    faults = MailFaults()
    for number in range(OF_ONE + 3):
        faults.refused("one", NOON, str(number), "no")
    assert faults.of("one") == tuple(f"no: {number}" for number in range(3, OF_ONE + 3))
    for number in range(MOST_CALLS):
        faults.refused(f"call {number}", NOON, "full", "no")
    assert faults.of("one") == ()
    assert faults.of("call 0")
