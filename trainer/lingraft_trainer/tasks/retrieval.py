"""Sentence retrieval: nearest neighbour by cosine of sentences' vectors; nothing is fine-tuned.

A base that is a sentence encoder makes its vectors as it does in sentence-transformers; of any
other the mean of the last states is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from lingraft.formats import ParallelPair, TaskRow
from lingraft_trainer.evaluation.metrics import retrieval_correct
from lingraft_trainer.models.readout import Readout
from lingraft_trainer.tasks.kinds import Scores, batched, checked, rows_at_once


@dataclass(frozen=True)
class Reader:
    """What makes a vector of a sentence: a tokenizer, a body, and what stands behind it."""

    body: PreTrainedModel
    tokenizer: Tokenizer
    readout: Readout = field(default_factory=Readout)


@torch.no_grad()
def sentence_vectors(reader: Reader, sentences: Sequence[str], max_length: int) -> np.ndarray:
    """Each sentence's vector, [n, D]."""
    body, tokenizer, readout = reader.body.eval(), reader.tokenizer, reader.readout
    readout.to(body.device)
    encoder = readout.encoder
    max_length = readout.length(tokenizer, max_length)

    def ids_of(texts: list[str]) -> list[list[int]]:
        encoded: Any = tokenizer(texts, truncation=True, max_length=max_length)
        return encoded["input_ids"]

    ids = ids_of([encoder.prompt + sentence for sentence in sentences])
    prompt = 0
    if encoder.prompt:
        (before,) = ids_of([encoder.prompt])
        prompt = len(before) - (before[-1] in tokenizer.all_special_ids)
    vectors: np.ndarray | None = None
    for part in batched([len(one) for one in ids], rows_at_once(body.device, max_length)):
        batch = tokenizer.pad(
            {"input_ids": [ids[i] for i in part]}, padding="longest", return_tensors="pt"
        ).to(body.device)
        hidden_BSH = checked(body(**batch).last_hidden_state.float(), "the encoder")
        found = readout(hidden_BSH, batch["attention_mask"], prompt).cpu().numpy()
        if vectors is None:
            vectors = np.empty((len(sentences), found.shape[1]), np.float32)
        vectors[part] = found
    assert vectors is not None  # a task has rows
    return vectors


def retrieval_scores(
    source: Reader, target: Reader, rows: Sequence[TaskRow], max_length: int
) -> Scores:
    """Top-1 accuracy of finding each new-language sentence's translation in the base's language.

    Args:
        source: The base, which reads `target` of the pairs.
        target: The grafted model, which reads `source` of the pairs.
        rows: Parallel pairs.
        max_length: Tokens, at most.
    """
    pairs = [row for row in rows if isinstance(row, ParallelPair)]
    new = sentence_vectors(target, [p.source for p in pairs], max_length)
    old = sentence_vectors(source, [p.target for p in pairs], max_length)
    per_example = {
        "accuracy": retrieval_correct(new, old, centred=False),
        "accuracyCentred": retrieval_correct(new, old, centred=True),
    }
    return Scores(
        per_example=per_example,
        totals={name: float(np.mean(values)) for name, values in per_example.items()},
    )
