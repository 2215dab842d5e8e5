"""Whether a checkpoint's class is one that transformers has, or is code of its own, never run."""

import json
from collections.abc import Mapping
from typing import Any, cast

from lingraft.errors import UserError

_OWN = ("model", "pretrainedmodel")
"""Behind a type's name: its body, and what all its classes are derived from (EuroBERT names it)."""


def check_code(config: Mapping[str, Any], *, where: str) -> None:
    """Refuse a checkpoint whose model is another class than transformers' of its model type.

    Many publish a copy of transformers' class with the weights: its name is the same, and
    transformers' own is taken. By another name it computes something else from the same tensors.

    Raises:
        UserError: Names the class.
    """
    own = _plain(str(config.get("model_type", "")))
    stems = (own, own.removesuffix("text"))
    said: Any = config.get("auto_map")
    mapped = cast(dict[str, Any], said) if isinstance(said, dict) else {}
    for auto, target in mapped.items():
        if not auto.startswith("AutoModel"):
            continue
        name = str(target).rpartition(".")[2]
        kinds = [_plain(name).removeprefix(stem) for stem in stems if _plain(name) != stem]
        if not any(kind in _OWN or kind.startswith("for") for kind in kinds):
            raise UserError(
                f"config.json has auto_map {auto} {json.dumps(target)[:80]}, which is code of its "
                "own, and none is run: give a checkpoint of a class that transformers has",
                where=where,
            )


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()
