"""Base of the status models."""

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer
from pydantic.alias_generators import to_camel


class StatusModel(BaseModel):
    """Base of the status models: camelCase outside; unknown fields of a newer operator are kept."""

    model_config = ConfigDict(
        extra="allow", alias_generator=to_camel, populate_by_name=True, frozen=True
    )

    @model_serializer(mode="wrap")
    def _without_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Nothing that is None or empty, but for what must be there."""
        fields = type(self).model_fields.items()
        must = {key for name, one in fields if one.is_required() for key in (name, one.alias)}
        dumped: dict[str, Any] = handler(self)
        return {k: v for k, v in dumped.items() if k in must or v not in (None, "", (), [], {})}
