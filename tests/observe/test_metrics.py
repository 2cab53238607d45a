"""What Prometheus reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from media.messages import Load
from tests.observe.calls import GOOD, ended
from voipbin_sip.calls.call import Change
from voipbin_sip.calls.states import Direction, Status
from voipbin_sip.carriers.provider import Health, ProviderState, Registered
from voipbin_sip.mail.faults import MailFaults
from voipbin_sip.observe.health import health
from voipbin_sip.observe.lag import LoopLag
from voipbin_sip.observe.metrics import Metrics
from voipbin_sip.observe.reloads import Reloaded
from voipbin_sip.observe.sources import Sources

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def sources(**other: Any) -> Sources:
    call = SimpleNamespace(direction=Direction.INCOMING, status=Status.PROGRESSING)
    states = {
        "carrier": ProviderState(Health.UNHEALTHY, NOW, Registered.REGISTERED),
        "spare": ProviderState(Health.UNKNOWN, None, Registered.NONE),
    }
    parts: dict[str, Any] = {
        "switchboard": SimpleNamespace(
            draining=False, counters=Counter({"refused": 3, "turned_404": 2, "register_200": 7})
        ),
        "live": [SimpleNamespace(call=call), SimpleNamespace(call=call)],
        "media": SimpleNamespace(load=[Load(2, 0.25, 1), Load(0, 0.0, 0)], alive=[True, True]),
        "sip_counters": {"received.INVITE": 5, "sent.200": 4},
        "limits": SimpleNamespace(counters=Counter({"banned": 9, "bans": 1})),
        "locations": [1, 2, 3],
        "carriers": SimpleNamespace(
            names=lambda: [*states], state=states.get, usable=lambda name: name != "carrier"
        ),
        "store": SimpleNamespace(waiting=11, lost=0, in_trouble=True),
        "webhooks": SimpleNamespace(waiting=4, in_trouble=1, troubles=lambda: ["a webhook takes nothing"]),
        "reloading": SimpleNamespace(last=Reloaded(False, NOW, "files", 2), refused=1),
        "certificates": [
            SimpleNamespace(terms=SimpleNamespace(certificate=Path("/etc/own.pem")), ends=NOW + timedelta(1))
        ],
        "mail": MailFaults(),
        "lag": LoopLag(),
    }
    return Sources(**cast(Any, parts | other))


def _read(metrics: Metrics) -> Mapping[str, float]:
    """Return the samples by name and labels, as Prometheus writes them."""
    return {
        sample.name + "".join(f"[{value}]" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.page().decode())
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("sample", "value"),
    [
        ("voipbin_calls[incoming][progressing]", 2),
        ("voipbin_calls[outgoing][dialing]", 0),
        ("voipbin_sip_total[received][INVITE]", 5),
        ("voipbin_sip_refused_total", 3),
        ("voipbin_calls_turned_away_total[404]", 2),
        ("voipbin_register_answers_total[200]", 7),
        ("voipbin_media_worker_busy_ratio[0]", 0.25),
        ("voipbin_media_worker_late_ticks_total[0]", 1),
        ("voipbin_media_worker_up[1]", 1),
        ("voipbin_registrations", 3),
        ("voipbin_source_dropped_total[banned]", 9),
        ("voipbin_provider_healthy[carrier]", 0),
        ("voipbin_provider_registered[carrier]", 1),
        ("voipbin_store_waiting_rows", 11),
        ("voipbin_store_in_trouble", 1),
        ("voipbin_webhook_receivers_in_trouble", 1),
        ("voipbin_config_last_reload_successful", 0),
        ("voipbin_config_version", 2),
        ("voipbin_config_reloads_refused_total", 1),
        ("voipbin_certificate_expiry_timestamp_seconds[own.pem]", (NOW + timedelta(1)).timestamp()),
    ],
)
def test_what_other_parts_count_is_shown(sample: str, value: float) -> None:
    assert _read(Metrics(sources()))[sample] == value


def test_what_is_not_known_of_a_provider_is_left_out() -> None:
    found = _read(Metrics(sources()))
    assert "voipbin_provider_healthy[spare]" not in found
    assert "voipbin_provider_registered[spare]" not in found


def test_calls_are_added_up_at_their_end() -> None:
    metrics = Metrics(sources())
    for call in (ended(quality=GOOD), ended(answered=False, status=487), ended(quality=GOOD)):
        metrics.call_began(call)
        metrics.call_changed(call, Change.STATUS)
        metrics.call_changed(call, Change.QUALITY)
    found = _read(metrics)
    assert found["voipbin_calls_started_total[incoming]"] == 3
    assert found["voipbin_calls_ended_total[remote][incoming][normal][200]"] == 2
    assert found["voipbin_calls_ended_total[remote][incoming][normal][487]"] == 1
    assert found["voipbin_call_duration_seconds_sum[incoming]"] == 20
    assert found["voipbin_call_setup_seconds_count[incoming]"] == 2
    assert found["voipbin_call_mos_count[heard]"] == 2
    assert found["voipbin_call_loss_ratio_bucket[0.01][sent]"] == 2
    assert found["voipbin_call_loss_ratio_bucket[0.005][sent]"] == 0


def test_health_names_what_is_wrong_and_stays_ready_while_calls_can_be_taken() -> None:
    found = health(sources())
    assert (found.ready, found.word) == (True, "degraded")
    assert set(found.faults) == {"database", "configuration", "webhooks", "providers"}
    assert found.faults["providers"] == "out of reach: carrier"
    assert found.faults["webhooks"] == "a webhook takes nothing"


def test_health_tells_of_a_mail_server_that_refuses() -> None:
    mail = MailFaults()
    mail.refused("", NOW, "550 relaying denied", "the mail server refused a mail")
    assert "550 relaying denied" in health(sources(mail=mail)).faults["mail"]


@pytest.mark.parametrize(
    "other",
    [
        {"media": SimpleNamespace(load=[], alive=[False])},
        {"switchboard": SimpleNamespace(draining=True, counters=Counter())},
    ],
)
def test_without_media_or_while_it_ends_it_is_not_ready(other: dict[str, Any]) -> None:
    found = health(sources(**other))
    assert (found.ready, found.word) == (False, "unavailable")


def test_a_sound_server_is_ok() -> None:
    fine = sources(
        carriers=SimpleNamespace(names=list, state=lambda name: None, usable=lambda name: False),
        store=SimpleNamespace(waiting=0, lost=0, in_trouble=False),
        webhooks=SimpleNamespace(waiting=0, in_trouble=0),
        reloading=SimpleNamespace(last=Reloaded(True, NOW, "start", 0), refused=0),
    )
    assert health(fine).word == "ok"
