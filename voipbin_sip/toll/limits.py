"""How much one account may telephone: the limits as they are written in files, and as the guard uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0, le=1_000_000)]
Minutes = Annotated[float, Field(ge=0, le=1_000_000)]


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The limits of one account; 0 = none."""

    concurrent: int = 0  # calls at once, ringing ones too
    per_minute: int = 0  # calls begun within any 60 s
    minutes_per_day: float = 0.0  # of answered calls, from midnight to midnight


class CallLimitsEntry(BaseModel):
    """`limits` of an extension, a trunk or a provider in the directory: what stands here goes before the defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    concurrent: Count | None = Field(
        default=None,
        description="Calls at once, ringing ones too; 0: no limit; left out: what outbound.limits says",
    )
    per_minute: Count | None = Field(default=None, description="Calls begun within 60 s")
    minutes_per_day: Minutes | None = Field(
        default=None, description="Minutes of answered calls, from midnight to midnight"
    )

    def over(self, defaults: CallLimits) -> CallLimits:
        """Return the defaults with what is said here in their place."""
        return CallLimits(
            defaults.concurrent if self.concurrent is None else self.concurrent,
            defaults.per_minute if self.per_minute is None else self.per_minute,
            defaults.minutes_per_day if self.minutes_per_day is None else self.minutes_per_day,
        )


class _LimitsSection(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    concurrent: Count = Field(default=0, description="Calls at once, ringing ones too")
    per_minute: Count = Field(default=0, description="Calls begun within 60 s")
    minutes_per_day: Minutes = Field(
        default=0, description="Minutes of answered calls, from midnight to midnight"
    )

    def limits(self) -> CallLimits:
        """Return them as the guard uses them."""
        return CallLimits(self.concurrent, self.per_minute, self.minutes_per_day)


class ProviderLimitsSection(_LimitsSection):
    """Key `outbound.limits.provider`: of all calls through one provider. Carriers have limits of their own."""


class TotalLimitsSection(_LimitsSection):
    """Key `outbound.limits.total`: of all calls that leave the server."""

    concurrent: Count = Field(default=30, description="Calls at once, ringing ones too")
    per_minute: Count = Field(default=60, description="Calls begun within 60 s")
    minutes_per_day: Minutes = Field(
        default=3000, description="Minutes of answered calls, from midnight to midnight"
    )


class OutboundLimitsSection(_LimitsSection):
    """Key `outbound.limits`: of each payer (an extension, a trunk, a provider whose calls are sent on), and in all."""

    concurrent: Count = Field(default=5, description="Calls at once, ringing ones too")
    per_minute: Count = Field(default=20, description="Calls begun within 60 s")
    minutes_per_day: Minutes = Field(
        default=600, description="Minutes of answered calls, from midnight to midnight"
    )
    provider: ProviderLimitsSection = Field(
        default=ProviderLimitsSection(), description="Of each provider: what your contract allows"
    )
    total: TotalLimitsSection = Field(
        default=TotalLimitsSection(), description="Of all calls that leave: the most that one night can cost"
    )
