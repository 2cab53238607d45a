"""Mail: `email_send`."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from flows.actions.base import DONE, ActionType, Context, Failure, Outcome
from flows.address import AddressOption
from flows.ports import Mail, StepFailed
from flows.validation import AT_RUN_TIME, Strict

RECIPIENTS = 50
ATTACHMENTS = 10
SUBJECT = 998  # characters; RFC 5322 section 2.1.1
_MAILBOX = re.compile(r"[^\s@<>,;:\"]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


def is_mailbox(text: str) -> bool:
    """Tell whether a text is one bare mail address (RFC 5321 section 4.1.2, without quotes)."""
    return _MAILBOX.fullmatch(text) is not None


class Mailbox(AddressOption):
    """Who gets a mail."""

    type: Literal["email"]

    @field_validator("target")
    @classmethod
    def _is_mailbox(cls, target: str, info: ValidationInfo) -> str:
        if "type" in info.data and info.context != AT_RUN_TIME and not is_mailbox(target):
            raise ValueError(f"'{target[:80]}' is not a mail address")
        return target


class Attachment(Strict):
    """What goes with a mail."""

    reference_type: Literal["recording"] = Field(default="recording")
    reference_id: str = Field(description="UUID of a recording; empty: nothing")


class EmailSend(ActionType):
    """Send a mail, perhaps with recordings; the flow goes on at once, the mail is sent even when the call ends.

    A recording that still goes on is attached when it is over. The mail server is that of `smtp` in the
    configuration.
    """

    type: ClassVar[str] = "email_send"
    failure: ClassVar[Failure] = Failure.SKIP

    destinations: tuple[Mailbox, ...] = Field(
        min_length=1, max_length=RECIPIENTS, description="Addresses of type email"
    )
    subject: str = Field(default="", description="Subject, in one line")
    content: str = Field(default="", description="Plain text")
    attachments: tuple[Attachment, ...] = Field(
        default=(), max_length=ATTACHMENTS, description="Recordings: `{reference_type, reference_id}`"
    )

    async def execute(self, run: Context) -> Outcome:
        """Hand the mail over."""
        if run.outside.mail is None:
            raise StepFailed("no mail server is configured: see 'smtp' in voipbin.yaml")
        to = tuple(address.target.strip() for address in self.destinations)
        for mailbox in to:
            if not is_mailbox(mailbox):
                raise StepFailed(
                    f"{mailbox[:80]!r} is no mail address" if mailbox else "a destination is empty"
                )
        subject = " ".join(self.subject.split())[:SUBJECT]
        recordings = tuple(item.reference_id for item in self.attachments if item.reference_id)
        run.outside.mail.send(Mail(to, subject, self.content, recordings))
        return DONE
