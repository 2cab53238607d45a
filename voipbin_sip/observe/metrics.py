"""`/metrics`: everything that the server counts, in Prometheus's text format.

Counters live where they are counted; they are read when somebody asks. Only what is known at a call's end (how long it
was, how it sounded) is added up here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeVar

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client import Counter as CountMetric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from voipbin_sip import __version__
from voipbin_sip.calls.call import Call, Change
from voipbin_sip.calls.states import Direction, Status
from voipbin_sip.carriers.provider import Health, Registered
from voipbin_sip.observe.attempt import Cause
from voipbin_sip.observe.emodel import scores
from voipbin_sip.observe.sources import Sources

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SETUP = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60)
_DURATION = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600)
_MOS = (1.5, 2, 2.5, 3, 3.5, 3.8, 4, 4.1, 4.2, 4.3, 4.4, 4.5)
_LOSS = (0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


class Metrics:
    """Makes the page; watches calls (calls.live.CallWatcher).

    Attributes:
        begun: how many calls began.
    """

    def __init__(self, sources: Sources) -> None:
        self.begun = 0
        registry = self._registry = CollectorRegistry()
        registry.register(_Readings(sources))
        ProcessCollector(registry=registry)
        self._ended = CountMetric(
            "voipbin_calls_ended",
            "Calls that are over, by who called whom, why they ended and their SIP status.",
            ("direction", "by", "reason", "sip_status"),
            registry=registry,
        )
        self._started = CountMetric(
            "voipbin_calls_started", "Calls that began.", ("direction",), registry=registry
        )
        self._digits = CountMetric("voipbin_digits_received", "Digits of phones.", registry=registry)
        self._setup = _histogram(registry, "setup_seconds", "From the INVITE to the answer.", _SETUP)
        self._duration = _histogram(registry, "duration_seconds", "From the answer to the end.", _DURATION)
        self._mos = _histogram(
            registry, "mos", "Estimated quality of each side's sound (ITU-T G.107), 1 to 4.5.", _MOS, "side"
        )
        self._loss = _histogram(registry, "loss_ratio", "Share of lost packets of each side.", _LOSS, "side")

    def page(self) -> bytes:
        """Return it."""
        return generate_latest(self._registry)

    # What calls tell

    def call_began(self, call: Call) -> None:
        """Take a new call."""
        self.begun += 1
        self._started.labels(str(call.direction)).inc()

    def call_changed(self, call: Call, change: Change) -> None:
        """Take a change of a call."""
        if change is Change.QUALITY:
            self._sounded(call)
        elif change is Change.STATUS and call.is_over:
            self._over(call)

    def call_digit(self, call: Call, digit: str) -> None:
        """Take a digit."""
        self._digits.inc()

    def _over(self, call: Call) -> None:
        direction = str(call.direction)
        status = str(call.sip_status or "")
        self._ended.labels(direction, call.hangup_by, call.hangup_reason, status).inc()
        answered, ended = call.times.get(Status.PROGRESSING), call.times[Status.HANGUP]
        if answered is not None:
            self._setup.labels(direction).observe((answered - call.began).total_seconds())
            self._duration.labels(direction).observe((ended - answered).total_seconds())

    def _sounded(self, call: Call) -> None:
        if call.quality is None:
            return
        found = scores(call.quality)
        for side, score, way in (
            ("heard", found.heard, call.quality.heard),
            ("sent", found.sent, call.quality.sent),
        ):
            if score is not None:
                self._mos.labels(side).observe(score)
            if way.loss is not None:
                self._loss.labels(side).observe(way.loss)


def _histogram(
    registry: CollectorRegistry, name: str, text: str, buckets: tuple[float, ...], label: str = "direction"
) -> Histogram:
    return Histogram(f"voipbin_call_{name}", text, (label,), buckets=buckets, registry=registry)


class _Readings(Collector):
    """Reads what other parts count."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def describe(self) -> list[Metric]:
        """Return nothing: what there is shows when it is read."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all of it."""
        found = self._sources
        yield _gauge("build", "The running version.", {(__version__,): 1}, "version")
        yield from self._calls()
        yield from self._media()
        yield _gauge("registrations", "Phones that are registered.", {(): len(found.locations)})
        yield from self._guard()
        yield from self._providers()
        yield from self._platform()
        yield _gauge(
            "event_loop_lag_seconds",
            "Longest delay of the event loop in the last minute.",
            {(): found.lag.worst},
        )

    def _calls(self) -> Iterator[Metric]:
        found = self._sources
        now: Counter[tuple[str, ...]] = Counter(
            {(str(direction), str(status)): 0 for direction in Direction for status in _GOING_ON}
        )
        now.update((str(s.call.direction), str(s.call.status)) for s in found.live)
        yield _gauge("calls", "Calls of now.", now, "direction", "status")
        yield _gauge(
            "draining", "1 while the server ends and takes no more calls.", {(): found.switchboard.draining}
        )
        events = {tuple(key.split(".", 1)): count for key, count in found.sip_counters.items() if "." in key}
        yield _counter("sip", "SIP messages and what became of them.", events, "event", "what")
        counted = found.switchboard.counters
        yield _counter("sip_refused", "SIP messages that belonged to nothing.", {(): counted["refused"]})
        yield _counter(
            "calls_turned_away", "INVITEs refused at the door.", _ending(counted, "turned_"), "sip_status"
        )
        found.refused.look()
        causes = {(cause,): found.refused.counters[cause] for cause in Cause}
        yield _counter("refused_attempts", "INVITEs and REGISTERs refused, by cause.", causes, "cause")
        yield _counter(
            "register_answers", "Answers to REGISTER.", _ending(counted, "register_"), "sip_status"
        )

    def _media(self) -> Iterator[Metric]:
        media = self._sources.media
        loads = {(str(number),): load for number, load in enumerate(media.load)}
        alive = {(str(number),): up for number, up in enumerate(media.alive)}
        yield _gauge("media_worker_up", "1 for a media worker that runs.", alive, "worker")
        legs = {key: load.legs for key, load in loads.items()}
        yield _gauge("media_worker_legs", "Legs of a media worker.", legs, "worker")
        busy = {key: load.busy for key, load in loads.items()}
        yield _gauge("media_worker_busy_ratio", "Share of its time that a worker works.", busy, "worker")
        late = {key: load.late_ticks for key, load in loads.items()}
        yield _counter(
            "media_worker_late_ticks", "Ticks of 20 ms that came too late to be made.", late, "worker"
        )

    def _guard(self) -> Iterator[Metric]:
        counted = self._sources.limits.counters
        kinds = {(kind,): counted[kind] for kind in ("limited", "banned")}
        yield _counter("source_dropped", "Messages dropped unread, by why.", kinds, "why")
        yield _counter("wrong_passwords", "Digests with a wrong password.", {(): counted["wrong_passwords"]})
        yield _counter("bans", "Sources that were banned.", {(): counted["bans"]})

    def _providers(self) -> Iterator[Metric]:
        carriers = self._sources.carriers
        states = {name: carriers.state(name) for name in carriers.names()}
        known = {name: state for name, state in states.items() if state is not None}
        health = {
            (name,): int(state.health_status is Health.HEALTHY)
            for name, state in known.items()
            if state.health_status is not Health.UNKNOWN
        }
        yield _gauge(
            "provider_healthy", "1 for a provider that answers OPTIONS or calls.", health, "provider"
        )
        registered = {
            (name,): int(state.registration is Registered.REGISTERED)
            for name, state in known.items()
            if state.registration is not Registered.NONE
        }
        yield _gauge("provider_registered", "1 where our registration stands.", registered, "provider")

    def _platform(self) -> Iterator[Metric]:
        found = self._sources
        yield _gauge(
            "store_waiting_rows", "Rows that the database does not have yet.", {(): found.store.waiting}
        )
        yield _gauge("store_in_trouble", "1 while the database takes nothing.", {(): found.store.in_trouble})
        yield _counter("store_lost_rows", "Rows that were given up.", {(): found.store.lost})
        waiting, trouble = found.webhooks.waiting, found.webhooks.in_trouble
        yield _gauge("webhook_deliveries_waiting", "Events on their way to webhooks.", {(): waiting})
        yield _gauge("webhook_receivers_in_trouble", "Webhooks that do not take their events.", {(): trouble})
        last = found.reloading.last
        yield _gauge("config_last_reload_successful", "0 after a reload that was refused.", {(): last.ok})
        yield _gauge(
            "config_last_reload_timestamp_seconds", "When it was tried.", {(): last.time.timestamp()}
        )
        yield _gauge("config_version", "Changes of the configuration since the start.", {(): last.version})
        yield _counter("config_reloads_refused", "Reloads that were refused.", {(): found.reloading.refused})
        ends = {(c.terms.certificate.name,): c.ends.timestamp() for c in found.certificates}
        yield _gauge("certificate_expiry_timestamp_seconds", "When a certificate of ours ends.", ends, "file")


K = TypeVar("K", bound=tuple[str, ...])
_GOING_ON = tuple(status for status in Status if status is not Status.HANGUP)


def _gauge(name: str, text: str, values: Mapping[K, float], *labels: str) -> Metric:
    family = GaugeMetricFamily(f"voipbin_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, float(value))
    return family


def _counter(name: str, text: str, values: Mapping[K, float], *labels: str) -> Metric:
    family = CounterMetricFamily(f"voipbin_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, float(value))
    return family


def _ending(counted: Counter[str], beginning: str) -> dict[tuple[str, ...], int]:
    """Return the counters whose names begin alike, by the rest of the name."""
    return {
        (key.removeprefix(beginning),): count for key, count in counted.items() if key.startswith(beginning)
    }
