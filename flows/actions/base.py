"""What every action type is: a frozen model of its options that also knows how to run.

The class is read by the loader (option types), the checks (targets, what follows), the schema and the
documentation; the interpreter calls `execute`. An option that holds `${name}` is filled in and validated anew each
time its step runs, all others once when the flow is loaded.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Protocol, TypeAlias

from flows.digits import Digits
from flows.model import Action, Flow, FlowSet
from flows.ports import Address, CallPort, Clock, OutgoingPort, Outside
from flows.validation import Strict
from flows.variables import Variables
from flows.yamlnodes import Plain

Option: TypeAlias = Mapping[str, Plain]
"""Options as written, before types: text, lists and maps."""


class Media(Enum):
    """Which runs a step belongs to; in all others it is skipped, visibly."""

    CALL = "call"
    NO_CALL = "no call"  # runs about something that is no call
    ANY = "any"


class Failure(Enum):
    """What follows when a step fails."""

    SKIP = "skip"  # the next step
    ABORT = "abort"  # the end of the run


class Ending(Enum):
    """How a step ends the run."""

    STOP = "stop"
    HANG_UP = "hang up"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step came to; `detail` goes into the trace and never holds digits or texts of callers."""

    detail: str = ""
    skipped: bool = False
    jump: str = ""  # id of the step to go on with
    fetch: str = ""  # flow whose steps run before the following step
    push: Flow | None = None  # the same for a flow that has no name
    steps: tuple[tuple[str, ActionType], ...] = ()  # what to do before the following step, each with a name
    ending: Ending | None = None


DONE = Outcome()


class Context(Protocol):
    """What a step sees of its run."""

    @property
    def call(self) -> CallPort:
        """Return the call; only steps of Media.CALL may ask."""
        ...

    @property
    def clock(self) -> Clock:
        """Return the clock."""
        ...

    @property
    def variables(self) -> Variables:
        """Return the variables of the run."""
        ...

    @property
    def values(self) -> Mapping[str, str]:
        """Return what `${name}` stands for in this step: the variables, and those that came with its flow."""
        ...

    @property
    def outgoing(self) -> OutgoingPort:
        """Return what places calls. Raises StepFailed where nothing does."""
        ...

    @property
    def outside(self) -> Outside:
        """Return what is beyond calls: web servers, mail."""
        ...

    @property
    def id(self) -> str:
        """Return the id of the run."""
        ...

    @property
    def reference_id(self) -> str:
        """Return the id of what the run is about; the nil UUID where that is nothing."""
        ...

    @property
    def flows(self) -> FlowSet:
        """Return all flows of the run."""
        ...

    @property
    def digits(self) -> Digits:
        """Return what the caller typed."""
        ...

    @property
    def flow(self) -> Flow:
        """Return the flow that holds the step."""
        ...

    @property
    def action(self) -> Action:
        """Return the step."""
        ...

    async def hang_up(self, reason: str, *, reference_id: str = "", status: int = 0) -> None:
        """Hang the call up as this step's own deed: that it is over then does not cut the step short."""
        ...

    def read_steps(self, actions: object, name: str) -> Flow:
        """Return steps that came from outside as a flow, checked; they may lead to steps of the run.

        Raises StepsRefused.
        """
        ...

    async def proceed_asked(self) -> None:
        """Wait until somebody lets the run go on (`Run.proceed`)."""
        ...

    def count_down(self, count: int) -> bool:
        """Use up one of the `count` times that this step may jump; False when none is left."""
        ...

    def in_background(self, work: Coroutine[Any, Any, object]) -> None:
        """Let the work go on beside the following steps; it is cancelled when the run ends."""
        ...


class ActionType(Strict):
    """Base of the action types. An instance is an action with its options filled in."""

    type: ClassVar[str]
    media: ClassVar[Media] = Media.ANY
    failure: ClassVar[Failure] = Failure.ABORT
    waits: ClassVar[bool] = False  # takes time, so that a loop through it does not spin
    goes_on: ClassVar[bool] = True  # the following step may run next
    ends: ClassVar[bool] = False  # the run is over after it
    opens: ClassVar[bool] = False  # others may send the run to any named step while it lasts
    target_keys: ClassVar[tuple[str, ...]] = ()  # options that name a step
    flow_keys: ClassVar[tuple[str, ...]] = ()  # options that name a flow whose steps run next
    other_flow_keys: ClassVar[tuple[str, ...]] = ()  # options that name a flow for another call
    inner_key: ClassVar[str] = ""  # option that holds steps for another call

    @classmethod
    def prepare(cls, option: Option) -> Option:
        """Return the options as written in the one style that `execute` expects."""
        return option

    @classmethod
    def targets(cls, option: Option) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield each step id that the options name, with the path of its option."""
        for key in cls.target_keys:
            target = option.get(key)
            if isinstance(target, str) and target:
                yield (key,), target

    @classmethod
    def addresses(cls, option: Option) -> Iterator[tuple[tuple[str, ...], Address]]:
        """Yield each address that the options name without variables, with the path of its target."""
        yield from ()

    @classmethod
    def advice(cls, option: Option) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield warnings about options that are valid but hardly meant, with the path of the option."""
        yield from ()

    async def execute(self, run: Context) -> Outcome:
        """Do it. Raises StepFailed."""
        raise NotImplementedError
