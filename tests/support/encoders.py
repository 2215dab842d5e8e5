"""Tiny sentence encoders as people publish them, written by sentence-transformers itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules as of
from transformers import AutoModel

from tests.support.bases import BASES
from tests.support.families import write_base
from tests.support.tiny import tiny_model

WIDTH = 16
PROMPTS = {"query": "habari ", "passage": "kitabu "}


def write_body(model_type: str, folder: Path, tokenizer: str | None = None) -> Path:
    """A checkpoint without a masked-LM head, with a pooler where the family has one.

    Args:
        model_type: The family.
        folder: Where to.
        tokenizer: Another family's, as the multilingual MiniLMs have XLM-R's.
    """
    if tokenizer is None:
        write_base(model_type, folder)
    else:
        words = BASES[tokenizer]()
        tiny_model(model_type, vocabulary=len(words)).save_pretrained(folder)
        words.save_pretrained(folder)
    body = AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    body.save_pretrained(folder)
    return folder


def write_encoder(
    body: Path,
    folder: Path,
    *behind: Any,
    max_length: int | None = None,
    prompts: dict[str, str] | None = None,
    default: str | None = None,
) -> Path:
    """A body and the modules behind it, saved as users save it."""
    transformer = of.Transformer(str(body), max_seq_length=max_length)
    whole = SentenceTransformer(
        modules=[transformer, *behind],
        device="cpu",
        prompts=prompts,
        default_prompt_name=default,
    )
    whole.save_pretrained(str(folder), create_model_card=False)
    return folder


def loaded(folder: Path) -> SentenceTransformer:
    """An encoder as its users load it."""
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def vectors(folder: Path, texts: Sequence[str]) -> Any:
    """What sentence-transformers makes of texts, [n, D]."""
    return loaded(folder).encode(list(texts))
