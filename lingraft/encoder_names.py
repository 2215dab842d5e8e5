"""Which files beside a checkpoint are of its sentence encoder, by their names alone."""

import re
from collections.abc import Sequence

from lingraft.errors import UserError

MODULES = "modules.json"
SETTINGS = "config_sentence_transformers.json"
"""The encoder's own: prompts, similarity."""
TRANSFORMER = "sentence_bert_config.json"
"""The transformer module's: how long a text may be, which of its outputs counts."""
FORMER = tuple(
    f"sentence_{name}_config.json"
    for name in ("roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""Other names that it had."""
FOLDER = re.compile(r"\d+_\w+")
WEIGHTS = "model.safetensors"
_FORMER_PLACE = re.compile(r"0_\w+/config\.json")
SAVE_AGAIN = "save it again with SentenceTransformer(...).save_pretrained(...)"


def files_of_encoder(keys: Sequence[str]) -> frozenset[str]:
    """The files beside a checkpoint that are of its sentence encoder, by their names.

    Raises:
        UserError: Weights of a module are pickled alone.
    """
    if MODULES not in keys:
        return frozenset()
    found: set[str] = set()
    for key in keys:
        folder, _, name = key.rpartition("/")
        if not folder and name in (MODULES, SETTINGS, TRANSFORMER, *FORMER):
            found.add(key)
        if FOLDER.fullmatch(folder) is None:
            continue
        if name in ("config.json", WEIGHTS):
            found.add(key)
        elif name == "pytorch_model.bin" and f"{folder}/{WEIGHTS}" not in keys:
            raise UserError(
                f"the sentence encoder's {folder} has no {WEIGHTS} ({key} is never read): "
                f"{SAVE_AGAIN}"
            )
    return frozenset(found)


def refuse_former_layout(keys: Sequence[str]) -> None:
    """Refuse a sentence encoder whose transformer has a folder of its own, by the files' names.

    Raises:
        UserError: Names the folder.
    """
    below = next((key for key in keys if _FORMER_PLACE.fullmatch(key)), None)
    if MODULES in keys and below is not None:
        folder = below.partition("/")[0]
        raise UserError(
            f"the sentence encoder's transformer lies in {folder}, not at the top: {SAVE_AGAIN}"
        )
