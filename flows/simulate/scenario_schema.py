"""The JSON Schema (draft 2020-12) of scenario files, made of their models, for completion in editors."""

from __future__ import annotations

from typing import Any

from flows.schema import DIALECT, DocumentSchema
from flows.simulate.document import ScenarioDocument


def scenario_schema() -> dict[str, Any]:
    """Return the schema of a scenario file."""
    schema = ScenarioDocument.model_json_schema(schema_generator=DocumentSchema)
    schema["title"] = "Scenarios"
    schema["description"] = "Calls to a flow, and what must come of each"
    return {"$schema": DIALECT, **schema}
