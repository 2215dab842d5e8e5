"""A sentence encoder's files beside its grafted checkpoint, for sentence-transformers to load."""

import json
import shutil
from pathlib import Path
from typing import Any

from lingraft.encoder_names import MODULES, SETTINGS, TRANSFORMER, WEIGHTS
from lingraft.encoders import TOKENIZER_SETTINGS, WEIGHTED, Encoder


def save_encoder(encoder: Encoder, base: Path, out: Path, max_length: int) -> None:
    """Keep what works on states as it is; say anew what was said of the base's tokenizer.

    Only files of the modules that `modules.json` names travel.

    Args:
        encoder: The base's, judged.
        base: Where its files are.
        out: The grafted checkpoint.
        max_length: Tokens that it reads of a text, no more than the model has positions for.
    """
    for name in (MODULES, SETTINGS):
        if (base / name).is_file():
            shutil.copyfile(base / name, out / name)
    settings = json.dumps(transformer_settings(encoder, max_length), indent=2, ensure_ascii=False)
    (out / TRANSFORMER).write_text(settings + "\n", encoding="utf-8")
    for module in encoder.modules:
        folder = out / module.path
        folder.mkdir(exist_ok=True)
        for name in ("config.json", WEIGHTS) if module.kind in WEIGHTED else ("config.json",):
            if (base / module.path / name).is_file():
                shutil.copyfile(base / module.path / name, folder / name)


def transformer_settings(encoder: Encoder, max_length: int) -> dict[str, Any]:
    """The settings of the transformer module under the new tokenizer.

    The length is said outright: where it is not, sentence-transformers takes RoBERTa's table of
    positions for it, of which the first two are not for tokens. Text is not lowered: the new
    tokenizer was trained on it as it stands.
    """
    settings = dict(encoder.transformer)
    for own in TOKENIZER_SETTINGS:
        if isinstance(said := settings.get(own), dict):
            settings[own] = {name: one for name, one in said.items() if name != "model_max_length"}
    settings["max_seq_length"] = max_length
    settings["do_lower_case"] = False
    return settings
