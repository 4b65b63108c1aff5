"""The published schemas, made strict for tests."""

from __future__ import annotations

from jsonschema import Draft202012Validator

from batchocr.schemas import json_schema


def strict(name: str) -> Draft202012Validator:
    """Gives a validator that knows no key but those that the schema tells."""
    schema = json_schema(name)
    for entry in [schema, *schema.get("$defs", {}).values()]:
        if "properties" in entry:
            entry["additionalProperties"] = False
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
