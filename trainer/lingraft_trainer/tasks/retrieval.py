"""Sentence retrieval: mean-pooled states, nearest neighbour by cosine; nothing is fine-tuned."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from lingraft.formats import ParallelPair, TaskRow
from lingraft_trainer.metrics import retrieval_correct
from lingraft_trainer.tasks.kinds import Scores, batched, checked, rows_at_once


@torch.no_grad()
def sentence_vectors(
    body: PreTrainedModel, tokenizer: Tokenizer, sentences: Sequence[str], max_length: int
) -> np.ndarray:
    """Mean of the last states over each sentence's tokens, [n, H]."""
    body.eval()
    ids = tokenizer(list(sentences), truncation=True, max_length=max_length)["input_ids"]
    vectors = np.empty((len(sentences), body.config.hidden_size), np.float32)
    for part in batched([len(one) for one in ids], rows_at_once(body.device, max_length)):
        batch = tokenizer.pad(
            {"input_ids": [ids[i] for i in part]}, padding="longest", return_tensors="pt"
        ).to(body.device)
        hidden_BSH = checked(body(**batch).last_hidden_state.float(), "the encoder")
        mask_BS1 = batch["attention_mask"].unsqueeze(-1)
        vectors[part] = ((hidden_BSH * mask_BS1).sum(1) / mask_BS1.sum(1)).cpu().numpy()
    return vectors


def retrieval_scores(
    source_body: PreTrainedModel,
    source_tokenizer: Tokenizer,
    target_body: PreTrainedModel,
    target_tokenizer: Tokenizer,
    rows: Sequence[TaskRow],
    max_length: int,
) -> Scores:
    """Top-1 accuracy of finding each new-language sentence's translation in the base's language.

    Args:
        source_body: The base, which reads `target` of the pairs.
        source_tokenizer: The base's.
        target_body: The grafted model, which reads `source` of the pairs.
        target_tokenizer: The new language's.
        rows: Parallel pairs.
        max_length: Tokens, at most.
    """
    pairs = [row for row in rows if isinstance(row, ParallelPair)]
    new = sentence_vectors(target_body, target_tokenizer, [p.source for p in pairs], max_length)
    old = sentence_vectors(source_body, source_tokenizer, [p.target for p in pairs], max_length)
    per_example = {
        "accuracy": retrieval_correct(new, old, centred=False),
        "accuracyCentred": retrieval_correct(new, old, centred=True),
    }
    return Scores(
        per_example=per_example,
        totals={name: float(np.mean(values)) for name, values in per_example.items()},
    )
