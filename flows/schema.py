"""The JSON Schema (draft 2020-12) of flow files, made of the action classes, for completion in editors.

It says what a single file may look like. What needs a look at the whole flow or at other files (targets, steps
that are never reached, missing flows) is `flows.lint`'s. As in the check, a number or a truth value may be given
as text with a `${variable}` in it, and text may look like a number: `target: 1000`.
"""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from flows.actions.base import ActionType
from flows.actions.registry import ACTION_TYPES
from flows.draft import ActionDocument, FlowDocument
from flows.validation import Strict

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VARIABLE = r"\$\{.*\}"


class DocumentSchema(GenerateJsonSchema):
    """Lets text look like a number or a truth value, which plain YAML scalars may."""

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """Take numbers and truth values for text."""
        return {**super().str_schema(schema), "type": ["string", "number", "boolean"]}

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave titles out: they repeat the name."""
        return False


class _OptionSchema(DocumentSchema):
    """Lets every option be a text with a variable in it."""

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return _or_text(super().int_schema(schema), r"^[+-]?[0-9]+$")

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return _or_text(super().float_schema(schema), r"^[+-]?[0-9.]+([eE][+-]?[0-9]+)?$")

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        return _or_text(super().bool_schema(schema), r"^([Yy]es|[Nn]o|[Oo]n|[Oo]ff|[Tt]rue|[Ff]alse)$")

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return {"anyOf": [super().literal_schema(schema), {"type": "string", "pattern": _VARIABLE}]}

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        text = super().str_schema(schema)
        if "pattern" in text:
            text["pattern"] = f"{text['pattern']}|{_VARIABLE}"
        return text


def _or_text(schema: JsonSchemaValue, pattern: str) -> JsonSchemaValue:
    return {"anyOf": [schema, {"type": "string", "pattern": f"{pattern}|{_VARIABLE}"}]}


def option_schema(kind: type[Strict]) -> dict[str, Any]:
    """Return the schema of the options of one action type, or of a part of them."""
    schema = kind.model_json_schema(schema_generator=_OptionSchema)
    schema.pop("title", None)
    if issubclass(kind, ActionType) and kind.inner_key:
        schema["properties"][kind.inner_key]["items"] = {"$ref": "#/$defs/action"}
    return schema


def flow_schema() -> dict[str, Any]:
    """Return the schema of a flow file."""
    flow = FlowDocument.model_json_schema(schema_generator=DocumentSchema)
    flow["title"] = "Flow"
    flow["description"] = "What a call does, step by step"
    flow["properties"]["actions"] |= {"items": {"$ref": "#/$defs/action"}}
    definitions: dict[str, Any] = {"action": _action_schema()}
    for name, kind in ACTION_TYPES.items():
        definitions[name] = option_schema(kind)
        definitions |= definitions[name].pop("$defs", {})  # of models inside the options
    return {"$schema": DIALECT, **flow, "$defs": definitions}


def _action_schema() -> dict[str, Any]:
    action = ActionDocument.model_json_schema(schema_generator=DocumentSchema)
    action["properties"]["type"] = {"enum": list(ACTION_TYPES)}
    action["properties"]["option"] = {"type": "object", "description": "Options of the type"}
    action["title"] = "Action"
    action["allOf"] = [
        {
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {
                "description": (kind.__doc__ or "").strip(),
                "properties": {"option": {"$ref": f"#/$defs/{name}"}},
                "required": ["option"] if _needs_options(kind) else [],
            },
        }
        for name, kind in ACTION_TYPES.items()
    ]
    return action


def _needs_options(kind: type[ActionType]) -> bool:
    return any(field.is_required() for field in kind.model_fields.values())
