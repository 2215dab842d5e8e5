"""Features as `TaskKind.encode` gives them, whether a model reads one row of each or several."""

from typing import Any


def rows_of(feature: dict[str, Any]) -> list[dict[str, Any]]:
    """A feature's rows of a model: itself, or one for each choice."""
    return feature.get("rows", [feature])


def tokens_of(feature: dict[str, Any]) -> int:
    """Tokens of all its rows."""
    return sum(len(row["input_ids"]) for row in rows_of(feature))
