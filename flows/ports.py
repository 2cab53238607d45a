"""What the interpreter asks of the world, as Protocols; the server, the tests, the simulator implement them.

Every coroutine here may be cancelled at any moment (the call ended, the run was stopped) and then leaves
nothing behind: a cancelled `say` stops its sound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from flows.actions.base import ActionType
    from flows.model import Action, Flow


class StepFailed(Exception):  # noqa: N818 - reads as what happened to the step
    """A port could not do what a step asked; the message says why and what to do."""


class Played(Enum):
    """How a prompt ended."""

    FINISHED = "finished"
    DIGIT = "digit"  # the caller cut it


@dataclass(frozen=True, slots=True)
class Address:
    """Who a call is from or goes to, with VoIPBIN's fields."""

    type: str  # "tel", "sip", "extension" …
    target: str
    target_name: str = ""
    name: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ConnectResult:
    """What became of a `connect`."""

    result: Literal["answered", "busy", "noanswer", "refused", "unreachable", "canceled", "failed"]
    reason: str  # in words, for flows and logs: "486 Busy Here", "no phone is registered" …
    status: int = 0  # SIP status to relay when nobody answered, the most telling one; 0: none came
    call_id: str = ""  # of the leg that answered, else of the one that sent the status; empty: there was none


@dataclass(frozen=True, slots=True)
class Conference:
    """A conference as a flow needs it."""

    room: str
    pre_flow: str = ""  # name or UUID of the flow that each caller goes through first; empty: none
    post_flow: str = ""  # and of the one for callers who have left the room and are still there


@dataclass(frozen=True, slots=True)
class RecordingTerms:
    """How a call is to be recorded."""

    format: Literal["wav", "ogg", "mp3"] = "wav"
    direction: Literal["both", "in", "out", "mix"] = "both"  # both: stereo of what the caller says and hears
    end_of_silence: float = 0.0  # seconds that end it; 0: none do
    end_of_key: str = ""  # "any", or the digits that end it
    duration: float = 0.0  # seconds; 0: no limit


@dataclass(frozen=True, slots=True)
class ExternalMedia:
    """Sound to and from a program elsewhere."""

    host: str  # "host:port"; with a WebSocket also its ws or wss address
    encapsulation: str  # rtp, audiosocket or none
    transport: str  # udp, tcp or websocket, as fits the encapsulation
    transport_data: str  # path of a WebSocket
    format: str  # ulaw, alaw, slin or slin16
    listen: str  # in: what the caller says, out: what the caller hears, both, or empty
    speak: str  # in: as if the caller said it, out: to the caller, both, or empty


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a step was written."""

    file: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One executed step, for the trace of a run."""

    run_id: str
    number: int  # 1, 2, 3 … in the run
    flow: str
    step_id: str
    type: str
    origin: Origin | None
    started: datetime
    seconds: float
    outcome: str  # "done", "skipped", "failed", "ended"
    detail: str = ""  # the branch taken, why it was skipped …; never digits or texts of callers
    variables: Mapping[str, str] = field(default_factory=dict)  # changed by the step


@dataclass(frozen=True, slots=True)
class StepBegun:
    """A step that a run has come to, for whoever watches it."""

    number: int  # 1, 2, 3 … in the run
    flow: Flow
    action: Action
    body: ActionType | None  # its options with the variables filled in; None where they do not fit
    began: datetime


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What a web server answered."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as a flow writes it."""

    to: tuple[str, ...]
    subject: str
    content: str
    recordings: tuple[str, ...] = ()  # ids of recordings to attach


class WebPort(Protocol):
    """Requests to web servers that flows name; private hosts are refused."""

    async def request(self, method: str, url: str, *, body: str, content_type: str) -> WebAnswer:
        """Send a request and return the answer, whatever its status. Raises StepFailed where none came."""
        ...

    async def notify(self, method: str, url: str, *, body: str, content_type: str) -> WebAnswer:
        """Do the same signed, and try again where the server fails; returns its last answer. Raises StepFailed."""
        ...

    def send(self, method: str, url: str, *, body: str, content_type: str) -> None:
        """Notify and go on at once, also beyond the end of the run. Raises StepFailed where too many wait."""
        ...


class MailPort(Protocol):
    """Sends mails."""

    def send(self, mail: Mail) -> None:
        """Take a mail to send in the background, beyond the end of the run. Raises StepFailed."""
        ...


@dataclass(frozen=True, slots=True)
class Outside:
    """What steps reach beyond calls; a step that needs what is None fails."""

    web: WebPort | None = None
    mail: MailPort | None = None


class OutgoingPort(Protocol):
    """Places calls of their own."""

    async def call(
        self,
        source: Address | None,
        destinations: Sequence[Address],
        *,
        flow: Flow,
        chained: bool,
        early_execution: bool,
        anonymous: str,
    ) -> None:
        """Begin one call to each destination and return; each runs `flow` when answered.

        `source` None: the caller of this run's call. `chained`: the new calls end with this run's call.
        `early_execution`: the flow begins when it rings. `anonymous`: yes, no, or auto (as the caller wished).
        Raises StepFailed when no call can be begun at all.
        """
        ...


