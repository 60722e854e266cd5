"""The schema as JSON Schema, so that an editor completes and checks a configuration (pure)."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from webhookd.config.schema import Settings


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of a configuration file."""
    schema = Settings.model_json_schema(schema_generator=_Plain)
    for definition in schema["$defs"].values():
        if "enum" in definition:
            del definition["description"]  # what Python says of the class is for its readers
    return {"$schema": _Plain.schema_dialect, **schema, "title": "webhookd.yaml"}


class _Plain(GenerateJsonSchema):
    """JSON Schema of what stands in a file: no null, no defaults of Python, no invented titles."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Leave null out: a key without a value is an error."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave out None as a default: the descriptions have the real ones."""
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """Let the key's name be its title."""
        return False
