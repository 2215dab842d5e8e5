"""A tokenizer as transformers reads it beside a model's config.json.

Of most types of models it takes tokenizer.json as it is. Of some (`qwen2` in transformers 5) it
makes a tokenizer of the type's own class, which has rules of its own, of any vocabulary, whatever
class the export names: others would feed the grafted model ids that it was not trained with.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unicodedata import normalize

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from lingraft.errors import UserError
from lingraft.selection import CONFIG
from lingraft_trainer.tokenization.sentencepiece_model import PROBES
from lingraft_trainer.tokenization.swap import save_tokenizer

FIELD = "spec.tokenizer.uri"
SPACES = ("a\n\n\tb = 12345;\r\n", "x  2024   (the   end) ", "I'll WE'LL it'S")
"""White space, numbers and short forms, which pre-tokenisers of bytes cut in different ways."""
LETTERS = ("The CAT sat", "\u00c9t\u00e9", "\u00bd \ufb01 \u00b2", "\uff11\uff21", "\u0130")
"""What lower case, NFKC or the loss of accents would change."""


def refuse_other_reading(
    tokenizer: PreTrainedTokenizerBase, model_type: str, texts: Iterable[str]
) -> None:
    """Refuse a tokenizer whose export would be read by other rules beside such a model.

    Args:
        tokenizer: Of the new language.
        model_type: Of the base.
        texts: Some of its text.

    Raises:
        UserError: Says by which class it would be read.
    """
    with TemporaryDirectory() as name:
        save_tokenizer(tokenizer, Path(name))
        (Path(name) / CONFIG).write_text(json.dumps({"model_type": model_type}), encoding="utf-8")
        read: Any = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    held = [*PROBES, *SPACES, *tokenizer.all_special_tokens, *texts]
    ids = tokenizer(held)["input_ids"]
    same = read.get_vocab() == tokenizer.get_vocab() and read(held)["input_ids"] == ids
    if same and read.batch_decode(ids) == tokenizer.batch_decode(ids):
        return
    raise UserError(
        f"beside a {model_type} model transformers reads any tokenizer as a "
        f"{type(read).__name__}, by whose rules this one gives other ids: give a tokenizer with "
        "its rules, or a base of another type",
        where=FIELD,
    )


def refuse_lossy(tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a tokenizer that changes letters: a causal model could never write those.

    And the bytes that it was spared would count as predicted. White space at the ends and
    composed letters (NFC) are no loss.

    Raises:
        UserError: Names a letter.
    """
    for text in LETTERS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        read = str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))
        if normalize("NFC", read.strip()) != normalize("NFC", text):
            raise UserError(
                f"it reads {text!r} as {read.strip()!r}, so that a causal model could never write "
                "the former: give one without such a normaliser, or none to have one trained",
                where=FIELD,
            )
