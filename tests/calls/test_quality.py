"""A leg's counters as quality."""

from __future__ import annotations

from media.stats import LegStats
from voipbin_sip.calls.quality import Quality


def stats(**changes: float) -> LegStats:
    silent = LegStats(0, 0, 0, 0, 0, 0.0, 0.0, -1, 0.0, -127.0)
    return silent._replace(**changes)  # type: ignore[arg-type]


def test_both_directions_in_per_cent() -> None:
    quality = Quality.of(
        stats(
            packets_sent=200,
            packets_received=90,
            packets_lost=10,
            jitter=1.26,
            peer_lost=3,
            peer_jitter=20.0,
            round_trip=45.21,
        )
    )
    assert quality.fields() == {
        "heard": 100,
        "heard_lost": 10.0,
        "heard_jitter": 1.3,
        "sent": 200,
        "sent_lost": 1.5,
        "sent_jitter": 20.0,
        "round_trip": 45.2,
        "late": 0,
        "foreign": 0,
    }


def test_what_nobody_has_told_is_unknown_and_not_zero() -> None:
    fields = Quality.of(stats(packets_sent=10)).fields()
    assert fields["sent_lost"] is None
    assert fields["round_trip"] is None


def test_a_peer_that_claims_more_losses_than_packets() -> None:
    assert Quality.of(stats(packets_sent=10, peer_lost=1000)).sent.loss == 1.0


def test_a_call_that_never_sounded() -> None:
    assert not Quality.of(stats()).has_sound
    assert Quality.of(stats(packets_lost=1)).has_sound
