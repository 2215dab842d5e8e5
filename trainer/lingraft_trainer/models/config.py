"""A checkpoint's config.json: read, refused where what it asks for would be left out, cut."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoConfig

from lingraft.architecture import check_settings
from lingraft.errors import UserError
from lingraft.families import family_of

FIELD = "spec.base.uri"


def read_config(path: Path) -> Any:
    """The checkpoint's config, its family and settings checked.

    Args:
        path: Directory of the checkpoint.

    Raises:
        UserError: No readable config.json, an unsupported family, or a setting that cannot be
            followed.
    """
    try:
        raw = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            "no config.json there: give the directory of a Hugging Face checkpoint", where=FIELD
        ) from None
    except ValueError as error:
        raise UserError(f"config.json is not JSON: {error}", where=FIELD) from error
    if not isinstance(raw, dict):
        raise UserError("config.json holds no JSON object", where=FIELD)
    family_of(str(raw.get("model_type", "")))
    check_settings(raw, where=FIELD)
    try:
        config: Any = AutoConfig.from_pretrained(path, local_files_only=True)
    except Exception as error:  # of many kinds, by what is wrong with a value
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"config.json cannot be read: {reason}", where=FIELD) from error
    if hasattr(config, "auto_map"):  # names code that is neither run nor handed on
        del config.auto_map
    return config


def cut(config: Any, layers: int) -> None:
    """Have a config describe a model's bottom layers alone, in place."""
    pick(config, range(layers))


def pick(config: Any, layers: Sequence[int]) -> None:
    """Have a config describe a model of some of its layers, in place.

    Args:
        config: Of the whole model.
        layers: Their numbers from 0, in order.
    """
    for field in ("layer_types", family_of(config.model_type).rotates):
        if field is not None and (each := getattr(config, field, None)) is not None:
            setattr(config, field, [each[layer] for layer in layers])
    config.num_hidden_layers = len(layers)
