"""A language that is the source language word for word, and what a perfect step 2 learns of it."""

import json
import re
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.family import embeddings, is_tied, output
from lingraft_trainer.stages.embed import EMBEDDINGS
from tests.support.tiny import SOURCE_WORDS, tiny_model, tiny_tokenizer

FOREIGN = {word: f"{word}u" if word.isalpha() else word for word in SOURCE_WORDS}
"""The new language: the same words, most by another name."""
THEIRS = [*FOREIGN.values()][::-1]


def base_of(model_type: str, folder: Path, *, layers: int = 4) -> Path:
    tokenizer = tiny_tokenizer(model_type, SOURCE_WORDS)
    tied = model_type not in ("olmo2", "qwen2")
    model = tiny_model(model_type, layers=layers, vocabulary=len(tokenizer), tied=tied)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def learned(model_type: str, base: Path, folder: Path) -> Path:
    """Embeddings as good as can be: each word has the rows of what it means."""
    model = load_lm(base).model
    own, new = (tiny_tokenizer(model_type, words) for words in (SOURCE_WORDS, THEIRS))
    meant: Any = {theirs: ours for ours, theirs in FOREIGN.items()}
    names: Any = new.convert_ids_to_tokens(list(range(len(new))))
    same: Any = [meant.get(name, name) for name in names]
    ids = own.convert_tokens_to_ids(same)
    tensors = {"weight": embeddings(model).weight[ids]}
    if not is_tied(model):
        tensors["output"] = output(model).weight[ids]
    if (bias := output(model).bias) is not None:
        tensors["bias"] = bias[ids]
    folder.mkdir()
    tensors = {name: one.detach().contiguous() for name, one in tensors.items()}
    save_file(tensors, folder / EMBEDDINGS)
    return folder


def foreign(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(r"\S+", lambda found: FOREIGN.get(found[0], found[0]), value)
    return [foreign(one) for one in value] if isinstance(value, list) else value


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
