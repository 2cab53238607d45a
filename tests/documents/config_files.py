"""YAML of the pages: told by its keys, put where it belongs in a folder like `config/`, pieces into what is there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from flows.findings import Finding
from tests.documents.pages import Block
from tests.fakes.authority import Authority
from tests.phones import prompts
from voipbin_sip.check import check_paths
from voipbin_sip.config import Config
from voipbin_sip.directory import DirectoryFile, read_passwords
from voipbin_sip.loading import load

_PATH = re.compile(r"^# (?:config/)?([\w./-]+\.ya?ml)\b")
_JOB = frozenset(
    [
        "job_name",
        "scheme",
        "metrics_path",
        "params",
        "authorization",
        "tls_config",
        "scrape_interval",
        "static_configs",
    ]
)
_NAMES = ("number", "extension", "id", "domain_name")  # what tells the entries of a directory's lists apart


def kind(block: Block) -> str:
    """Return flow, scenarios, directory, config or prometheus. Raises AssertionError for anything else."""
    keys = set(_mapping(block))
    if "actions" in keys:
        return "flow"
    if "scenarios" in keys:
        return "scenarios"
    if keys and keys <= set(DirectoryFile.model_fields):
        return "directory"
    if keys and keys <= {
        name if field.alias is None else field.alias for name, field in Config.model_fields.items()
    }:
        return "config"
    if keys in ({"scrape_configs"}, {"groups"}, {"rule_files"}):
        return "prometheus"
    raise AssertionError(f"{block}: YAML of what? Nothing has the keys {', '.join(sorted(keys))}")


def put(block: Block, text: str, config: Path) -> Path | None:
    """Put a block, with `text` for its own, into the folder `config`; returns the file, None for Prometheus's."""
    what = kind(block)
    if what == "prometheus":
        _look_at_prometheus(block)
        return None
    named = next((found[1] for line in text.splitlines()[:2] if (found := _PATH.match(line))), "")
    if what in ("directory", "config"):
        path = config / (named or {"directory": "directory.yaml", "config": "voipbin.yaml"}[what])
        _lay_over(path, text)
    else:
        known = _mapping(block)
        own = known.get("name" if what == "flow" else "flow", f"line-{block.line}")
        path = config / (named or f"{'flows' if what == 'flow' else 'scenarios'}/{own}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _make_named_files(_node(text), config)
    return path


def findings(config: Path) -> list[Finding]:
    """Return what `voipbin-sip check` has to say about the folder."""
    folders = [folder for folder in [config / "scenarios"] if folder.is_dir()]
    return check_paths([config / "voipbin.yaml", *folders])[0]


def passwords(config: Path) -> dict[str, str]:
    """Return the password of each extension; the server has made the missing ones."""
    loaded, _ = load(config / "voipbin.yaml")
    assert loaded is not None
    return dict(read_passwords(loaded.directory, loaded.places.base, loaded.places.data))


def merge(path: Path, piece: object) -> None:
    """Put a piece, as Python has it, into a YAML file."""
    _lay_over(path, yaml.safe_dump(piece))


def _mapping(block: Block) -> dict[str, Any]:
    try:
        found = yaml.load(block.text, yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise AssertionError(f"{block}: {error}") from error
    assert isinstance(found, dict), f"{block}: YAML that is no mapping"
    return found


def _node(text: str) -> yaml.Node:
    node = yaml.compose(text)
    assert node is not None, "YAML that says nothing"
    return node


def _lay_over(path: Path, text: str) -> None:
    """Put a piece into a file, comments get lost."""
    there = _node(path.read_text(encoding="utf-8")) if path.exists() else None
    path.write_text(yaml.serialize(_merged(there, _node(text)), allow_unicode=True), encoding="utf-8")


def _merged(old: yaml.Node | None, new: yaml.Node) -> yaml.Node:
    """Return `new` laid over `old`: mappings key by key, lists of entries by what tells these apart."""
    if isinstance(old, yaml.MappingNode) and isinstance(new, yaml.MappingNode):
        values = {key.value: (key, value) for key, value in old.value}
        for key, value in new.value:
            before = values.get(key.value)
            values[key.value] = (key, _merged(before[1] if before else None, value))
        return yaml.MappingNode(new.tag, list(values.values()))
    if isinstance(old, yaml.SequenceNode) and isinstance(new, yaml.SequenceNode) and _entries(new):
        entries = dict(_entries(old))
        entries.update(_entries(new))
        return yaml.SequenceNode(new.tag, list(entries.values()))
    return new


def _entries(node: yaml.SequenceNode) -> list[tuple[str, yaml.Node]]:
    """Return the entries by what tells them apart; none where they are no mappings."""
    found: list[tuple[str, yaml.Node]] = []
    for entry in node.value:
        if not isinstance(entry, yaml.MappingNode):
            return []
        values = {key.value: value.value for key, value in entry.value}
        name = next(
            (f"{key} {values[key]}" for key in _NAMES if key in values),
            repr(sorted(map(str, values.items()))),
        )
        found.append((name, entry))
    return found


def _make_named_files(node: yaml.Node, config: Path) -> None:
    """Make the secrets, certificates and sounds that a piece names, where they are not there."""
    for key, value in _values(node):
        if isinstance(value, yaml.MappingNode):
            _make_certificates({name.value: name_of.value for name, name_of in value.value}, config)
        elif not value.value or "${" in value.value or "://" in value.value:
            continue
        elif key.endswith("_file"):
            _write_secret(config / value.value)
        elif key == "stream_urls" and not (config / value.value).exists():
            prompts.write(config / value.value, prompts.tone(440, 1.0))


def _values(node: yaml.Node, key: str = "") -> Iterator[tuple[str, yaml.Node]]:
    """Yield each mapping and each scalar with the key that it stands behind."""
    if isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _values(value, key)
        return
    yield key, node
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _values(value, name.value)


def _write_secret(path: Path) -> None:
    if not path.exists():
        path.write_text("opensesame\n", encoding="utf-8")
        path.chmod(0o600)


def _make_certificates(keys: dict[str, Any], config: Path) -> None:
    """Make a pair for the mapping that has `certificate` and `key`, and its authority for `ca`."""
    names = [keys[name] for name in ("certificate", "key", "ca") if keys.get(name)]
    if "certificate" not in keys or not names or any((config / name).exists() for name in names):
        return
    made = config.parent / "authority"
    made.mkdir(exist_ok=True)
    authority = Authority(made)
    pair = authority.pair("pbx.example.com", names=["pbx.example.com"])
    for name, file in (("certificate", pair.certificate), ("key", pair.key), ("ca", authority.file)):
        if keys.get(name):
            (config / keys[name]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, config / keys[name])
            (config / keys[name]).chmod(0o600)


def _look_at_prometheus(block: Block) -> None:
    """Look at a piece of Prometheus's configuration: it is not here to be asked."""
    for job in _mapping(block).get("scrape_configs", []):
        assert job.keys() >= {"job_name", "static_configs"}, f"{block}: a job wants a name and targets"
        unknown = job.keys() - _JOB
        assert not unknown, f"{block}: a job of Prometheus has no {unknown}"
