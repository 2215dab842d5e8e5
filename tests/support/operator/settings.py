"""The chart's settings in the simulated world."""

from typing import Any

from lingraft_operator.config import Config

STORE = "s3://lingraft/"


def config(**changes: Any) -> Config:
    """The chart's settings in the simulated world."""
    allowed = ["s3://corpora/", "s3://models/", "s3://tasks/", STORE]
    fields: dict[str, Any] = {
        "trainerImage": "lingraft/trainer:1",
        "access": [{"namespace": "*", "prefixes": allowed}],
    }
    return Config.model_validate(fields | changes)
