"""Actions of VoIPBIN that are read and checked, so that its flows load unchanged, and skipped when their turn comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from flows.actions.base import ActionType, Context, Failure, Media, Option, Outcome
from flows.address import AddressOption


class Accepted(ActionType):
    """What they share: they do nothing and say so."""

    failure: ClassVar[Failure] = Failure.SKIP

    @classmethod
    def advice(cls, option: Option) -> Iterator[tuple[tuple[str, ...], str]]:
        """Say that it does nothing."""
        yield (), f"{cls.type} is skipped: this server does not do it yet"

    async def execute(self, run: Context) -> Outcome:
        """Do nothing, visibly."""
        return Outcome("this server does not do it yet", skipped=True)


class Amd(Accepted):
    """Find out whether a machine has answered. Skipped."""

    type: ClassVar[str] = "amd"
    media: ClassVar[Media] = Media.CALL

    machine_handle: Literal["", "hangup", "continue"] = ""
    in_background: bool = Field(default=False, alias="async")


class Transcribe(Accepted):
    """What the transcribing actions share."""

    language: str = ""
    provider: str = ""
    direction: str = "both"
    on_end_flow_id: str = ""


class TranscribeStart(Transcribe):
    """Write down what is said. Skipped."""

    type: ClassVar[str] = "transcribe_start"
    media: ClassVar[Media] = Media.CALL


class TranscribeStop(Accepted):
    """Write it down no more. Skipped."""

    type: ClassVar[str] = "transcribe_stop"
    media: ClassVar[Media] = Media.CALL


class TranscribeRecording(Transcribe):
    """Write down what was said in the recordings of the call. Skipped."""

    type: ClassVar[str] = "transcribe_recording"


class MessageSend(Accepted):
    """Send a text message. Skipped."""

    type: ClassVar[str] = "message_send"

    source: AddressOption | None = None
    destinations: tuple[AddressOption, ...] = ()
    text: str = ""


class ConversationSend(Accepted):
    """Send a message in a conversation. Skipped."""

    type: ClassVar[str] = "conversation_send"

    conversation_id: str = ""
    text: str = ""
    sync: bool = False


class CaseCreate(Accepted):
    """Open a case for whoever calls. Skipped."""

    type: ClassVar[str] = "case_create"

    name: str = ""
    detail: str = ""
    note: str = ""
    sync: bool = False


class Ai(Accepted):
    """What the actions of assistants share."""

    assistance_type: Literal["", "ai", "team"] = ""
    assistance_id: str = ""
    ai_id: str = ""


class AiTalk(Ai):
    """Let the caller talk to an assistant. Skipped."""

    type: ClassVar[str] = "ai_talk"

    duration: int = 0


class AiTask(Ai):
    """Give an assistant a task. Skipped."""

    type: ClassVar[str] = "ai_task"


class AiSummary(Accepted):
    """Sum up what was said. Skipped."""

    type: ClassVar[str] = "ai_summary"

    on_end_flow_id: str = ""
    reference_type: Literal["", "call", "conference", "transcribe", "recording"] = ""
    reference_id: str = ""
    language: str = ""


ACCEPTED: tuple[type[ActionType], ...] = (
    Amd,
    TranscribeStart,
    TranscribeStop,
    TranscribeRecording,
    MessageSend,
    ConversationSend,
    CaseCreate,
    AiTalk,
    AiTask,
    AiSummary,
)
