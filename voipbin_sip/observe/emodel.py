"""How a call's sound is judged: the E-model (ITU-T G.107), simplified to what an end of a call knows.

R = 93.2 - Id - Ie,eff. 93.2 is the rating of an undisturbed narrow-band call with G.107's default values.
Id, the impairment by delay, is Cole and Rosenbluth's line through G.107's curve for a call without echo:
0.024 d + 0.11 (d - 177.3) where d is over 177.3 ms. Ie,eff is G.107's formula for random loss, with the loss robustness
of G.711 with concealment (ITU-T G.113 Appendix I: Ie = 0, Bpl = 25.1). G.722 and L16 are judged alike: they sound
better than this scale goes.

The mean opinion score is G.107's Annex B: 1 is the worst, 4.4 the best that a telephone can be.
"""

from __future__ import annotations

from dataclasses import dataclass

from voipbin_sip.calls.quality import Quality

BEST = 93.2
ROBUSTNESS = 25.1  # Bpl
KNEE = 177.3  # ms
FIXED_DELAY = 40.0  # ms: one packet that is filled, one that waits in the jitter buffer


@dataclass(frozen=True, slots=True)
class Scores:
    """Mean opinion scores of both directions; None: nobody knows."""

    heard: float | None  # of what came from the peer
    sent: float | None  # of what the peer heard, by its reports


def rating(loss: float, delay: float) -> float:
    """Return R for a share of lost packets (0 to 1) and a delay from mouth to ear in ms."""
    percent = 100 * loss
    by_delay = 0.024 * delay + 0.11 * max(0.0, delay - KNEE)
    by_loss = 95 * percent / (percent + ROBUSTNESS)
    return BEST - by_delay - by_loss


def opinion(r: float) -> float:
    """Return the mean opinion score of a rating, 1 to 4.5 (G.107 Annex B)."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r))


def scores(quality: Quality) -> Scores:
    """Return how both sides of a leg sounded. Packets that came too late are as bad as lost ones."""
    way = (quality.round_trip or 0.0) / 2 + FIXED_DELAY
    heard, sent = quality.heard, quality.sent
    of_heard = of_sent = None
    if heard.packets and heard.loss is not None:
        loss = min(1.0, heard.loss + quality.late / heard.packets)
        of_heard = round(opinion(rating(loss, way + 2 * heard.jitter)), 2)
    if sent.packets and sent.loss is not None:
        of_sent = round(opinion(rating(sent.loss, way + 2 * sent.jitter)), 2)
    return Scores(of_heard, of_sent)
