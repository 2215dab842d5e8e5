"""The name of a resource's base on the Hub, as its file says it."""

from pathlib import Path
from typing import Any

import yaml

from lingraft.hub.names import model_at


def hub_name(file: Path) -> str | None:
    """`org/name` where the file names a model of the Hub that is no folder beside it."""
    content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    written = str(content["spec"]["base"].get("uri") or "")
    model = model_at(written)
    if model is None or (file.parent / written).exists():
        return None
    return model.repository
