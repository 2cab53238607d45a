"""How well a call's sound came across, both ways: what we count, and what the other side reports (RFC 3550 section 6).

One direction is ours to count; of the other one, only the peer's RTCP reports tell.
"""

from __future__ import annotations

from dataclasses import dataclass

from media.stats import LegStats


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction of a call's sound, as it arrived."""

    packets: int  # that were sent, or came
    lost: int | None  # None: nobody has told
    jitter: float  # ms (RFC 3550 section 6.4.1)

    @property
    def loss(self) -> float | None:
        """The share that was lost, 0 to 1."""
        if self.lost is None:
            return None
        return self.lost / max(self.packets, self.lost, 1)


@dataclass(frozen=True, slots=True)
class Quality:
    """Both directions of one leg."""

    heard: Direction  # from the peer: packets as they should have come, those that were lost too
    sent: Direction  # to the peer, by its reports
    late: int  # packets that came too late to be played
    foreign: int  # packets that were not the peer's
    round_trip: float | None  # ms; None: not known

    @classmethod
    def of(cls, stats: LegStats) -> Quality:
        """Return what a leg's counters say."""
        told = stats.peer_lost >= 0
        return cls(
            heard=Direction(
                stats.packets_received + stats.packets_lost, stats.packets_lost, round(stats.jitter, 1)
            ),
            sent=Direction(
                stats.packets_sent, stats.peer_lost if told else None, round(stats.peer_jitter, 1)
            ),
            late=stats.packets_late,
            foreign=stats.packets_foreign,
            round_trip=round(stats.round_trip, 1) if stats.round_trip else None,
        )

    @property
    def has_sound(self) -> bool:
        """Whether any packet went or came."""
        return self.heard.packets > 0 or self.sent.packets > 0

    def fields(self) -> dict[str, float | int | None]:
        """Return it flat, for a log line; losses in per cent."""
        return {
            "heard": self.heard.packets,
            "heard_lost": _percent(self.heard.loss),
            "heard_jitter": self.heard.jitter,
            "sent": self.sent.packets,
            "sent_lost": _percent(self.sent.loss),
            "sent_jitter": self.sent.jitter,
            "round_trip": self.round_trip,
            "late": self.late,
            "foreign": self.foreign,
        }


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)
