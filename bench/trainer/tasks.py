"""Fine-tuning and evaluation against transformers' modules as they come, in turn.

    python -m bench.trainer.tasks            (make bench-tasks)

One classifier of random weights and texts of random tokens whose lengths are spread as those of
Bible passages are. The plain side pads rows in the order they come, as one batch, under torch's
own dropout. Sides take turns; CPU time is compared, because others may use the machine.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

from lingraft_trainer.models.attention import with_quick_layers
from lingraft_trainer.models.family import embeddings
from lingraft_trainer.tasks.classify import Classification
from lingraft_trainer.tasks.kinds import EVALUATION_BATCH, TaskBatch, batched, pad, rows_at_once

VOCABULARY, LABELS, LENGTH, ROWS, TESTS = 4096, 6, 128, 32, 128
KIND = Classification()


def model_of(dropout: float) -> PreTrainedModel:
    """A pre-LN RoBERTa of 8 layers x 128, as in the replication at CPU scale."""
    config = AutoConfig.for_model(
        "roberta-prelayernorm",
        vocab_size=VOCABULARY,
        num_hidden_layers=8,
        hidden_size=128,
        num_attention_heads=4,
        intermediate_size=512,
        max_position_embeddings=LENGTH + 2,
        num_labels=LABELS,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config)
    embeddings(model).weight.requires_grad_(False)
    return model


def random_features(count: int) -> list[dict[str, Any]]:
    """Texts of 95 tokens on average, and a few cut at 128."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.normal(95, 25, count), 16, LENGTH).astype(int)
    return [
        {
            "input_ids": [0, *rng.integers(5, VOCABULARY, length - 2).tolist(), 2],
            "attention_mask": [1] * length,
            "target": int(rng.integers(LABELS)),
        }
        for length in lengths.tolist()
    ]


def update(model: PreTrainedModel, batches: Sequence[TaskBatch]) -> None:
    """Gradients of one update; the optimizer is the same on both sides."""
    model.train()
    for batch in batches:
        (KIND.loss(model, batch) / ROWS).backward()


@torch.no_grad()
def evaluate(model: PreTrainedModel, batches: Sequence[TaskBatch]) -> None:
    """Logits of all tests."""
    model.eval()
    for batch in batches:
        model(**batch.inputs)


def in_turn(sides: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of every side, round by round, after one that warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds + 1):
        for name, run in sides.items():
            began = time.process_time()
            run()
            seconds[name].append(time.process_time() - began)
    return {name: values[1:] for name, values in seconds.items()}


def main() -> None:
    """Print each side's median, and the ratio of the plain one to ours."""
    from tests.support.tiny import SOURCE_WORDS, tiny_tokenizer

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    tokenizer = tiny_tokenizer("roberta", SOURCE_WORDS)
    plain, ours = model_of(0.1), with_quick_layers(model_of(0.1))
    train, test = random_features(ROWS), random_features(TESTS)

    def in_order(features: list[dict[str, Any]], rows: int) -> list[TaskBatch]:
        starts = range(0, len(features), rows)
        return [pad(features[i : i + rows], tokenizer, LENGTH) for i in starts]

    def by_length(features: list[dict[str, Any]], rows: int) -> list[TaskBatch]:
        lengths = [len(feature["input_ids"]) for feature in features]
        parts = batched(lengths, rows)
        return [pad([features[i] for i in part], tokenizer, LENGTH) for part in parts]

    few = rows_at_once(torch.device("cpu"), LENGTH)
    sides: dict[str, dict[str, Callable[[], None]]] = {
        "a fine-tuning update": {
            "plain": lambda: update(plain, in_order(train, ROWS)),
            "ours": lambda: update(ours, by_length(train, few)),
        },
        "an evaluation": {
            "plain": lambda: evaluate(plain, in_order(test, EVALUATION_BATCH)),
            "ours": lambda: evaluate(ours, by_length(test, few)),
        },
    }
    for what, two in sides.items():
        found = in_turn(two, args.rounds)
        before, after = median(found["plain"]), median(found["ours"])
        print(
            f"{what}: {before:.2f} s plain, {after:.2f} s ours, {before / after:.2f}x", flush=True
        )


if __name__ == "__main__":
    main()