class CallPort(OutgoingPort, Protocol):
    """One call leg as a flow sees it.

    Digits travel the other way: `Run.digit` is called for each, and not later than a sound that the digit cut
    returns. Steps that stop on a digit are cancelled by the run itself if they have not noticed it.
    """

    def status(self) -> str:
        """Return dialing, ringing, progressing, terminating, canceling or hangup."""
        ...

    async def answer(self) -> None:
        """Answer the call; returns at once if it is answered."""
        ...

    async def hang_up(self, reason: str, *, reference_id: str = "", status: int = 0) -> None:
        """End the call; reasons: normal, failed, busy, cancel, timeout, noanswer, dialout or amd.

        `status` (SIP) wins over the reason, and `reference_id` wins over both: the call ends as that ended call
        did, or with reason normal where that one is unknown or goes on.
        """
        ...

    async def say(
        self, text: str, *, language: str, provider: str, voice_id: str, stop_on_digit: bool
    ) -> Played:
        """Speak plain text or SSML to the caller; returns when it was heard. Raises StepFailed."""
        ...

    async def play(self, sources: Sequence[str], *, trusted: bool, stop_on_digit: bool = False) -> Played:
        """Play files or URLs in order; files only if `trusted` (a flow from YAML). Raises StepFailed."""
        ...

    async def beep(self) -> None:
        """Play the beep."""
        ...

    async def send_digits(self, digits: str, *, duration: int, interval: int) -> None:
        """Send digits to the caller; `duration` and `interval` in ms."""
        ...

    async def echo(self, seconds: float, *, stream: bool) -> None:
        """Return the caller's sound (with `stream` its packets, digits included) for a time."""
        ...

    async def connect(
        self,
        source: Address | None,
        destinations: Sequence[Address],
        *,
        ring_method: str,
        dial_timeout: float,
        early_media: bool,
        anonymous: str,
        answered: Callable[[str], None],
    ) -> ConnectResult:
        """Ring the destinations and bridge the caller with the first that answers.

        Returns when the bridge is over while the caller is still there, or as soon as nobody can answer any more.
        `ring_method`: ring_all (the others are cancelled when one answers) or linear (one after the other).
        `dial_timeout` in seconds, for each destination. `source` and `anonymous` as for `call`. The caller is
        answered when a destination answers; with `early_media` its early sound reaches the caller before.
        `answered` is called with the call id of the destination when it answers.
        Cancelled: all of it ends, ringing and bridge.
        """
        ...

    async def conference(self, name: str) -> Conference:
        """Return the conference with this name or UUID. Raises StepFailed where there is none."""
        ...

    async def join(self, room: str, *, kind: str) -> None:
        """Put the caller into a room and return when the caller has left it and is still there.

        `kind`: "conference" answers the caller at once and stays; in a "connect" room the first one hears
        ringback until a second one comes, and the last one leaves with the last but one. Raises StepFailed.
        """
        ...

    async def mute(self, direction: str) -> None:
        """Set what the caller's bridges and rooms leave out from now on, also of later ones.

        in: what the caller says; out: what the caller would hear; both; none.
        """
        ...

    async def record(
        self,
        terms: RecordingTerms,
        *,
        run_id: str,
        on_end: Flow | None,
        variables: Callable[[], Mapping[str, str]],
    ) -> Mapping[str, str]:
        """Begin to record the call, and return the variables that tell of the recording.

        It goes on beside the following steps, also beyond the end of the run. When it is over, `on_end` runs without
        the call, with what `variables` returns then and with those variables. Raises StepFailed where it cannot
        begin: the call is not in progress, or is being recorded already.
        """
        ...

    async def recording_over(self) -> Mapping[str, str]:
        """Wait until the recording that `record` began last is over; return the variables that tell of it then."""
        ...

    async def stop_recording(self) -> bool:
        """End the recording of the call; False where there is none."""
        ...

    async def start_external_media(self, media: ExternalMedia) -> str:
        """Connect to a program and begin; returns the id. It goes on until the call is over. Raises StepFailed."""
        ...

    async def stop_external_media(self) -> int:
        """End all external media of the call; returns how many there were."""
        ...

    async def await_media(self) -> None:
        """Make sure that the caller can be heard (early media if unanswered) before a step that listens."""
        ...


class Clock(Protocol):
    """Time, so that tests and the simulator need not wait."""

    def now(self) -> float:
        """Return monotonic seconds."""
        ...

    def utc(self) -> datetime:
        """Return the wall clock, aware, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Trace(Protocol):
    """Where the steps of a run are written."""

    def step(self, record: StepRecord) -> None:
        """Take one finished step; must not raise and must not wait."""
        ...
