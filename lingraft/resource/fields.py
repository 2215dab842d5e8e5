"""What the resource's models share: names as users write them, URIs, bounds."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Uri = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2048,
        description="s3://bucket/key; on one machine also a path.",
        json_schema_extra={"format": "uri"},
    ),
]

ModelUri = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2048,
        description="s3://bucket/key, or a model of the Hugging Face Hub: org/name; on one machine "
        "also a path.",
        json_schema_extra={"format": "model-uri"},
    ),
]

MOST_STEPS = 10_000_000
MOST_POSITIONS = 131_072
MOST_LAYERS = 1000


class Model(BaseModel):
    """Base of the spec's models: camelCase outside, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)
