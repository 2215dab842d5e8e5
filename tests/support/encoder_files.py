"""Files of a sentence encoder, without its weights."""

import json
from typing import Any


def files(*modules: tuple[str, str], **others: Any) -> dict[str, bytes]:
    """Files of an encoder by name: (type, path) of its modules, and JSON of others."""
    listed = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(modules)
    ]
    content: dict[str, Any] = {"modules.json": listed}
    content |= {f"{path}/config.json": {} for kind, path in modules if kind != "Transformer"}
    content |= {name.replace("__", "/") + ".json": one for name, one in others.items()}
    return {name: json.dumps(one).encode() for name, one in content.items()}
