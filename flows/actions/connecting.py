"""Calls to others: `connect` bridges the caller with someone, `call` places calls of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from flows.actions.base import ActionType, Context, Ending, Failure, Media, Option, Outcome
from flows.address import AddressOption, Destination, written_addresses
from flows.model import Flow
from flows.ports import Address, ConnectResult, StepFailed
from flows.variables import DIGITS

DESTINATIONS = 50  # at most in one step

_BOOLEANS = {"true": "yes", "false": "no"}

Anonymous = Annotated[
    Literal["", "auto", "yes", "no"],
    BeforeValidator(lambda word: _BOOLEANS.get(word, word) if isinstance(word, str) else word),
    # YAML 1.1 editors take yes and no for truth values.
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["auto", "yes", "no", "", True, False]},
                {"type": "string", "pattern": r"\$\{.*\}"},
            ]
        }
    ),
]


class Outgoing(ActionType):
    """What steps that call somebody share."""

    source: AddressOption | None = Field(
        default=None, description="Who calls; empty: the caller of this call"
    )
    destinations: tuple[Destination, ...] = Field(
        min_length=1, max_length=DESTINATIONS, description="Who is called: tel, sip or extension"
    )
    anonymous: Anonymous = Field(default="auto", description="Hide who calls; auto: as the caller wished")

    @classmethod
    def addresses(cls, option: Option) -> Iterator[tuple[tuple[str, ...], Address]]:
        """Yield the destinations."""
        for index, key, address in written_addresses(option.get("destinations")):
            yield ("destinations", str(index), key), address

    def called(self) -> tuple[Address, ...]:
        """Return the destinations as ports take them."""
        return tuple(destination.address() for destination in self.destinations)

    def calling(self) -> Address | None:
        """Return the source as ports take it."""
        return self.source.address() if self.source is not None else None


class Connect(Outgoing):
    """Call somebody and bridge the caller with the first who answers.

    The caller hears ringing and is answered when a destination answers. The flow goes on when the destination has
    hung up, and at once when nobody can answer any more; `voipbin.connect.result` says how it went and
    `voipbin.connect.reason` why: answered, busy, noanswer, refused, unreachable, canceled or failed.
    """

    type: ClassVar[str] = "connect"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP
    waits: ClassVar[bool] = True

    ring_method: Literal["ring_all", "linear"] = Field(
        default="ring_all", description="All at once, or one after the other"
    )
    dial_timeout: int = Field(
        default=60_000, ge=1000, le=600_000, description="Longest time that a destination rings, ms"
    )
    early_media: bool = Field(
        default=False, description="Let the caller hear what the destination sends before it answers"
    )
    relay_reason: bool = Field(
        default=False, description="When nobody answers, hang up with the status that the called side sent"
    )

    async def execute(self, run: Context) -> Outcome:
        """Connect, and put down how it went."""
        # What remains if the run ends meanwhile, for the flow that follows it.
        _report(run, ConnectResult("canceled", "the caller has hung up"))
        try:
            with run.digits.ignored():
                came = await run.call.connect(
                    self.calling(),
                    self.called(),
                    ring_method=self.ring_method,
                    dial_timeout=self.dial_timeout / 1000,
                    early_media=self.early_media,
                    anonymous=self.anonymous or "auto",
                    answered=lambda call_id: _report(run, ConnectResult("answered", "", call_id=call_id)),
                )
        except StepFailed as fault:
            _report(run, ConnectResult("failed", str(fault)))
            raise
        _report(run, came)
        detail = f"{came.result}: {came.reason}" if came.reason else came.result
        if came.left_out:
            detail += f" (not called: {', '.join(came.left_out)})"
        if self.relay_reason and came.result != "answered":
            await run.hang_up(_REASONS[came.result], status=came.status)
            return Outcome(detail, ending=Ending.HANG_UP)
        return Outcome(detail)


_REASONS = {
    "busy": "busy",
    "noanswer": "noanswer",
    "refused": "busy",
    "unreachable": "noanswer",
    "canceled": "normal",
    "failed": "failed",
}
"""Why the caller is hung up where no destination sent a status to relay."""


def _report(run: Context, came: ConnectResult) -> None:
    run.variables.set("voipbin.connect.result", came.result, bounded=False)
    run.variables.set("voipbin.connect.reason", came.reason, bounded=False)
    run.variables.set("voipbin.connect.call_id", came.call_id, bounded=False)


class Call(Outgoing):
    """Call somebody and let a flow speak with them; this flow goes on at once.

    The steps are those of the flow `flow_id`, or stand in `actions`. A `${name}` in `actions` has the value that it
    has here and now; where it has none, and for digits that `actions` receive themselves, it is the new call's.
    """

    type: ClassVar[str] = "call"
    failure: ClassVar[Failure] = Failure.SKIP
    other_flow_keys: ClassVar[tuple[str, ...]] = ("flow_id",)
    inner_key: ClassVar[str] = "actions"

    flow_id: str = Field(default="", description="Name or UUID of the flow of the new calls")
    actions: list[Any] = Field(
        default_factory=list,
        max_length=1000,
        description="Their steps, where there is no `flow_id`",
    )
    chained: bool = Field(default=False, description="The new calls end when this call ends")
    early_execution: bool = Field(default=False, description="Their steps begin when it rings")

    @model_validator(mode="after")
    def _has_steps(self) -> Self:
        """Refuse a call that nobody would speak on."""
        if not self.flow_id and not self.actions:
            raise ValueError("needs 'flow_id' or 'actions'")
        return self

    @classmethod
    def advice(cls, option: Option) -> Iterator[tuple[tuple[str, ...], str]]:
        """Warn of steps that are never run."""
        if option.get("flow_id") and option.get("actions"):
            yield ("actions",), "'actions' are not used beside 'flow_id'"

    async def execute(self, run: Context) -> Outcome:
        """Begin the calls."""
        flow = run.flows.get(self.flow_id) if self.flow_id else self._inner(run)
        if flow is None:
            raise StepFailed(f"there is no flow '{self.flow_id}'")
        called = self.called()
        await run.outgoing.call(
            self.calling(),
            called,
            flow=flow,
            chained=self.chained,
            early_execution=self.early_execution,
            anonymous=self.anonymous or "auto",
        )
        return Outcome(f"{len(called)} called" if len(called) > 1 else "")

    def _inner(self, run: Context) -> Flow:
        """Return the steps in `actions` with the values of now. They may be trusted as far as this flow."""
        inner = run.action.inner
        if inner is None:
            raise StepFailed("has no steps")
        given = {name: value for name, value in run.values.items() if value}
        if any(action.type == "digits_receive" for action in inner.actions):
            given.pop(DIGITS, None)
        return replace(inner, given=given, trusted=run.flow.trusted)
