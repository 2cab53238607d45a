"""The shipped board and alert rules ask for metrics that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.observe.calls import GOOD, ended
from tests.observe.test_metrics import sources
from voipbin_sip.calls.call import Change
from voipbin_sip.observe.metrics import Metrics

DOCS = Path(__file__).parents[2] / "docs" / "monitoring"


def _there() -> set[str]:
    metrics = Metrics(sources())
    call = ended(quality=GOOD)
    metrics.call_began(call)
    metrics.call_changed(call, Change.STATUS)
    metrics.call_changed(call, Change.QUALITY)
    families = text_string_to_metric_families(metrics.page().decode())
    names = {sample.name for family in families for sample in family.samples}
    return names | {family.name for family in text_string_to_metric_families(metrics.page().decode())}


def _wanted(expressions: list[str]) -> set[str]:
    return {name for text in expressions for name in re.findall(r"voipbin_\w+", text)}


def test_the_board_shows_metrics_that_there_are() -> None:
    board = json.loads((DOCS / "grafana.json").read_text())
    wanted = _wanted([target["expr"] for panel in board["panels"] for target in panel["targets"]])
    assert len(wanted) > 15
    assert wanted - _there() == set()


def test_the_alerts_are_about_metrics_that_there_are() -> None:
    rules = yaml.safe_load((DOCS / "alerts.yaml").read_text())["groups"][0]["rules"]
    wanted = _wanted([rule["expr"] for rule in rules])
    assert len(wanted) > 10
    assert wanted - _there() == set()
    assert all(rule["annotations"]["summary"] for rule in rules)
