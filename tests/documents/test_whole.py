"""Nothing is left out of the reference, and nothing stands in it that is not there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from prometheus_client.parser import text_string_to_metric_families

from flows.actions import accepted
from flows.actions.registry import ACTION_TYPES
from flows.schema import option_schema
from flows.system_variables import SYSTEM_VARIABLES
from tests.documents.pages import PAGES, ROOT, text_of
from tests.observe.calls import GOOD, ended
from tests.observe.test_metrics import sources
from voipbin_sip.calls.call import Change
from voipbin_sip.calls.states import Status
from voipbin_sip.cli.main import app
from voipbin_sip.events.types import EVENT_TYPES, goes_to_webhooks
from voipbin_sip.observe.metrics import Metrics
from voipbin_sip.schemas import SCHEMAS

TYPES = frozenset(name for types in EVENT_TYPES.values() for name in types)
_EVENT = re.compile(
    rf"({'|'.join({name.rpartition('_')[0] for name in TYPES})})_[a-z]*(ed|ing|up|left)|activeflow_step"
)


def _texts(folder: str) -> Iterator[str]:
    """Yield the texts in the code of a folder, without docstrings."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        if path == ROOT / "voipbin_sip" / "events" / "types.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_every_event_that_the_code_names_is_told_of_and_no_other() -> None:
    folders = ("voipbin_sip/platform", "voipbin_sip/api")
    named = {text for folder in folders for text in _texts(folder) if _EVENT.fullmatch(text)}
    named |= {f"call_{status}" for status in Status}  # made of the status in platform/call_records.py
    assert named == TYPES


def test_the_rule_of_webhooks_is_about_events_that_there_are() -> None:
    assert goes_to_webhooks("call_hangup")
    assert goes_to_webhooks("dtmf_received")
    assert not goes_to_webhooks("activeflow_step")
    assert {goes_to_webhooks(name) for name in TYPES} == {True, False}


def test_every_variable_that_the_code_names_is_known() -> None:
    form = re.compile(r"voipbin\.[a-z_]+\.[a-z_.]*[a-z]")
    named = {text for folder in ("flows", "voipbin_sip") for text in _texts(folder) if form.fullmatch(text)}
    addresses = {"voipbin.call.source", "voipbin.call.destination"}  # prefixes of five names each
    assert len(named) > 20
    assert (
        named - SYSTEM_VARIABLES - addresses - {"voipbin.conversation.self", "voipbin.conversation.peer"}
        == set()
    )


@pytest.mark.parametrize("name", ["config", "directory"])
def test_every_key_of_the_files_says_what_it_is(name: str) -> None:
    schema = SCHEMAS[name]()
    objects: dict[str, dict[str, Any]] = {"": schema, **schema["$defs"]}
    silent = [
        f"{title}.{key}"
        for title, found in objects.items()
        for key, value in found.get("properties", {}).items()
        if not value.get("description")
    ]
    assert silent == []


@pytest.mark.parametrize(
    "name", [name for name, kind in ACTION_TYPES.items() if kind.__module__ != accepted.__name__]
)
def test_every_option_of_an_action_says_what_it_is(name: str) -> None:
    options = option_schema(ACTION_TYPES[name]).get("properties", {})
    assert [option for option, value in options.items() if not value.get("description")] == []


def test_every_metric_of_a_server_is_told_of() -> None:
    metrics = Metrics(sources())
    call = ended(quality=GOOD)
    metrics.call_began(call)
    metrics.call_changed(call, Change.STATUS)
    metrics.call_changed(call, Change.QUALITY)
    page = metrics.page().decode()
    there = {
        family.name for family in text_string_to_metric_families(page) if family.name.startswith("voipbin_")
    }
    told = set(
        re.findall(r"^\| `(voipbin_\w+?)(?:_total)?` ", text_of("docs/reference/metrics.md"), re.MULTILINE)
    )
    assert {name.removesuffix("_created") for name in there} == told


def test_every_command_is_shown_on_a_page_besides_the_reference() -> None:
    shown = " ".join(
        text_of(page) for page in PAGES if not page.startswith("docs/reference/") and page != "docs/map.md"
    )
    words = " ".join(shown.split())
    missing = [
        name for name in _commands("voipbin-sip", typer.main.get_command(app)) if f"{name}" not in words
    ]
    assert missing == []


def _commands(name: str, command: Any) -> Iterator[str]:
    for word, found in getattr(command, "commands", {}).items():
        if not found.hidden:
            yield from _commands(f"{name} {word}", found)
    if not hasattr(command, "commands"):
        yield name


def test_generated_pages_are_listed_in_the_index() -> None:
    index = text_of("docs/README.md")
    for page in sorted(Path(ROOT / "docs").rglob("*.md")):
        place = page.relative_to(ROOT / "docs").as_posix()
        if place != "README.md" and not place.startswith("decisions/"):
            assert f"({place})" in index, f"docs/README.md does not lead to {place}"
