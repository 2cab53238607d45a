"""The JSON Schemas of all files that operators write, by name; kept in config/schema/ by scripts/schemas.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from flows.schema import DIALECT, DocumentSchema, flow_schema
from flows.simulate.scenario_schema import scenario_schema
from voipbin_sip.config import Config
from voipbin_sip.directory import DirectoryFile


def schema_text(name: str) -> str:
    """Return the schema of this name as text: flow, scenarios, directory or config."""
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"


def _of(model: type[BaseModel], title: str, description: str) -> dict[str, Any]:
    schema = model.model_json_schema(schema_generator=DocumentSchema)
    return {"$schema": DIALECT, **schema, "title": title, "description": description}


def _directory() -> dict[str, Any]:
    return _of(DirectoryFile, "Directory", "Numbers, extensions, conferences, trunks, providers and routes")


def _config() -> dict[str, Any]:
    return _of(Config, "Configuration", "The server's own settings")


SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "flow": flow_schema,
    "scenarios": scenario_schema,
    "directory": _directory,
    "config": _config,
}
